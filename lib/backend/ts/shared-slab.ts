/**
 * What a slab of a shared heap has besides its bitmap: memory that threads can share, and once a block was lent, its state.
 *
 * The memory stays the same as long as the slab does, however often the front end asks for it, because a block that comes back must
 * be seen through the memory that its neighbours are seen through.
 *
 * Threads: the owner of the heap.
 */
import { makeSharedMemory } from '../../engine-memory';
import type { Slab } from './slab';
import type { SlabState } from './slab-state';

export class SharedSlab {
  /** Made at the first share. */
  state: SlabState | null = null;
  /** Blocks that are elsewhere. */
  lent = 0;
  /** In the post, while there are such. */
  number = 0;
  /** Of the whole slab. */
  #whole: SharedArrayBuffer | null = null;
  /** Or of each block, by index. */
  readonly #single: (SharedArrayBuffer | undefined)[] = [];

  constructor(readonly slab: Slab) {}

  /**
   * @param whole over the whole slab, not over block `index`; the same for all blocks of a class.
   * @returns null where the engine refuses.
   */
  memory(index: number, whole: boolean): SharedArrayBuffer | null {
    if (this.slab.huge) {
      this.slab.run.chunk.memory ??= makeSharedMemory(this.slab.blockSizeBytes);
      return this.slab.run.chunk.memory;
    }
    if (whole) {
      this.#whole ??= makeSharedMemory(this.slab.sizeBytes);
      return this.#whole;
    }
    this.#single[index] ??= makeSharedMemory(this.slab.blockSizeBytes) ?? undefined;
    return this.#single[index] ?? null;
  }

  /**
   * The memory of a block that leaves.
   * @param seen the front end's, which it may have kept from an earlier slab in this place: then it is this slab's from here on. Where
   *   there is none, it is what was given out before.
   */
  seenThrough(index: number, seen: SharedArrayBuffer | null): SharedArrayBuffer | null {
    if (this.slab.huge) {
      this.slab.run.chunk.memory ??= seen;
    } else if (seen !== null && seen.byteLength > this.slab.blockSizeBytes) {
      this.#whole ??= seen;
    } else if (seen !== null) {
      this.#single[index] ??= seen;
    }
    return this.memory(index, this.#whole !== null);
  }
}

/** @returns what the slab has, made at its first use. */
export function sharedSlabOf(slab: Slab): SharedSlab {
  slab.shared ??= new SharedSlab(slab);
  return slab.shared;
}
