/**
 * A whole file in one pooled Buffer.
 *
 *     open -> stat -> a Buffer of the file's size -> read until it is full, or the file ends -> close
 *
 * A file that says 0 bytes may be one that does not know (/proc, pipes): its Buffer grows by doubling, and is cut to fit at the end.
 *
 * Invariant: the Buffer goes back on every way out but the good one, and never while a read may still write to it.
 * Threads: those of the pool.
 */
import { constants } from 'node:buffer';
import { checkKnown, checkObject } from '../arguments';
import { closeFile, openFile, type PathLike, readInto, statFile } from './descriptor';
import { checkSignal, fileTooLarge, throwIfAborted } from './errors';
import { type BufferPool, checkPool, DEFAULT_POOL, giveBack } from './lender';

/** Options of `readFile`. */
export interface ReadFileOptions {
  /** A pool, or the module `hakmem`. Default: the default pool. */
  pool?: BufferPool | undefined;
  /** Ends the reading. */
  signal?: AbortSignal | undefined;
  /** How the file is opened, as in `fs.open`. Default: 'r'. */
  flag?: string | number | undefined;
}

const NAMES: readonly (keyof ReadFileOptions)[] = ['pool', 'signal', 'flag'];

/** To begin with where the size is unknown. */
const UNKNOWN_SIZE_BYTES = 64 * 1024;
/** What one call reads at most: it holds one of libuv's few threads, and a signal is looked at in between. */
const READ_BYTES = 2 * 1024 * 1024;

/**
 * Reads a whole file, as `fs.promises.readFile` does. Of a file that grows meanwhile, what was there when it was opened; one that shrinks
 * ends where it ends.
 *
 * @param path string, Buffer or file: URL.
 * @returns a pooled Buffer of exactly the file's length in bytes, to be given back to its pool by `free`.
 * @throws (the promise rejects) what `fs.promises.readFile` throws for such a file; AbortError ABORT_ERR once a read in progress is over;
 *   RangeError ERR_FS_FILE_TOO_LARGE; TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; HakmemError ERR_HAKMEM_LIMIT, ERR_HAKMEM_OUT_OF_MEMORY,
 *   ERR_HAKMEM_DESTROYED. Then no Buffer is kept.
 */
export async function readFile(path: PathLike, options: ReadFileOptions = {}): Promise<Buffer<ArrayBuffer>> {
  checkObject(options);
  checkKnown(options, NAMES);
  const { pool = DEFAULT_POOL, signal, flag = 'r' } = options;
  checkPool(pool);
  checkSignal(signal);
  throwIfAborted(signal);
  const descriptor = await openFile(path, flag);
  let buffer: Buffer<ArrayBuffer>;
  try {
    buffer = await readAll(descriptor, pool, signal);
  } catch (error) {
    // What went wrong first is what counts.
    await closeFile(descriptor).catch(() => undefined);
    throw error;
  }
  try {
    await closeFile(descriptor);
    return buffer;
  } catch (error) {
    giveBack(() => pool.free(buffer));
    throw error;
  }
}

async function readAll(
  descriptor: number,
  pool: BufferPool,
  signal: AbortSignal | undefined,
): Promise<Buffer<ArrayBuffer>> {
  const sizeBytes = await knownSize(descriptor);
  let buffer = pool.allocUnsafe(sizeBytes || UNKNOWN_SIZE_BYTES);
  try {
    let filledBytes = 0;
    while (filledBytes === 0 || filledBytes !== sizeBytes) {
      throwIfAborted(signal);
      if (filledBytes === buffer.length) {
        buffer = pool.realloc(buffer, filledBytes * 2);
      }
      const lengthBytes = Math.min(buffer.length - filledBytes, READ_BYTES);
      const bytesRead = await readInto(descriptor, { buffer, fromBytes: filledBytes, lengthBytes }, null);
      if (bytesRead === 0) {
        break;
      }
      filledBytes += bytesRead;
    }
    throwIfAborted(signal);
    return filledBytes === buffer.length ? buffer : pool.realloc(buffer, filledBytes);
  } catch (error) {
    giveBack(() => pool.free(buffer));
    throw error;
  }
}

/** @returns bytes, 0 where the file does not say. */
async function knownSize(descriptor: number): Promise<number> {
  const stats = await statFile(descriptor);
  const sizeBytes = stats.isFile() ? stats.size : 0;
  if (sizeBytes > constants.MAX_LENGTH) {
    throw fileTooLarge(sizeBytes, constants.MAX_LENGTH);
  }
  return sizeBytes;
}
