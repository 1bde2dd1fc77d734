/**
 * A magazine: the free blocks of one size class that a pool keeps ready. It is a bin of the JavaScript thread's cache.
 *
 *     ids     | 5 | 9 | 4 |   |   |   |   |        small integers, the newer the higher
 *                       top ^               ^ ids.length
 *     last    | 7 |                                the newest of all, or NONE: a Buffer that is allocated and freed in turn
 *                                                  goes in and out here, which costs two array accesses less (measured: 5%)
 *
 *     id      |  ordinal of the slab  | index |        memories[id >>> indexBits], view at (id & indexMask) * stride
 *
 * Blocks are integers and not objects, because storing an object in an array costs a write barrier at each free (measured: a
 * tenth of the whole allocation). The pool's hot path reads and writes `last` and `allocs` directly; `raise` and `bury` are what else it
 * needs, apart so that it stays short: what an engine compiles into a caller is bounded by length.
 *
 * The capacity starts small, grows where blocks are missed and shrinks where they are not: see cache-budget.ts.
 *
 * Invariants: 0 <= top <= ids.length; capacity = ids.length + 1, or 0 where `cachedBy` is null and nothing is cached; a slab's `held`
 * counts the blocks in `ids[0..top)` and `last`, and those of callers.
 * Threads: the one whose pool it is.
 * Source: magazines from Bonwick and Adams 2001; the bin as an array from jemalloc's cache_bin.
 */
import type { Heap } from './backend/contract';
import { type FrontSlab, SlabTable } from './front-slab';
import { classSizeBytes } from './size-class';

/** No id. */
export const NONE = -1;

/*
 * Fields are declared and not initialised where the constructor sets them: the engine keeps a field that was undefined
 * at first in a form that has to be checked at each reading.
 */
export class Magazine {
  declare readonly sizeClass: number;
  declare readonly blockSizeBytes: number;
  declare readonly table: SlabTable;
  /** Width of the index in an id, and the bits themselves. */
  declare readonly indexBits: number;
  declare readonly indexMask: number;
  /** The table's own: the hot path saves a step. */
  declare readonly strideBytes: number;
  declare readonly memories: ArrayBuffer[];
  /** Whose blocks these are; null once that is destroyed. */
  declare pool: object | null;
  /** The same, or null while the magazine may hold nothing. */
  declare cachedBy: object | null;

  /** Integers of 31 bits, all of them: one double would turn the array into an array of doubles. */
  ids: number[] = [];
  top = 0;
  last = NONE;
  /** Allocations served. Begins as a double, so that the engine never has to change its kind when it outgrows 31 bits. */
  allocs = -0;

  /** Blocks taken from the heap and not given back: callers', and those in `ids`. */
  held = 0;
  /** Allocations that found it empty. */
  misses = 0;
  /** Changes of the capacity. */
  grown = 0;
  shrunk = 0;
  /** Blocks given back because it was full, less those that a growth since then answers. */
  spilled = 0;
  /** Live blocks that came from other pools, less those that went to others. */
  moved = 0;
  /** `allocs` when idle magazines were last looked for. A double like that one, or all magazines get another shape at the first sweep. */
  allocsAtSweep = -0;
  /** The same when the last tick was. */
  allocsAtTick = -0;
  /** It was empty or full since the last tick. */
  troubled = false;

  /** @param pool what the stamps of its blocks are compared with. */
  constructor(pool: object, heap: Heap, sizeClass: number) {
    this.pool = pool;
    this.cachedBy = null;
    this.sizeClass = sizeClass;
    // A double in every magazine, for it is one in some: or the first of those would change the shape of all.
    this.blockSizeBytes = -0;
    this.blockSizeBytes = classSizeBytes(sizeClass);
    this.table = new SlabTable(heap, sizeClass);
    // Integers by 32-bit operations: a field that once held a double stays slow to read, too.
    this.indexBits = 32 - Math.clz32(this.table.blocks - 1);
    this.indexMask = (1 << this.indexBits) - 1;
    this.strideBytes = this.table.strideBytes | 0;
    this.memories = this.table.memories;
    this.allocs = 0;
  }

