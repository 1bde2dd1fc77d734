/**
 * A pool: Buffers out of blocks, given back by hand.
 *
 *     allocUnsafe   size -> slot -> magazine: pop an id -> a view of its block -> stamp
 *     free          stamp -> magazine: push the id
 *
 * That is the whole of the hot path, written out in the two methods; it calls nothing that is not inlined, allocates nothing but the
 * view and its stamp, and counts one number. Everything else is behind it in methods of their own: arguments that are no
 * plain sizes, empty and full magazines (tcache.ts), Buffers that are not this pool's, pools that clear their memory.
 *
 * Nothing is half-done: a method that throws has changed nothing, but for blocks moved between the caches and the heap.
 *
 * That is but for one error: the RangeError of a caller that has recursed too deeply, which any call of ours may throw. Blocks that
 * were on their way between a Buffer, a cache and the heap are lost then until the pool is destroyed, and statistics may be off by them.
 * No two live Buffers share a block even so: what gives one away lets go of it first.
 *
 * Where the engine lets somebody take a slab's memory away (`LOSES_MEMORY`), the slab gets other memory when the first of its Buffers
 * is freed, or where the slow path meets it. `allocUnsafe` does not look: a check there, or a `try`, costs a tenth to all of its time
 * (measured). So between the two an allocation from such a slab may throw a TypeError.
 *
 * What JavaScript does not free, no one does: a Buffer that is dropped without `free` keeps its block until the pool is destroyed, or
 * is collected itself.
 *
 * Threads: a pool and its Buffers belong to the thread that made it; `share` and `adopt` move a Buffer to another pool, in any thread.
 */
import { types } from 'node:util';
import { checkShareable, checkSize, classAligned } from './arguments';
import type { Backend } from './backend/contract';
import { currentBackend, infoOf } from './backend/select';
import { concatenated, filled, fromAny, zeroed } from './contents';
import { HakmemError } from './errors';
import { FastBuffer } from './fast-buffer';
import { LOSES_MEMORY, SMALL_BYTES } from './front-slab';
import { type BufferHandle, handleOf, tokenOf } from './handle';
import { type Lease, PoolLease } from './lease';
import { type Magazine, NONE } from './magazine';
import { emptySlots, HOT_BYTES, type Magazines } from './magazines';
import { checkOptions, type PoolOptions } from './pool-options';
import { refusal } from './refusal';
import { fitsWell, relocate } from './relocate';
import { enter, leave } from './reporters';
import { sizeClassOf, slotOf } from './size-class';
import { Stamp, stampedView } from './stamp';
import type { PoolStats } from './stats';
import { Tcache } from './tcache';

// The engine takes constants of this file for granted; an import it would look up and compare at each use.
const View = FastBuffer;
const Mark = Stamp;
const NO_ID = NONE;
const HOT_SIZE = HOT_BYTES;
const MAY_NEED_MENDING = LOSES_MEMORY;
const slotOfSize = slotOf;
const { liveIdOf, magazineOf, clear } = Stamp;

/** What `free` looks at in place of undefined. */
const NO_VIEW = {};

let poolsNamed = 0;

/** Set by the class below: ways in for what is built on pools, which callers of the package do not have. */
export let tcacheOf: (pool: Pool) => Tcache;
/** The magazine that a Buffer's block belongs to. Throws unless it is the pool's, and live. */
export let magazineOwned: (pool: Pool, buffer: Buffer) => Magazine;

/**
 * A pool of Buffers with its own limit and statistics. Made by `createPool`.
 *
 * After `destroy()` every method but `destroy` throws HakmemError ERR_HAKMEM_DESTROYED.
 */
export class Pool {
  /** For people. */
  readonly name: string;
  /** The most that callers may hold, in bytes of blocks; Infinity where there is no limit. */
  readonly maxBytes: number;
  readonly #tcache: Tcache;
  /** The cache's own magazines; in a pool that clears memory none, so that each allocation takes the slow path. */
  readonly #slots: Magazines;
  readonly #zero: boolean;

