/** A pool and a directory of the test file's own: after each test every Buffer is back and no file is open. */
import { afterEach, expect } from 'vitest';
import { openPool } from './books';
import { openBelow, openFiles } from './files';

export function openPooledFiles(name: string) {
  const { pool, books } = openPool(name);
  const { directory, file } = openFiles();
  afterEach(() => {
    books.check();
    expect(openBelow(directory), 'files left open').toBe(0);
  });
  return {
    pool,
    books,
    directory,
    file,
    /** Waits until every Buffer is back: a destination may have its chunk longer than the stream is there. */
    async allBack(): Promise<void> {
      while (pool.stats().blocks.live > 0) {
        await new Promise(setImmediate);
      }
    },
  };
}
