/**
 * `fs.createReadStream` with pooled chunks, where the consumer allows: see pooled-readable.ts.
 */
import { checkKnown, checkObject } from '../arguments';
import type { PathLike } from './descriptor';
import { checkSignal } from './errors';
import { type FileRange, FileSource, RANGE_OPTIONS } from './file-source';
import { POOLED_OPTIONS, PooledReadable, type PooledReadableOptions } from './pooled-readable';

/** Options of `createReadStream`. */
export interface ReadStreamOptions extends PooledReadableOptions, FileRange {}

const NAMES = [...POOLED_OPTIONS, ...RANGE_OPTIONS];

/**
 * A stream of a file's bytes: `createReadStream(path).pipe(response)`.
 *
 * @param path string, Buffer or file: URL. It is opened when the first bytes are asked for; an error in that is the stream's 'error'.
 * @returns a Readable: see `PooledReadable` for which consumers get pooled chunks.
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; RangeError ERR_OUT_OF_RANGE.
 */
export function createReadStream(path: PathLike, options: ReadStreamOptions = {}): PooledReadable {
  checkObject(options);
  checkKnown(options, NAMES);
  const { pool, chunkBytes, signal } = options;
  checkSignal(signal);
  return new PooledReadable(new FileSource(path, options), { pool, chunkBytes, signal });
}
