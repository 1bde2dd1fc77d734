/**
 * The caches of this thread, for what the module as a whole says and does: `stats()` and `trim()`.
 *
 * A backend knows its heaps, and not what of their blocks lies in a cache of the front end; so every cache enters itself here.
 * It is held weakly: a pool that is dropped without `destroy` goes, with its memory, when nothing refers to it any more.
 *
 * Threads: one list for each.
 */
import type { Backend, HeapStats } from './backend/contract';

/** A cache in front of a heap. */
export interface Reporter {
  readonly backend: Backend;
  /** Moves what it holds free from live to cached, and adds what only it counts. */
  addTo(stats: HeapStats): void;
  trim(): number;
}

const reporters = new Set<WeakRef<Reporter>>();
const entries = new WeakMap<Reporter, WeakRef<Reporter>>();
const collected = new FinalizationRegistry<WeakRef<Reporter>>((entry) => reporters.delete(entry));

/** Running totals of caches that are gone, so that none of them falls. */
const gone = new Map<Backend, Totals>();

interface Totals {
  allocs: number;
  frees: number;
  adopted: number;
  grown: number;
  shrunk: number;
  misses: number;
}

export function enter(reporter: Reporter): void {
  const entry = new WeakRef(reporter);
  reporters.add(entry);
  entries.set(reporter, entry);
  collected.register(reporter, entry, reporter);
}

/** Takes a cache out, whose blocks have all gone back. */
export function leave(reporter: Reporter, totals: Totals): void {
  const entry = entries.get(reporter);
  if (entry === undefined || !reporters.delete(entry)) {
    return;
  }
  collected.unregister(reporter);
  const sum = gone.get(reporter.backend) ?? { allocs: 0, frees: 0, adopted: 0, grown: 0, shrunk: 0, misses: 0 };
  gone.set(reporter.backend, {
    allocs: sum.allocs + totals.allocs,
    frees: sum.frees + totals.frees,
    adopted: sum.adopted + totals.adopted,
    grown: sum.grown + totals.grown,
    shrunk: sum.shrunk + totals.shrunk,
    misses: sum.misses + totals.misses,
  });
}

/** @returns the numbers of all heaps of a backend, with the caches of this thread. */
export function threadStats(backend: Backend): HeapStats {
  const stats = backend.stats();
  for (const reporter of entered(backend)) {
    reporter.addTo(stats);
  }
  const totals = gone.get(backend);
  if (totals !== undefined) {
    const { tcache } = stats.components;
    stats.operations.allocs += totals.allocs;
    stats.operations.frees += totals.frees;
    stats.operations.adopted += totals.adopted;
    tcache.grown += totals.grown;
    tcache.shrunk += totals.shrunk;
    tcache.misses += totals.misses;
  }
  return stats;
}

/** Trims every pool of this thread. @returns bytes given back. */
export function threadTrim(backend: Backend): number {
  return entered(backend).reduce((bytes, reporter) => bytes + reporter.trim(), 0);
}

function entered(backend: Backend): Reporter[] {
  const alive = Array.from(reporters, (entry) => entry.deref());
  return alive.filter((reporter) => reporter?.backend === backend) as Reporter[];
}
