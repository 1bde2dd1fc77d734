/**
 * A slab: a run of units that holds blocks of one size class.
 *
 *     units    |            0            |            1            | ...
 *     blocks   |  0  |  1  |  2  |  3  |  4  |  5  | ...  |  last | rest |       rest: at most an eighth of the slab
 *     free        0     1     1     0     0     1   ...                          the whole state of the blocks
 *
 * Blocks are handed out lowest first, so that a slab that is not full keeps its upper end untouched.
 * A huge slab has one block, and a chunk of its own.
 *
 * Invariants: `used` is the number of clear bits in `free`; a slab with a free block is in its class's partial list
 * (unless it is huge), a full one is in none.
 * Threads: the owner of the heap.
 */
import { classSizeBytes, SLAB_CLASSES, slabBlocks, UNIT_BYTES } from '../../size-class';
import { BLOCKS_PER_SLAB_LIMIT } from '../contract';
import { invariant } from './assert';
import { Bitmap } from './bitmap';
import { blockAt } from './block-number';
import type { Run } from './chunk';
import type { Linked } from './list';
import type { SharedSlab } from './shared-slab';

export class Slab implements Linked<Slab> {
  prev: Slab | null = null;
  next: Slab | null = null;
  /** Blocks handed out. */
  used = 0;
  /** It was empty at the last tick already. */
  idle = false;
  /** In a heap whose blocks can go to other threads: its memory, and what they know of it. */
  shared: SharedSlab | null = null;
  readonly blocks: number;
  readonly blockSizeBytes: number;
  readonly #free: Bitmap;

  /**
   * @param sequence the heap's running number of the slab.
   * @param sizeClass any class; from SLAB_CLASSES on the slab is huge.
   * @param run its units: as many as the class needs.
   */
  constructor(
    readonly sequence: number,
    readonly sizeClass: number,
    readonly run: Run,
  ) {
    this.blocks = this.huge ? 1 : slabBlocks(sizeClass);
    this.blockSizeBytes = classSizeBytes(sizeClass);
    this.#free = new Bitmap(this.blocks);
    this.#free.setRange(0, this.blocks);
  }

  get huge(): boolean {
    return this.sizeClass >= SLAB_CLASSES;
  }

  /** Number of its first unit in the address space: what its block numbers start with. */
  get unit(): number {
    return this.run.chunk.firstUnit + this.run.unit;
  }

  get sizeBytes(): number {
    return this.run.units * UNIT_BYTES;
  }

  get full(): boolean {
    return this.used === this.blocks;
  }

  get empty(): boolean {
    return this.used === 0;
  }

  /** Takes free blocks, lowest first, into `blocks[from..to)` until either is exhausted. @returns how many. */
  take(blocks: Float64Array, from: number, to: number): number {
    const base = blockAt(this.unit);
    const count = Math.min(to - from, this.blocks - this.used);
    this.idle = false;
    for (let at = from; at < from + count; at++) {
      blocks[at] = base + this.#free.takeLowest();
      // One by one: a call that finds no room on the stack must not leave more bits clear than are counted.
      this.used++;
    }
    return count;
  }

  /** @returns whether the number names a block of the slab that is handed out. */
  isLive(index: number): boolean {
    return Number.isInteger(index) && index >= 0 && index < this.blocks && !this.#free.has(index);
  }

  /** Takes back a block that is live. */
  release(index: number): void {
    this.#free.set(index);
    this.used--;
  }

  check(): void {
    this.#free.check();
    invariant(this.used === this.blocks - this.#free.count(), 'blocks not free are used');
    invariant(this.blocks * this.blockSizeBytes <= this.sizeBytes, 'the blocks of a slab fit in its units');
    invariant(this.blocks <= BLOCKS_PER_SLAB_LIMIT, 'a block index fits in a block number');
  }
}
