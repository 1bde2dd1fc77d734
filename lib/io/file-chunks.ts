/**
 * The bytes of a file chunk by chunk, in two pooled Buffers that are used over and over: see read-ahead.ts.
 *
 * Threads: those of the pool.
 */
import { checkKnown, checkObject } from '../arguments';
import type { PathLike } from './descriptor';
import { checkSignal, throwIfAborted } from './errors';
import { type FileRange, FileSource, RANGE_OPTIONS } from './file-source';
import { CHUNK_OPTIONS, type ChunkOptions, type Lender, lenderOf } from './lender';
import { ReadAhead } from './read-ahead';
import type { ChunkSource } from './source';

/** Options of `fileChunks`. */
export interface FileChunksOptions extends ChunkOptions, FileRange {
  /** Ends the iteration. */
  signal?: AbortSignal | undefined;
}

const NAMES = [...CHUNK_OPTIONS, ...RANGE_OPTIONS, 'signal'];

/**
 * The chunks of a file, in order:
 *
 *     for await (const chunk of fileChunks(path)) hash.update(chunk);
 *
 * **A chunk is valid until the next step**: then its Buffer is filled again. Copy what must live longer. The next chunk is read meanwhile.
 * The Buffers go back to their pool at the end, on an error, and when the loop is left by `break`, `return` or `throw`; who calls `next`
 * by hand calls `return` too.
 *
 * @param path string, Buffer or file: URL. It is opened at the first step.
 * @returns an iterator that yields views of pooled Buffers, 1 to `chunkBytes` bytes each; they are not to be freed.
 * @throws at once TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE; at a step what `fs.open` and `fs.read` throw, AbortError
 *   ABORT_ERR, HakmemError ERR_HAKMEM_LIMIT, ERR_HAKMEM_OUT_OF_MEMORY, ERR_HAKMEM_DESTROYED.
 */
export function fileChunks(path: PathLike, options: FileChunksOptions = {}): AsyncGenerator<Buffer<ArrayBuffer>, void> {
  checkObject(options);
  checkKnown(options, NAMES);
  checkSignal(options.signal);
  return chunksOf(new FileSource(path, options), lenderOf(options), options.signal);
}

/** The chunks of a source, which is closed when they end. */
async function* chunksOf(
  source: ChunkSource,
  lender: Lender,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer<ArrayBuffer>, void> {
  const ahead = new ReadAhead(source, lender);
  try {
    for (;;) {
      throwIfAborted(signal);
      const chunk = await ahead.next();
      throwIfAborted(signal);
      if (chunk === null) {
        return;
      }
      yield chunk;
    }
  } finally {
    await ahead.release();
    await source.close();
  }
}
