/** What `npm run bench` prints: medians, their ratios to the first contender's, and where the collector had to compact. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { tableLines } = require('../dist/cli/table.js');
const { median } = require('../dist/cli/units.js');

/** @returns the lines to print. */
export function reportLines(cells, { contenders, rounds, durationMs }) {
  const lines = [
    `allocate + free, ns per operation with its garbage collection; in parentheses: times the bare view`,
    `medians of ${rounds} interleaved rounds of ${durationMs} ms, a fresh process each; Node ${process.version}`,
    '',
    ...tableLines(tableOf(cells, contenders), process.stdout.columns ?? 120),
    ...speedupLines(cells, contenders),
  ];
  const compacting = collectionLines(cells);
  const absent = cells[0].runs.filter((run) => run.absent !== undefined);
  return [
    ...lines,
    '',
    ...(compacting.length > 0
      ? ['mark-compact collections happened here:', ...compacting]
      : ['no mark-compact collections']),
    ...absent.map((run) => `${run.contender} did not run: ${run.absent}`),
  ];
}

/** One table a workload: a row for each size, a column for each contender, with its ratio to the bare view. */
function tableOf(cells, contenders) {
  const rows = cells.map(({ size, runs }) => {
    const times = runs.map(medianTime);
    const floor = runs[0].contender === 'view' ? times[0] : null;
    const values = times.map((ns, at) =>
      ns === null ? 'not available' : `${nsText(ns)}${floor && at > 0 ? ` (${(ns / floor).toFixed(2)})` : ''}`,
    );
    return { label: sizeText(size), values };
  });
  return { columns: contenders.map(({ title }) => title), rows };
}

/** How many times as fast as Node's own allocation each one is. */
function speedupLines(cells, contenders) {
  const ours = contenders.filter(({ backend }) => backend !== undefined);
  const rows = cells.flatMap(({ size, runs }) => {
    const times = new Map(runs.map((run) => [run.contender, medianTime(run)]));
    const node = times.get('node');
    const ratio = ({ name }) => (times.get(name) ? `${(node / times.get(name)).toFixed(1)}x` : 'not available');
    return node ? [{ label: sizeText(size), values: ours.map(ratio) }] : [];
  });
  if (rows.length === 0 || ours.length === 0) {
    return [];
  }
  const table = tableLines({ columns: ours.map(({ title }) => title), rows }, process.stdout.columns ?? 120);
  return ['', 'times as fast as Buffer.allocUnsafe', ...table];
}

function medianTime({ results }) {
  return results.length > 0 ? median(results.map((r) => r.nsPerOperation)) : null;
}

function collectionLines(cells) {
  return cells.flatMap(({ size, runs }) =>
    runs
      .filter(({ results }) => results.length > 0)
      .map(({ contender, results }) => {
        const perMillion = (field) => median(results.map((r) => (r[field] * 1e6) / r.operations));
        return { size, contender, collections: perMillion('collections'), markCompacts: perMillion('markCompacts') };
      })
      .filter(({ markCompacts }) => markCompacts > 0)
      .map(
        ({ size, contender, collections, markCompacts }) =>
          `  ${sizeText(size)} ${contender}: ${Math.round(collections)} collections in a million operations, ` +
          `${Math.round(markCompacts)} of them mark-compact`,
      ),
  );
}

function nsText(ns) {
  return ns >= 1000 ? `${(ns / 1000).toFixed(2)} us` : `${ns.toFixed(1)} ns`;
}

function sizeText(size) {
  return size >= 2 ** 20 ? `${size / 2 ** 20} MiB` : size >= 1024 ? `${size / 1024} KiB` : `${size} B`;
}
