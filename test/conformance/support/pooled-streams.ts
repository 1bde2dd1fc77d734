/** Streams over files through a pool of the test file's own, and how many chunks the pool handed out for them. */
import { createReadStream, type PooledReadable } from '../../../lib/io/index';
import { openPooledFiles } from './pooled-files';

export const LONG = 1_000_003;
export const CHUNK_BYTES = 10_000;

export function openStreams(name: string) {
  const files = openPooledFiles(name);
  const { pool, file } = files;
  const allocs = () => pool.stats().operations.allocs;
  return {
    ...files,
    allocs,
    /** Chunks that the pool handed out so far: 0 for consumers that must not see any. */
    pooledSince: (before: number): number => allocs() - before,
    open: (lengthBytes = LONG): PooledReadable =>
      createReadStream(file(lengthBytes), { pool, chunkBytes: CHUNK_BYTES }),
  };
}
