/**
 * hakmem: pooled Buffers that are given back by hand.
 *
 *     const buffer = allocUnsafe(65536);
 *     ...
 *     free(buffer);
 *
 * The functions here are the methods of one default pool, which exists as long as the thread does: it is no object that callers could
 * destroy. `stats` and `trim` are about all pools of the thread.
 *
 * Threads: each worker thread has its own instance of this module, with its own default pool.
 */
import { isMainThread } from 'node:worker_threads';
import { type BackendInfo, currentBackend, infoOf } from './backend/select';
import { fixedPoolOf } from './checked-fixed-pool';
import { poolOf } from './checked-pool';
import { HakmemError as HakmemErrorClass } from './errors';
import type { FixedPool, FixedPoolOptions } from './fixed-pool';
import type { BufferHandle } from './handle';
import type { Lease } from './lease';
import { options } from './options';
import type { Pool } from './pool';
import type { PoolOptions } from './pool-options';
import { threadStats, threadTrim } from './reporters';
import { formatSummary, type Stats } from './stats';

export type { Capabilities, ClassStats, ComponentStats, HeapStats } from './backend/contract';
export type { BackendInfo } from './backend/select';
export type { HakmemErrorCode } from './errors';
export type { FixedPool, FixedPoolOptions, FixedPoolStats } from './fixed-pool';
export type { BufferHandle } from './handle';
export type { Lease } from './lease';
export type { Pool } from './pool';
export type { PoolOptions } from './pool-options';
export type { PoolStats, Stats } from './stats';

/**
 * The class of the allocator's own errors.
 *
 * Re-exported by value: a re-export by name compiles to a getter, which makes the engine keep all exports in a table, and looking
 * `hakmem.allocUnsafe` up in it takes longer than the allocation (measured).
 */
export const HakmemError = HakmemErrorClass;
export type HakmemError = HakmemErrorClass;

/** Which backend runs, why, and what it can do. */
export const backend: BackendInfo = infoOf(currentBackend());

const defaultPool = poolOf({ name: 'default' });

/**
 * A Buffer of exactly `size` bytes, contents undefined.
 *
 * @param size bytes, 0..`buffer.constants.MAX_LENGTH`; as on `Buffer` a fraction is cut off.
 * @param alignment of the first byte's address: a power of two, 1..2 MiB. Without it 16 bytes. The ts backend promises no more than
 *   that.
 * @returns a Node Buffer, to be given back with `free`.
 * @throws TypeError ERR_INVALID_ARG_TYPE; RangeError ERR_OUT_OF_RANGE; HakmemError ERR_HAKMEM_OUT_OF_MEMORY, ERR_HAKMEM_BACKEND where
 *   the backend has no such alignment.
 * @see Bonwick and Adams 2001, magazines.
 */
export function allocUnsafe(size: number, alignment?: number): Buffer<ArrayBuffer> {
  return defaultPool.allocUnsafe(size, alignment);
}

/**
 * A Buffer of exactly `size` bytes, zeroed or filled as `Buffer.alloc` does.
 *
 * @param size as in `allocUnsafe`.
 * @param fill string, Uint8Array or number; 0 by default.
 * @param encoding of a string; 'utf8' by default.
 * @returns a Node Buffer, to be given back with `free`.
 * @throws what `allocUnsafe` throws, and what `Buffer.alloc` throws for such a fill.
 */
export function alloc(
  size: number,
  fill?: string | Uint8Array | number,
  encoding?: BufferEncoding,
): Buffer<ArrayBuffer> {
  return defaultPool.alloc(size, fill, encoding);
}

/**
 * A Buffer with the bytes of `value`, as `Buffer.from` makes it; but an ArrayBuffer is copied, where `Buffer.from` shares it.
 *
 * @param value string, Uint8Array, array of numbers, ArrayBuffer or SharedArrayBuffer, array-like object, or an object whose
 *   `valueOf` or `Symbol.toPrimitive` gives one of these.
 * @param encodingOrOffset of a string its encoding, 'utf8' by default; of an ArrayBuffer the first byte to copy.
 * @param length of an ArrayBuffer the number of bytes to copy.
 * @returns a Node Buffer, to be given back with `free`.
 * @throws what `Buffer.from` throws; HakmemError ERR_HAKMEM_OUT_OF_MEMORY.
 */
export function from(value: string, encoding?: BufferEncoding): Buffer<ArrayBuffer>;
export function from(value: ArrayBufferLike, byteOffset?: number, length?: number): Buffer<ArrayBuffer>;
export function from(value: Uint8Array | readonly number[] | ArrayLike<number>): Buffer<ArrayBuffer>;
export function from(value: object, encodingOrOffset?: BufferEncoding | number, length?: number): Buffer<ArrayBuffer>;
export function from(value: unknown, encodingOrOffset?: unknown, length?: unknown): Buffer<ArrayBuffer> {
  return defaultPool.from(value as object, encodingOrOffset as number, length as number);
}

/**
 * The bytes of all Buffers of a list in one, as `Buffer.concat` makes it.
 *
 * @param list Uint8Arrays.
 * @param totalLength bytes of the result: what is more is cut off, what is missing is zero. By default the sum.
 * @returns a Node Buffer, to be given back with `free`; also for an empty list.
 * @throws what `Buffer.concat` throws; HakmemError ERR_HAKMEM_OUT_OF_MEMORY.
 */
