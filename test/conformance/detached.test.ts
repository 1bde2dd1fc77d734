/**
 * What becomes of a pool when the engine's own calls have taken memory away from it: nothing is lost but the bytes, and what is
 * allocated next is whole.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { openPool } from './support/books';
import { DETACHES, takeMemoryAway } from './support/detach';
import { outcome } from './support/outcome';

const { pool, books } = openPool('detached');
afterEach(() => {
  books.freeAll();
  books.check();
});

/** In a slab with others, in an ArrayBuffer of its own, in a mapping of its own. */
const SIZES = [100, 1000, 40_000, 3 * 2 ** 20];

/** @returns a Buffer without memory. */
function detached(size: number): Buffer {
  const buffer = books.keep(pool.allocUnsafe(size));
  expect(takeMemoryAway(buffer)).toBe(true);
  return buffer;
}

describe.runIf(DETACHES).each(SIZES)('a Buffer of %i bytes without memory', (size) => {
  it('cannot be moved, and no block is lost by trying', () => {
    const buffer = detached(size);
    for (let round = 0; round < 5; round++) {
      expect(outcome(() => pool.realloc(buffer, 4 * size))).toHaveProperty('error.name', 'TypeError');
      books.check();
    }
    books.free(buffer);
  });
});
