/**
 * A magazine: the free blocks of one size class that a pool keeps ready. It is a bin of the JavaScript thread's cache.
 *
 *     ids     | 5 | 9 | 4 | 7 |   |   |   |   |        small integers, the newest last
 *                           top ^               ^ ids.length: the capacity
 *
 *     id      |  ordinal of the slab  | index |        memories[id >>> indexBits], view at (id & indexMask) * stride
 *
 * Blocks are integers and not objects, because storing an object in an array costs a write barrier at each free (measured: a
 * tenth of the whole allocation). The pool's hot path reads and writes `ids`, `top` and `allocs` directly.
 *
 * The capacity starts small and doubles when a miss comes after as many blocks were spilled (given back because the magazine was
 * full) as the doubling could have kept; so a program that only allocates never makes it grow.
 *
 * Invariants: 0 <= top <= ids.length; a slab's `held` counts the blocks in `ids[0..top)` and those of callers.
 * Threads: the one whose pool it is.
 * Source: magazines from Bonwick and Adams 2001; the bin as an array from jemalloc's cache_bin.
 */
import type { Heap } from './backend/contract';
import { type FrontSlab, SlabTable } from './front-slab';
import { classSizeBytes } from './size-class';

export class Magazine {
  readonly sizeClass: number;
  readonly blockSizeBytes: number;
  readonly table: SlabTable;
  /** Width of the index in an id, and the bits themselves. */
  readonly indexBits: number;
  readonly indexMask: number;
  /** The table's own: the hot path saves a step. */
  readonly strideBytes: number;
  readonly memories: ArrayBuffer[];
  /** Whose blocks these are; null once that is destroyed. */
  owner: object | null;

  /** Integers of 32 bits, all of them: one double would turn the array into an array of doubles. */
  ids: number[] = [];
  top = 0;
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
  /** `allocs` when idle magazines were last looked for. */
  allocsAtSweep = 0;

  constructor(owner: object, heap: Heap, sizeClass: number) {
    this.owner = owner;
    this.sizeClass = sizeClass;
    this.blockSizeBytes = classSizeBytes(sizeClass);
    this.table = new SlabTable(heap, sizeClass);
    // Integers by 32-bit operations: a field that once held a double stays slow to read.
    this.indexBits = 32 - Math.clz32(this.table.blocks - 1);
    this.indexMask = (1 << this.indexBits) - 1;
    this.strideBytes = this.table.strideBytes | 0;
    this.memories = this.table.memories;
    this.allocs = 0;
  }

  get capacity(): number {
    return this.ids.length;
  }

  /** Blocks that callers hold. */
  get live(): number {
    return this.held - this.top;
  }

  /** Bytes of its ArrayBuffers of which no block is held. */
  get idleBytes(): number {
    return this.table.idle * this.table.slabSizeBytes;
  }

  /** @param capacity at least `top`. */
  resize(capacity: number): void {
    if (capacity === this.ids.length) {
      return;
    }
    if (capacity > this.ids.length) {
      this.grown++;
    } else {
      this.shrunk++;
    }
    this.ids.length = Math.min(capacity, this.ids.length);
    while (this.ids.length < capacity) {
      this.ids.push(0);
    }
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
