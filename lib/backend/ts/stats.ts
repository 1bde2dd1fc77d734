/**
 * The numbers of a heap, with the names that every backend uses.
 *
 * There is one row for each slab class, and a last one for all huge classes together (its `size` is 0).
 * What only the front end can know (allocations, frees, what its magazines hold) is 0 here and filled in there; so are
 * the components that this backend has no need of.
 */
import { classSizeBytes, rowOf, SLAB_CLASSES } from '../../size-class';
import type { ClassStats, ComponentStats, HeapStats } from '../contract';

/** One row for each slab class, and one for the huge classes; all counters 0. */
export function emptyClassRows(): ClassStats[] {
  return Array.from({ length: SLAB_CLASSES + 1 }, (_, row) => ({
    size: row < SLAB_CLASSES ? classSizeBytes(row) : 0,
    live: 0,
    cached: 0,
    capacity: 0,
    refills: 0,
    flushes: 0,
  }));
}

export function emptyHeapStats(): HeapStats {
  return {
    bytes: { live: 0, cached: 0, committed: 0, reserved: 0, purged: 0 },
    blocks: { live: 0, cached: 0 },
    operations: { allocs: 0, frees: 0, refills: 0, flushes: 0, remoteFrees: 0, adopted: 0, abandoned: 0 },
    classes: emptyClassRows(),
    components: {
      superslab: emptyComponent(),
      tcache: emptyComponent(),
      midRing: emptyComponent(),
      registry: emptyComponent(),
      l25: emptyComponent(),
      bigcache: emptyComponent(),
    },
  };
}

/** Adds the numbers of `part` to those of `total`. */
export function addHeapStats(total: HeapStats, part: HeapStats): void {
  addCounters(total.bytes, part.bytes);
  addCounters(total.blocks, part.blocks);
  addCounters(total.operations, part.operations);
  for (const name of Object.keys(total.components) as (keyof HeapStats['components'])[]) {
    addCounters(total.components[name], part.components[name]);
  }
  for (const [row, counters] of total.classes.entries()) {
    const { size } = counters;
    addCounters(counters, part.classes[row]);
    counters.size = size;
  }
}

/**
 * Adds what a heap that is gone had counted, and nothing of what it had: its memory has gone back.
 *
 * @param last its numbers when it still had something.
 */
export function addTotals(total: HeapStats, last: HeapStats): void {
  const { committed, purged } = last.bytes;
  last.bytes = { live: 0, cached: 0, committed: 0, reserved: 0, purged: purged + committed };
  last.blocks = { live: 0, cached: 0 };
  for (const row of last.classes) {
    Object.assign(row, { live: 0, cached: 0, capacity: 0 });
  }
  for (const component of Object.values(last.components)) {
    Object.assign(component, { capacity: 0, used: 0 });
  }
  addHeapStats(total, last);
}

/** Counts `blocks` more as live, or less. */
export function countLive(stats: HeapStats, sizeClass: number, blocks: number): void {
  stats.classes[rowOf(sizeClass)].live += blocks;
  stats.blocks.live += blocks;
  stats.bytes.live += blocks * classSizeBytes(sizeClass);
}

function emptyComponent(): ComponentStats {
  return { capacity: 0, used: 0, grown: 0, shrunk: 0, misses: 0 };
}

function addCounters<T extends Record<keyof T, number>>(total: T, part: T): void {
  const sums: Record<keyof T, number> = total;
  for (const name of Object.keys(total) as (keyof T)[]) {
    sums[name] += part[name];
  }
}
