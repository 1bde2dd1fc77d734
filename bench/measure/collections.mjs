/** Counts garbage collections of this thread: how many of each kind, and how long they took. */
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';

// perf_hooks.constants.NODE_PERFORMANCE_GC_*; Bun has not these names.
const KINDS = new Map([
  [1, 'minor'],
  [2, 'minor'],
  [4, 'major'],
  [8, 'incremental'],
  [16, 'weak'],
]);

/** What there is to tell where the runtime does not report its collections. */
export const UNKNOWN = null;

/** @returns `{ stop() }`; its promise gives `{ minor, major, incremental, weak }`, each `{ count, ms }`, or UNKNOWN. */
export function countCollections() {
  if (!PerformanceObserver.supportedEntryTypes.includes('gc')) {
    return { stop: async () => UNKNOWN };
  }
  const counted = Object.fromEntries([...KINDS.values()].map((kind) => [kind, { count: 0, ms: 0 }]));
  const observer = new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries()) {
      const kind = counted[KINDS.get(detail.kind) ?? 'major'];
      kind.count++;
      kind.ms += duration;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return {
    async stop() {
      // Entries are delivered in a later turn of the event loop.
      await setTimeout(10);
      observer.disconnect();
      return counted;
    },
  };
}

/** Adds up what several threads counted. */
export function addCollections(all) {
  if (all.includes(UNKNOWN)) {
    return UNKNOWN;
  }
  const sum = (kind, field) => all.reduce((total, counted) => total + counted[kind][field], 0);
  return Object.fromEntries(
    Object.keys(all[0]).map((kind) => [kind, { count: sum(kind, 'count'), ms: sum(kind, 'ms') }]),
  );
}
