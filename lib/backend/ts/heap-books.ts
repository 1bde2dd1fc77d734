/**
 * What a heap has and has counted: its parts and its counters, apart from the heap itself.
 *
 *     front end  -->  TsHeap  -->  HeapBooks  <--  backend
 *                                  superslab, registry, large, rows
 *
 * A pool may be dropped without `destroy`, and its heap is collected with it. The backend keeps the books, and nobody the heap, so that it
 * still knows what that one had counted.
 *
 * Invariant: nothing in here leads to the heap.
 * Threads: the one that made the heap.
 */
import { rowOf, SLAB_CLASSES } from '../../size-class';
import type { HeapStats } from '../contract';
import { Large } from './large';
import type { AddressSpace } from './os';
import { Registry } from './registry';
import type { Slab } from './slab';
import { emptyClassRows, emptyHeapStats } from './stats';
import { Superslab } from './superslab';

export class HeapBooks {
  readonly superslab: Superslab;
  readonly registry = new Registry<Slab>();
  readonly large = new Large();
  readonly rows = emptyClassRows();
  refills = 0;
  flushes = 0;
  liveBlocks = 0;
  liveBytes = 0;

  constructor(addressSpace: AddressSpace) {
    this.superslab = new Superslab(addressSpace);
  }

  /** Counts `blocks` more as live, or less. */
  countLive(sizeClass: number, blockSizeBytes: number, blocks: number): void {
    this.rows[rowOf(sizeClass)].live += blocks;
    this.liveBlocks += blocks;
    this.liveBytes += blocks * blockSizeBytes;
  }

  stats(): HeapStats {
    const { superslab, registry, large } = this;
    const stats = emptyHeapStats();
    Object.assign(stats.bytes, superslab.bytes(), { live: this.liveBytes });
    stats.blocks.live = this.liveBlocks;
    stats.bytes.cached = large.cachedBytes;
    stats.bytes.committed += large.cachedBytes;
    stats.bytes.reserved += large.cachedBytes;
    stats.blocks.cached = large.cachedBlocks;
    stats.operations.refills = this.refills;
    stats.operations.flushes = this.flushes;
    stats.classes = this.rows.map((row) => ({ ...row }));
    stats.classes[SLAB_CLASSES].cached = large.cachedBlocks;
    stats.components.l25 = large.l25.stats();
    stats.components.bigcache = large.bigcache.stats();
    stats.components.superslab = superslab.stats();
    stats.components.registry = registry.stats();
    return stats;
  }
}
