/**
 * The caches of this thread, for what the module as a whole says and does: `stats()` and `trim()`.
 *
 * A backend knows its heaps, and not what of their blocks lies in a cache of the front end; so every cache enters itself here.
 * It is held weakly: a pool that is dropped without `destroy` goes, with its memory, when nothing refers to it any more.
 *
 * What counts is on the hot path, in objects that know their pool, and goes with them. So beside each cache lies what it had counted when
 * the statistics were last read, and that stays: no total that was ever told falls. What a dropped pool did after that is not told.
 *
 * Threads: one list for each.
 */
import type { Backend, HeapStats } from './backend/contract';

/** Running totals of a cache, as they are once all of its blocks have gone back. */
export interface Totals {
  readonly allocs: number;
  readonly frees: number;
  readonly adopted: number;
  readonly grown: number;
  readonly shrunk: number;
  readonly misses: number;
}

/** A cache in front of a heap. */
export interface Reporter {
  readonly backend: Backend;
  /** Moves what it holds free from live to cached, and adds what only it counts. */
  addTo(stats: HeapStats): void;
  totals(): Totals;
  trim(): number;
}

/** A cache, or what is left of it. Nothing in here leads to it. */
interface Entry {
  readonly reporter: WeakRef<Reporter>;
  readonly backend: Backend;
  told: Totals;
}

const NOTHING: Totals = { allocs: 0, frees: 0, adopted: 0, grown: 0, shrunk: 0, misses: 0 };

const entries = new Set<Entry>();
const entryOf = new WeakMap<Reporter, Entry>();
const collected = new FinalizationRegistry<Entry>(remove);

/** Running totals of caches that are gone, so that none of them falls. */
const gone = new Map<Backend, Totals>();

export function enter(reporter: Reporter): void {
  const entry = { reporter: new WeakRef(reporter), backend: reporter.backend, told: NOTHING };
  entries.add(entry);
  entryOf.set(reporter, entry);
  collected.register(reporter, entry, reporter);
}

/** Takes a cache out, whose blocks are about to go back all at once. */
export function leave(reporter: Reporter): void {
  const entry = entryOf.get(reporter);
  if (entry !== undefined) {
    collected.unregister(reporter);
    entry.told = reporter.totals();
    remove(entry);
  }
}

/** @returns the numbers of all heaps of a backend, with the caches of this thread. */
export function threadStats(backend: Backend): HeapStats {
  const stats = backend.stats();
  for (const [entry, reporter] of entered(backend)) {
    reporter.addTo(stats);
    entry.told = reporter.totals();
  }
  addTotals(stats, gone.get(backend) ?? NOTHING);
  return stats;
}

/** Trims every pool of this thread. @returns bytes given back. */
export function threadTrim(backend: Backend): number {
  return entered(backend).reduce((bytes, [, reporter]) => bytes + reporter.trim(), 0);
}

/** The caches that there are. The engine says only between turns which it has collected: these are removed here. */
function entered(backend: Backend): [Entry, Reporter][] {
  const alive: [Entry, Reporter][] = [];
  for (const entry of entries) {
    const reporter = entry.reporter.deref();
    if (reporter === undefined) {
      remove(entry);
    } else if (entry.backend === backend) {
      alive.push([entry, reporter]);
    }
  }
  return alive;
}

function remove(entry: Entry): void {
  if (entries.delete(entry)) {
    gone.set(entry.backend, sumOf(gone.get(entry.backend) ?? NOTHING, entry.told));
  }
}

function sumOf(one: Totals, other: Totals): Totals {
  return {
    allocs: one.allocs + other.allocs,
    frees: one.frees + other.frees,
    adopted: one.adopted + other.adopted,
    grown: one.grown + other.grown,
    shrunk: one.shrunk + other.shrunk,
    misses: one.misses + other.misses,
  };
}

function addTotals({ operations, components: { tcache } }: HeapStats, totals: Totals): void {
  operations.allocs += totals.allocs;
  operations.frees += totals.frees;
  operations.adopted += totals.adopted;
  tcache.grown += totals.grown;
  tcache.shrunk += totals.shrunk;
  tcache.misses += totals.misses;
}
