/** Medians, ratios and warnings, from raw results. Pure functions. */
import { createRequire } from 'node:module';
import { checkGoals } from './goals.mjs';

const { median } = createRequire(import.meta.url)('../../dist/units.js');

/** A contender within this of the empty loop has not done its work, or so little that it cannot be measured. */
const LOOP_MARGIN = 1.05;
/** Rounds of a cell that are further apart than this are worth a warning. */
const SPREAD_LIMIT = 1.3;

const COLLECTION_KINDS = ['minor', 'major', 'incremental', 'weak'];

/** @returns `{ rows, goals, warnings }`; a row for each cell, in their order. */
export function summarise(results) {
  const rows = results.cells.map(summariseCell);
  for (const row of rows) {
    const at = (contender) =>
      rows.find((other) => other.case === row.case && other.runtime === row.runtime && other.contender === contender);
    const [loop, view, node] = [at('loop')?.ns, at('view')?.ns, at('node')?.ns];
    row.timesView = row.pairedTimesView ?? ratio(row.ns, view);
    row.timesViewNet = loop ? ratio(row.ns - loop, view - loop) : null;
    row.timesFaster = ratio(node, row.ns);
    row.optimisedAway = row.contender !== 'loop' && row.leastCpuNs < at('loop')?.leastCpuNs * LOOP_MARGIN;
  }
  const goals = results.runtimes.flatMap((runtime) =>
    checkGoals(
      rows.filter((row) => row.runtime === runtime.name),
      runtime,
    ).map((goal) => ({ runtime: runtime.name, ...goal })),
  );
  return { rows, goals, warnings: warningsOf(rows, results) };
}

function summariseCell({ case: id, runtime, contender, absent, failed, results }) {
  const row = { case: id, runtime, contender, absent, failed, ns: null, timesView: null, timesFaster: null };
  if (results.length === 0) {
    return row;
  }
  const times = results.map((result) => result.nsPerOperation);
  const of = (pick) => median(results.map(pick));
  return {
    ...row,
    ns: median(times),
    fastest: Math.min(...times),
    slowest: Math.max(...times),
    cpuNs: of((result) => result.cpuNsPerOperation),
    // The least, and of the processor: other programs can make a loop look slow, none can make it look fast.
    leastCpuNs: Math.min(...results.map((result) => result.cpuNsPerOperation)),
    calls: results.some((result) => result.calls === null) ? null : callsOf(of),
    collections: results.some((result) => result.collections === null) ? null : collectionsOf(of),
    // Measured beside the view in the same process; null for contenders that were not.
    pairedTimesView: results.every((result) => result.pairedTimesView > 0)
      ? of((result) => result.pairedTimesView)
      : null,
    memory: Object.fromEntries(
      ['residentStart', 'peakResident', 'residentIdle', 'residentCollected'].map((name) => [
        name,
        of((result) => result[`${name}Bytes`]),
      ]),
    ),
  };
}

function callsOf(of) {
  const quantiles = (call) =>
    Object.fromEntries(['p50', 'p99', 'p999', 'max'].map((name) => [name, of(({ calls }) => calls[call][name])]));
  return { alloc: quantiles('alloc'), free: quantiles('free'), clock: of(({ calls }) => calls.clock.p50) };
}

/** For each kind how many a million operations, and which share of the time. */
function collectionsOf(of) {
  return Object.fromEntries(
    COLLECTION_KINDS.map((kind) => [
      kind,
      {
        perMillion: of(({ collections, operations }) => (collections[kind].count * 1e6) / operations),
        share: of(({ collections, elapsedMs }) => collections[kind].ms / elapsedMs),
      },
    ]),
  );
}

function warningsOf(rows, { cases, machine, variables, settings }) {
  const title = (row) => cases.find(({ id }) => id === row.case).title;
  const measured = rows.filter(({ ns }) => ns !== null);
  const apart = measured.filter(({ slowest, fastest }) => slowest > fastest * SPREAD_LIMIT).length;
  const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return [
    ...grouped(
      rows.filter(({ failed }) => failed),
      (row) => `${row.contender} at ${title(row)} failed: ${row.failed}`,
      (row) => row.runtime,
    ),
    ...grouped(
      measured.filter(({ optimisedAway }) => optimisedAway),
      (row) =>
        `at ${title(row)} on ${row.runtime} as fast as the empty loop, optimised away or too little to be measured`,
      (row) => row.contender,
    ),
    ...(apart > 0
      ? [`in ${apart} of ${measured.length} cells the slowest round took over ${SPREAD_LIMIT} times the fastest`]
      : []),
    ...(machine.loadBefore > 0.5
      ? [`the machine was not idle: load ${machine.loadBefore.toFixed(1)} at the start`]
      : []),
    ...(set.length > 0 ? [`set while measuring: ${set.join(', ')}`] : []),
    ...(settings.quick ? ['a quick run: few and short rounds, for a first look'] : []),
  ];
}

/** @returns each text once, with those that it is about in parentheses. */
function grouped(rows, textOf, memberOf) {
  const members = new Map();
  for (const row of rows) {
    members.set(textOf(row), [...(members.get(textOf(row)) ?? []), memberOf(row)]);
  }
  return [...members].map(([text, names]) => `${text} (${names.join(', ')})`);
}

function ratio(part, whole) {
  return part !== null && whole !== null && part !== undefined && whole !== undefined ? part / whole : null;
}
