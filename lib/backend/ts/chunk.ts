/**
 * A chunk: a stretch of units, and which of them are free.
 *
 *     unit      |  0 |  1 |  2 |  3 |  4 | ... | 31 |     64 KiB each; a slab takes a run of them
 *     free         0    0    1    1    0   ...    1       its longest run says what the chunk is good for
 *     committed    1    1    1    0    1   ...    0       a unit is committed from its first slab until it is purged
 *     idle         0    0    1    0    0   ...    0       free and committed, and so already at the last tick
 *
 * A huge block has a chunk of its own, wholly used from the start. It needs no bitmaps.
 *
 * Invariants: `usedUnits` counts the units not free, `committedUnits` the committed ones; a unit in a slab is committed.
 * Threads: the owner of the heap.
 */
import { invariant } from './assert';
import { Bitmap } from './bitmap';
import type { Linked } from './list';

/** A run of units in a chunk. */
export interface Run {
  readonly chunk: Chunk;
  /** The first of them, counted from the chunk's first. */
  readonly unit: number;
  readonly units: number;
}

export class Chunk implements Linked<Chunk> {
  prev: Chunk | null = null;
  next: Chunk | null = null;
  /** Which bin of the superslab it is in; 0: none. */
  bin = 0;
  /** Units in slabs, and units backed by memory. */
  usedUnits = 0;
  committedUnits = 0;
  /** Units in no slab, and units backed by memory; both of length 0 in a huge chunk, which is wholly used. */
  readonly free: Bitmap;
  readonly committed: Bitmap;
  /** Units to be purged at the next tick if no slab takes them before. */
  readonly idle: Bitmap;
  /** Of a cached huge chunk: the tick at which it came. */
  stamp = 0;
  /** Of a huge chunk of a shared heap: its memory, which stays with it in the cache. */
  memory: SharedArrayBuffer | null = null;

  /**
   * @param sequence the heap's running number of the chunk; a cached chunk gets a new one when it is used again.
   * @param firstUnit number of its first unit in the address space.
   * @param units how many it has.
   * @param huge whether it is made for one huge block.
   */
  constructor(
    public sequence: number,
    readonly firstUnit: number,
    readonly units: number,
    readonly huge: boolean,
  ) {
    this.free = new Bitmap(huge ? 0 : units);
    this.committed = new Bitmap(huge ? 0 : units);
    this.idle = new Bitmap(huge ? 0 : units);
    this.free.setRange(0, this.free.bits);
  }

  /** All its committed units were free at the last tick already. */
  isIdle(): boolean {
    return this.committed.isWithin(this.idle);
  }

  check(): void {
    this.free.check();
    this.committed.check();
    this.idle.check();
    if (this.huge) {
      invariant(this.free.bits === 0 && this.committed.bits === 0, 'a huge chunk has no bitmaps');
      invariant(this.usedUnits === this.units && this.committedUnits === this.units, 'a huge chunk is wholly used');
      return;
    }
    invariant(this.usedUnits === this.units - this.free.count(), 'units not in slabs are free');
    invariant(this.committedUnits === this.committed.count(), 'a chunk counts its committed units');
    for (let unit = 0; unit < this.units; unit++) {
      invariant(this.free.has(unit) || this.committed.has(unit), 'a unit in a slab is committed');
      invariant(!this.idle.has(unit) || this.free.has(unit), 'an idle unit is in no slab');
    }
  }
}