  /** Blocks that it may hold. */
  get capacity(): number {
    return this.cachedBy === null ? 0 : this.ids.length + 1;
  }

  /** Blocks that it holds. */
  get cached(): number {
    return this.last === NONE ? this.top : this.top + 1;
  }

  /** Blocks that callers hold. */
  get live(): number {
    return this.held - this.cached;
  }

  /** Bytes of its ArrayBuffers of which no block is held. */
  get idleBytes(): number {
    return this.table.idle * this.table.slabSizeBytes;
  }

  /** @param capacity at least what it holds. */
  resize(capacity: number): void {
    if (capacity > this.capacity) {
      this.grown++;
    } else if (capacity < this.capacity) {
      this.shrunk++;
    }
    this.cachedBy = capacity === 0 ? null : this.pool;
    const length = Math.max(0, capacity - 1);
    if (this.top > length) {
      // Then there is no `last`: the newest gets its place.
      this.last = this.pop();
    }
    this.ids.length = Math.min(length, this.ids.length);
    while (this.ids.length < length) {
      this.ids.push(0);
    }
  }

  /** Moves the newest block of `ids` to `last`, which is empty. @returns its id, or NONE. */
  raise(): number {
    if (this.top > 0) {
      this.top--;
      this.last = this.ids[this.top];
    }
    return this.last;
  }

  /** Puts a block in, in place of `last`, which goes to `ids`. @returns false, with nothing done, where these are full. */
  bury(id: number): boolean {
    const { ids, top } = this;
    if (top === ids.length) {
      return false;
    }
    ids[top] = this.last;
    this.top = top + 1;
    this.last = id;
    return true;
  }

  /** Takes the newest block out. @returns its id, or NONE. */
  pop(): number {
    const id = this.last === NONE ? this.raise() : this.last;
    this.last = NONE;
    return id;
  }

  /** Puts a block in. @returns false, with nothing done, where it is full. */
  push(id: number): boolean {
    if (this.last !== NONE) {
      return this.bury(id);
    }
    if (this.capacity === 0) {
      return false;
    }
    this.last = id;
    return true;
  }

  /** Copies the ids of the oldest blocks. @param count what it holds at most. */
  copyOldest(count: number, ids: Int32Array): void {
    for (let at = 0; at < count; at++) {
      ids[at] = at < this.top ? this.ids[at] : this.last;
    }
  }

  /** Takes those out. */
  dropOldest(count: number): void {
    if (count > this.top) {
      this.last = NONE;
    }
    const fromArray = Math.min(count, this.top);
    this.ids.copyWithin(0, fromArray, this.top);
    this.top -= fromArray;
  }

  /** Destroys it: nothing that it or a caller holds can be given back any more. */
  disown(): void {
    this.pool = null;
    this.cachedBy = null;
    this.last = NONE;
    this.top = 0;
  }

  /** Takes a block that the heap has handed out. @returns its id. @throws where there is no memory to view it. */
  hold(block: number): number {
    const slab = this.table.hold(block);
    this.held++;
    return (slab.ordinal << this.indexBits) | (block - slab.key);
  }

  /** Lets go of a block that the heap has taken back. */
  release(id: number): void {
    this.table.release(this.slabOf(id));
    this.held--;
  }

  /** Sees to it that a block can be viewed, also where its ArrayBuffer has lost the memory. @throws where there is no memory for another. */
  mend(id: number): void {
    if (this.memoryOf(id).byteLength === 0) {
      this.table.mend(this.slabOf(id));
    }
  }

  slabOf(id: number): FrontSlab {
    return this.table.slabs[id >>> this.indexBits];
  }

  memoryOf(id: number): ArrayBuffer {
    return this.memories[id >>> this.indexBits];
  }

  /** @returns where the block starts in that ArrayBuffer. */
  offsetOf(id: number): number {
    return Math.imul(id & this.indexMask, this.strideBytes);
  }

  /** @returns the block's number in the heap. */
  blockOf(id: number): number {
    return this.slabOf(id).key + (id & this.indexMask);
  }
}