export function concat(list: readonly Uint8Array[], totalLength?: number): Buffer<ArrayBuffer> {
  return defaultPool.concat(list, totalLength);
}

/**
 * Grows or shrinks a Buffer: in place where the new size fits its block and does not leave more than half of it empty, else by moving
 * it. The bytes up to the smaller of the two lengths are kept; the ones after them are undefined. A Buffer that moves keeps an
 * alignment of 16 bytes only.
 *
 * @param buffer of the default pool. It is dead afterwards, also where the result lies in the same place; if this throws, it stays
 *   valid.
 * @param size as in `allocUnsafe`.
 * @returns a Node Buffer, to be given back with `free`.
 * @throws what `allocUnsafe` and `free` throw.
 */
export function realloc(buffer: Buffer, size: number): Buffer<ArrayBuffer> {
  return defaultPool.realloc(buffer, size);
}

/**
 * Gives a Buffer's block back. The Buffer must not be used any more: what is written through it from now on may spoil the contents of
 * another Buffer.
 *
 * @param buffer as a function of this module returned it; a subarray or a copy is not, nor is a Buffer of another pool.
 * @throws TypeError ERR_INVALID_ARG_TYPE; HakmemError ERR_HAKMEM_DOUBLE_FREE, ERR_HAKMEM_NOT_OWNED. Then nothing is changed.
 */
export function free(buffer: Buffer): void {
  defaultPool.free(buffer);
}

/**
 * @param buffer of the default pool.
 * @returns bytes of the block behind it: `realloc` up to there stays in place.
 * @throws what `free` throws.
 */
export function usableSize(buffer: Buffer): number {
  return defaultPool.usableSize(buffer);
}

/**
 * A Buffer that goes back at the end of a scope: `using lease = hakmem.lease(65536)`.
 *
 * @param size as in `allocUnsafe`.
 * @param alignment as in `allocUnsafe`.
 * @returns an object with the Buffer; disposing of it again, or after the Buffer was freed, does nothing.
 * @throws what `allocUnsafe` throws.
 */
export function lease(size: number, alignment?: number): Lease {
  return defaultPool.lease(size, alignment);
}

/**
 * Moves a Buffer to whoever adopts it, in this thread or another of the process, without copying: the handle travels by `postMessage`,
 * `workerData`, a BroadcastChannel or any other way.
 *
 * The Buffer is dead here: the next `free`, `realloc` or `share` of it throws ERR_HAKMEM_MOVED. What nobody adopts stays in use; its own
 * thread can take it back by adopting it. Of a thread that has ended, a handle is good for HAKMEM_SHARE_GRACE_MS more (half a minute).
 *
 * @param buffer of the default pool, adopted ones included.
 * @returns a handle for one `adopt`.
 * @throws what `free` throws; HakmemError ERR_HAKMEM_MOVED, ERR_HAKMEM_OUT_OF_MEMORY; ERR_HAKMEM_NOT_SHAREABLE on the ts backend,
 *   where pools made with `shared: true` can.
 */
export function share(buffer: Buffer): BufferHandle {
  return defaultPool.share(buffer);
}

/**
 * Takes a shared Buffer over: from here on it is the default pool's like any other, whatever becomes of the pool and thread it came
 * from.
 *
 * @param handle as `share` returned it, or a clone of it.
 * @returns a Node Buffer with the bytes and length of the one that was shared, to be given back with `free`.
 * @throws TypeError ERR_INVALID_ARG_TYPE; HakmemError ERR_HAKMEM_MOVED where the handle was adopted before; ERR_HAKMEM_DESTROYED where the
 *   pool that shared it has been destroyed, or its thread ended too long ago; ERR_HAKMEM_NOT_OWNED where it names no Buffer of this process;
 *   ERR_HAKMEM_OUT_OF_MEMORY, after which it can be adopted still; ERR_HAKMEM_NOT_SHAREABLE on the ts backend,
 *   where pools made with `shared: true` can.
 */
export function adopt(handle: BufferHandle): Buffer<ArrayBuffer> {
  return defaultPool.adopt(handle);
}

/**
 * A pool of its own: its own heap, limit and statistics, and an end.
 *
 * @param poolOptions all of them may be left out.
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for an option that there is not; RangeError ERR_OUT_OF_RANGE.
 */
export function createPool(poolOptions?: PoolOptions): Pool {
  return poolOf(poolOptions);
}

/**
 * A pool of Buffers of one length that are recycled as the same objects, for read loops.
 *
 * @param poolOptions `size` is needed.
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for an option that there is not; RangeError ERR_OUT_OF_RANGE; HakmemError
 *   ERR_HAKMEM_BACKEND for an alignment that the backend has not.
 */
export function createFixedPool(poolOptions: FixedPoolOptions): FixedPool {
  return fixedPoolOf(poolOptions);
}

/**
 * The numbers of all pools. The native backend counts the whole process, all threads, where blocks in the caches of other threads count
 * as live; the ts backend counts its own thread.
 *
 * @returns a plain object, a snapshot.
 */
export function stats(): Stats {
  return { backend, ...threadStats(currentBackend()) };
}

/**
 * Gives idle memory of all pools of this thread back to the OS.
 *
 * @returns bytes given back.
 */
export function trim(): number {
  return threadTrim(currentBackend());
}

if (options.stats && isMainThread) {
  process.once('exit', () => process.stderr.write(formatSummary(stats())));
}
