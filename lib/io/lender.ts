/**
 * Where the Buffers of hakmem/io come from and go back to: the default pool, a Pool, or a fixed pool.
 *
 * Everything that takes a `pool` option takes it by its methods, so the module `hakmem` itself is one, and so is a pool's wrapper.
 *
 * Threads: those of the pool.
 */
import { constants } from 'node:buffer';
import { checkNumber, HakmemError, invalidArgType } from '../errors';
import { allocUnsafe, free, realloc } from '../index';

/** A `Pool`, or the module `hakmem`: Buffers of any length. */
export interface BufferPool {
  allocUnsafe(size: number): Buffer<ArrayBuffer>;
  realloc(buffer: Buffer, size: number): Buffer<ArrayBuffer>;
  free(buffer: Buffer): void;
}

/** A `FixedPool`: Buffers of one length. */
export interface RecycledBuffers {
  /** Bytes of every Buffer, 1 or more. */
  readonly size: number;
  acquire(): Buffer<ArrayBuffer>;
  release(buffer: Buffer): void;
}

/** Options of everything that hands out chunks. */
export interface ChunkOptions {
  /** Where chunks come from. Default: the default pool. */
  pool?: BufferPool | RecycledBuffers | undefined;
  /** The most bytes of a chunk, 1 or more. Default: 64 KiB, or the size of a fixed pool's Buffers, which is also the most there. */
  chunkBytes?: number | undefined;
}

export const CHUNK_OPTIONS = ['pool', 'chunkBytes'] as const satisfies readonly (keyof ChunkOptions)[];

export const DEFAULT_POOL: BufferPool = { allocUnsafe, realloc, free };

/** As in the streams of Node. */
const DEFAULT_CHUNK_BYTES = 64 * 1024;

/** Lends Buffers for chunks. */
export interface Lender {
  /** The most bytes of a chunk. */
  readonly chunkBytes: number;
  /** @returns a Buffer of `chunkBytes`, or of `atMostBytes` if that is less. @throws what the pool throws. */
  take(atMostBytes: number): Buffer<ArrayBuffer>;
  giveBack(buffer: Buffer): void;
}

/**
 * @returns who lends Buffers according to the options.
 * @throws TypeError ERR_INVALID_ARG_TYPE; RangeError ERR_OUT_OF_RANGE.
 */
export function lenderOf({ pool = DEFAULT_POOL, chunkBytes }: ChunkOptions): Lender {
  if (isRecycled(pool)) {
    return fixedLender(pool, chunkBytes);
  }
  const buffers = checkPool(pool);
  const mostBytes = wholeChunk(chunkBytes, DEFAULT_CHUNK_BYTES, constants.MAX_LENGTH);
  return {
    chunkBytes: mostBytes,
    take: (atMostBytes) => buffers.allocUnsafe(Math.min(atMostBytes, mostBytes)),
    giveBack: (buffer) => giveBack(() => buffers.free(buffer)),
  };
}

/** @throws TypeError ERR_INVALID_ARG_TYPE unless Buffers of any length can be had from it. */
export function checkPool(pool: unknown): BufferPool {
  if (!hasMethods(pool, ['allocUnsafe', 'realloc', 'free'])) {
    throw invalidArgType('options.pool', 'a pool of hakmem', pool);
  }
  return pool as BufferPool;
}

/** Runs what gives a Buffer back. A pool that was destroyed meanwhile has taken everything back itself. */
export function giveBack(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof HakmemError && error.code === 'ERR_HAKMEM_DESTROYED')) {
      throw error;
    }
  }
}

/** @throws TypeError ERR_INVALID_ARG_TYPE unless it recycles Buffers; RangeError ERR_OUT_OF_RANGE where there is no room in them. */
export function checkRecycled(pool: unknown, name: string): asserts pool is RecycledBuffers {
  if (!isRecycled(pool)) {
    throw invalidArgType(name, 'a fixed pool of hakmem', pool);
  }
  checkNumber(pool.size, `${name}.size`, 1, constants.MAX_LENGTH);
}

function isRecycled(pool: unknown): pool is RecycledBuffers {
  return hasMethods(pool, ['acquire', 'release']);
}

function fixedLender(pool: RecycledBuffers, chunkBytes: number | undefined): Lender {
  checkRecycled(pool, 'options.pool');
  return {
    chunkBytes: wholeChunk(chunkBytes, pool.size, pool.size),
    take: () => pool.acquire(),
    giveBack: (buffer) => giveBack(() => pool.release(buffer)),
  };
}

function wholeChunk(chunkBytes: unknown, otherwiseBytes: number, mostBytes: number): number {
  if (chunkBytes === undefined) {
    return otherwiseBytes;
  }
  checkNumber(chunkBytes, 'options.chunkBytes', 1, mostBytes);
  return Math.floor(chunkBytes);
}

export function hasMethods(value: unknown, names: readonly string[]): boolean {
  const methods = Object(value) as Record<string, unknown>;
  return names.every((name) => typeof methods[name] === 'function');
}