  /** @param backend where blocks come from; for tests and tools, which run several in one process. */
  constructor(options: PoolOptions = {}, backend: Backend = currentBackend()) {
    checkOptions(options);
    this.name = options.name ?? `pool-${++poolsNamed}`;
    this.maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#zero = options.zero ?? false;
    this.#tcache = new Tcache(this, backend, this.maxBytes, options.shared ?? false);
    this.#slots = this.#zero ? emptySlots() : this.#tcache.slots;
    enter(this.#tcache);
  }

  static {
    tcacheOf = (pool) => pool.#tcache;
    magazineOwned = (pool, buffer) => pool.#owned(buffer);
  }

  /**
   * A Buffer of exactly `size` bytes, contents undefined (zeros in a pool made with `zero`).
   *
   * @param size bytes, 0..`buffer.constants.MAX_LENGTH`; as on `Buffer` a fraction is cut off.
   * @param alignment of the first byte's address: a power of two, 1..2 MiB. Without it 16 bytes. The ts backend promises no more
   *   than that.
   * @returns a Node Buffer, to be given back with `free`.
   * @throws TypeError ERR_INVALID_ARG_TYPE; RangeError ERR_OUT_OF_RANGE; HakmemError ERR_HAKMEM_OUT_OF_MEMORY, ERR_HAKMEM_LIMIT,
   *   ERR_HAKMEM_BACKEND where the backend has no such alignment.
   * @see Bonwick and Adams 2001, magazines.
   */
  allocUnsafe(size: number, alignment?: number): Buffer<ArrayBuffer> {
    if (alignment === undefined && typeof size === 'number' && size >= 0 && size <= HOT_SIZE) {
      const magazine = this.#slots[slotOfSize(size)];
      if (magazine !== undefined) {
        let id = magazine.last;
        if (id < 0) {
          id = magazine.raise();
        }
        if (id >= 0) {
          const view = new View(magazine.memoryOf(id), magazine.offsetOf(id), size);
          new Mark(view, magazine, id);
          // Last, so that a view that could not be made has changed nothing.
          magazine.last = NO_ID;
          magazine.allocs++;
          return view;
        }
      }
    }
    return this.#allocSlow(size, alignment);
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
  alloc(size: number, fill?: string | Uint8Array | number, encoding?: BufferEncoding): Buffer<ArrayBuffer> {
    if ((fill === undefined || fill === 0) && typeof size === 'number' && size > SMALL_BYTES) {
      return this.#allocZero(this.#magazineFor(size, undefined), size);
    }
    return filled(this, this.allocUnsafe(size), fill, encoding);
  }

  /**
   * A Buffer with the bytes of `value`, as `Buffer.from` makes it; but an ArrayBuffer is copied, where `Buffer.from` shares it.
   *
   * @param value string, Uint8Array, array of numbers, ArrayBuffer or SharedArrayBuffer, array-like object, or an object whose
   *   `valueOf` or `Symbol.toPrimitive` gives one of these.
   * @param encodingOrOffset of a string its encoding, 'utf8' by default; of an ArrayBuffer the first byte to copy.
   * @param length of an ArrayBuffer the number of bytes to copy.
   * @returns a Node Buffer, to be given back with `free`.
   * @throws what `Buffer.from` throws; HakmemError ERR_HAKMEM_OUT_OF_MEMORY, ERR_HAKMEM_LIMIT.
   */
  from(value: string, encoding?: BufferEncoding): Buffer<ArrayBuffer>;
  from(value: ArrayBufferLike, byteOffset?: number, length?: number): Buffer<ArrayBuffer>;
  from(value: Uint8Array | readonly number[] | ArrayLike<number>): Buffer<ArrayBuffer>;
  from(value: object, encodingOrOffset?: BufferEncoding | number, length?: number): Buffer<ArrayBuffer>;
  from(value: unknown, encodingOrOffset?: unknown, length?: unknown): Buffer<ArrayBuffer> {
    return fromAny(this, value, encodingOrOffset, length);
  }

  /**
   * The bytes of all Buffers of a list in one, as `Buffer.concat` makes it.
   *
   * @param list Uint8Arrays.
   * @param totalLength bytes of the result: what is more is cut off, what is missing is zero. By default the sum.
   * @returns a Node Buffer, to be given back with `free`; also for an empty list.
   * @throws what `Buffer.concat` throws; HakmemError ERR_HAKMEM_OUT_OF_MEMORY, ERR_HAKMEM_LIMIT.
   */
  concat(list: readonly Uint8Array[], totalLength?: number): Buffer<ArrayBuffer> {
    return concatenated(this, list, totalLength);
  }

  /**
   * Grows or shrinks a Buffer: in place where the new size fits its block and does not leave more than half of it empty, else by
   * moving it. The bytes up to the smaller of the two lengths are kept; the ones after them are undefined (zeros in a pool made with
   * `zero`). A Buffer that moves keeps an alignment of 16 bytes only.
   *
   * @param buffer of this pool. It is dead afterwards, also where the result lies in the same place; if this throws, it stays valid.
   * @param size as in `allocUnsafe`.
   * @returns a Node Buffer, to be given back with `free`.
   * @throws what `allocUnsafe` and `free` throw.
   */
  realloc(buffer: Buffer, size: number): Buffer<ArrayBuffer> {
    const magazine = this.#owned(buffer);
    checkSize(size);
    if (fitsWell(magazine, size)) {
      return this.#reshape(buffer, magazine, size);
    }
    try {
      return this.#move(buffer, size);
    } catch (error) {
      // Shrinking must not fail for want of memory: the block that it has will do.
      if (size <= magazine.blockSizeBytes && error instanceof HakmemError) {
        return this.#reshape(buffer, magazine, size);
      }
      throw error;
    }
  }

  /**
   * Gives a Buffer's block back. The Buffer must not be used any more: what is written through it from now on may spoil the contents of
   * another Buffer.
   *
   * @param buffer as this pool returned it; a subarray or a copy is not.
   * @throws TypeError ERR_INVALID_ARG_TYPE; HakmemError ERR_HAKMEM_DOUBLE_FREE, ERR_HAKMEM_NOT_OWNED. Then nothing is changed.
   */
  free(buffer: Buffer): void {
    // A name of its own: where the caller has used the Buffer in code that sees Node's too, the engine would expect those here as well,
    // and look private fields up by calls (measured: a fifth of the whole allocation).
    const view = buffer === undefined ? NO_VIEW : buffer;
    const id = idOrNone(view);
    if (id >= 0) {
      const magazine = magazineOf(view);
      // One that has lost its memory takes the slow way, where the slab gets other memory.
      if (magazine.cachedBy === this && !(MAY_NEED_MENDING && (view as Buffer).length === 0)) {
        if (magazine.last < 0) {
          clear(view);
          magazine.last = id;
          return;
        }
        if (magazine.bury(id)) {
          clear(view);
          return;
        }
      }
    }
    this.#freeSlow(buffer);
  }

  /**
   * @param buffer of this pool.
   * @returns bytes of the block behind it: `realloc` up to there stays in place.
   * @throws what `free` throws.
   */
  usableSize(buffer: Buffer): number {
    return this.#owned(buffer).blockSizeBytes;
  }

  /**
   * A Buffer that goes back at the end of a scope: `using lease = pool.lease(65536)`.
   *
   * @param size as in `allocUnsafe`.
   * @param alignment as in `allocUnsafe`.
   * @returns an object with the Buffer; disposing of it again, or after the Buffer was freed, does nothing.
   * @throws what `allocUnsafe` throws.
   */
  lease(size: number, alignment?: number): Lease {
    return new PoolLease(this, this.allocUnsafe(size, alignment));
  }

  /**
   * Moves a Buffer to whoever adopts it, in this thread or another of the process, without copying: the handle travels by
   * `postMessage`, `workerData`, a BroadcastChannel or any other way.
   *
   * The Buffer is dead for this pool: the next `free`, `realloc` or `share` of it throws ERR_HAKMEM_MOVED. What nobody adopts stays in
   * use until the pool is destroyed; its own thread can take it back by adopting it. Of a thread that has ended, a handle is good for
   * HAKMEM_SHARE_GRACE_MS more (half a minute); on the ts backend as long as somebody has it, if the Buffer was made there.
   *
   * @param buffer of this pool, adopted ones included.
   * @returns a handle for one `adopt`.
   * @throws what `free` throws; HakmemError ERR_HAKMEM_MOVED, ERR_HAKMEM_OUT_OF_MEMORY; ERR_HAKMEM_NOT_SHAREABLE in a pool of
   *   the ts backend made without `shared`.
   */
  share(buffer: Buffer): BufferHandle {
    const magazine = this.#owned(buffer);
    checkShareable(this.#tcache.heap.shareable, this.#tcache.backend);
    const token = this.#tcache.share(magazine, Stamp.idOf(buffer), buffer.length);
    Stamp.move(buffer);
    return handleOf(token, buffer.length);
  }

  /**
   * Takes a shared Buffer over: from here on it is this pool's like any other, whatever becomes of the pool and thread it came from.
   *
   * @param handle as `share` returned it, or a clone of it.
   * @returns a Node Buffer with the bytes and length of the one that was shared, to be given back with `free`.
   * @throws TypeError ERR_INVALID_ARG_TYPE; HakmemError ERR_HAKMEM_MOVED where the handle was adopted before; ERR_HAKMEM_DESTROYED where
   *   the pool that shared it has been destroyed, or its thread ended too long ago; ERR_HAKMEM_NOT_OWNED where it names no Buffer of this
   *   process; ERR_HAKMEM_LIMIT, ERR_HAKMEM_OUT_OF_MEMORY, after which it can be adopted still; ERR_HAKMEM_NOT_SHAREABLE in a pool of
   *   the ts backend made without `shared`.
   */
  adopt(handle: BufferHandle): Buffer<ArrayBuffer> {
    this.#checkAlive();
    const token = tokenOf(handle);
    checkShareable(this.#tcache.heap.shareable, this.#tcache.backend);
    const { magazine, id, lengthBytes } = this.#tcache.adopt(token);
    return this.#view(magazine, id, lengthBytes);
  }

  /** @returns the numbers of this pool: see `PoolStats`. */
  stats(): PoolStats {
    this.#checkAlive();
    const { name, maxBytes } = this;
    return { name, maxBytes, backend: infoOf(this.#tcache.backend), ...this.#tcache.stats() };
  }

  /**
   * Gives idle memory back to the OS: the pool's caches, empty slabs, free memory of the others.
   *
   * @returns bytes given back.
   */
  trim(): number {
    this.#checkAlive();
    return this.#tcache.trim();
  }

  /**
   * Gives all of the pool's memory back at once. Buffers that still exist keep their memory until they are collected, and can be read
   * and written; they belong to no pool any more. Destroying a pool again does nothing.
   */
  destroy(): void {
    leave(this.#tcache);
    this.#tcache.destroy();
  }

  #allocSlow(size: number, alignment: number | undefined): Buffer<ArrayBuffer> {
    const magazine = this.#magazineFor(size, alignment);
    return this.#zero ? this.#allocZero(magazine, size) : this.#allocFrom(magazine, size);
  }

  /** @throws what `allocUnsafe` throws for its arguments. */
  #magazineFor(size: number, alignment: number | undefined): Magazine {
    this.#checkAlive();
    checkSize(size);
    const sizeClass = alignment === undefined ? sizeClassOf(size) : classAligned(this.#tcache.backend, size, alignment);
    return this.#tcache.magazineOf(sizeClass);
  }

  #allocFrom(magazine: Magazine, size: number): Buffer<ArrayBuffer> {
    const ready = magazine.pop();
    const view = this.#view(magazine, ready === NO_ID ? this.#tcache.miss(magazine) : ready, size);
    magazine.allocs++;
    return view;
  }

  /** Memory that comes fresh from the system is zero. Up to SMALL_BYTES clearing is faster than asking. */
  #allocZero(magazine: Magazine, size: number): Buffer<ArrayBuffer> {
    if (magazine.cached > 0 || magazine.blockSizeBytes <= SMALL_BYTES) {
      return zeroed(this.#allocFrom(magazine, size), 0);
    }
    const { id, zero } = this.#tcache.missZero(magazine);
    const view = this.#view(magazine, id, size);
    magazine.allocs++;
    return zero ? view : zeroed(view, 0);
  }

  /** @returns a stamped view of a block. Where it cannot be made, the block goes back. */
  #view(magazine: Magazine, id: number, size: number): Buffer<ArrayBuffer> {
    try {
      magazine.mend(id);
      return stampedView(magazine, id, size);
    } catch (error) {
      this.#put(magazine, id);
      throw error;
    }
  }

  #put(magazine: Magazine, id: number): void {
    if (!magazine.push(id)) {
      this.#tcache.spill(magazine, id);
    }
  }

  #freeSlow(buffer: Buffer): void {
    const magazine = this.#owned(buffer);
    const id = Stamp.idOf(buffer);
    // Before the block can be handed out again, and for its neighbours in the caches.
    magazine.mend(id);
    // First, for `put` may throw where callers are too deep in calls: rather lose the block than have it twice.
    Stamp.clear(buffer);
    this.#put(magazine, id);
  }

  /** The same block through a view of another length. */
  #reshape(buffer: Buffer, magazine: Magazine, size: number): Buffer<ArrayBuffer> {
    const view = stampedView(magazine, Stamp.idOf(buffer), size);
    Stamp.clear(buffer);
    return this.#zero ? zeroed(view, buffer.length) : view;
  }

  #move(buffer: Buffer, size: number): Buffer<ArrayBuffer> {
    const moved = this.#allocSlow(size, undefined);
    try {
      relocate(this.#tcache.heap, buffer, moved, this.#zero);
    } catch (error) {
      // The old memory was transferred away by force: nothing can be copied.
      this.#freeSlow(moved);
      throw error;
    }
    this.#freeSlow(buffer);
    return moved;
  }

  /** @returns the magazine that the Buffer's block belongs to. @throws unless the Buffer is this pool's, and live. */
  #owned(buffer: Buffer): Magazine {
    this.#checkAlive();
    const magazine = types.isUint8Array(buffer) ? Stamp.liveMagazineOf(buffer) : undefined;
    if (magazine?.pool !== this) {
      throw refusal(buffer, this.name);
    }
    return magazine;
  }

  #checkAlive(): void {
    if (this.#tcache.destroyed) {
      const message = `The pool '${this.name}' was destroyed; neither it nor its Buffers can be used any more`;
      throw new HakmemError('ERR_HAKMEM_DESTROYED', message);
    }
  }
}

/** The id of a live Buffer, else a negative number. What is no object throws, which costs less than asking first (13 instructions). */
function idOrNone(view: object): number {
  try {
    return liveIdOf(view);
  } catch {
    return NO_ID;
  }
}
