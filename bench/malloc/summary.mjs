/** Medians, ratios to the reference and geometric means, from raw results. Pure functions. */
import { createRequire } from 'node:module';

const { median } = createRequire(import.meta.url)('../../dist/units.js');

/** Rounds of a cell that are further apart than this are worth a warning. */
const SPREAD_LIMIT = 1.3;
/** What throughput is divided by in a scaling run. */
const SCALING_BASE = 2;
const MIB = 2 ** 20;

/**
 * The figures there may be; each has a table. `value` is of one run; absent where a run has it not. `scale` turns it into the
 * unit of the table.
 */
const FIGURES = [
  { name: 'time', title: 'time', unit: 's', scale: 1 / 1000, value: (run) => run.timeMs },
  { name: 'memory', title: 'peak resident memory', unit: 'MiB', scale: 1 / MIB, value: (run) => run.peakBytes },
  { name: 'idle', title: 'resident memory when idle', unit: 'MiB', scale: 1 / MIB, value: (run) => run.idleBytes },
  { name: 'instructions', title: 'instructions', unit: 'million', scale: 1e-6, value: (run) => run.instructions },
];

/**
 * @returns `{ tables, scaling, warnings }`. A table is `{ name, title, unit, rows, means, meanOf }` with a row for each workload that
 * has the figure: `{ workload, reference, ratios }`, both by contender, and the geometric mean of each contender's ratios over
 * `meanOf` workloads.
 */
export function summarise(results) {
  const tables = results.settings.threads ? [] : FIGURES.map((figure) => tableOf(figure, results));
  return {
    tables: tables.filter(({ rows }) => rows.length > 0),
    scaling: results.settings.threads ? scalingOf(results) : [],
    warnings: warningsOf(results),
  };
}

function tableOf({ value, scale, ...figure }, results) {
  const { reference, contenders, workloads } = results;
  const names = contenders.map(({ name }) => name);
  const rows = workloads.flatMap(({ id }) => {
    const values = Object.fromEntries(names.map((name) => [name, middle(cellAt(results, id, name), value, scale)]));
    const base = values[reference];
    const ratios = Object.fromEntries(names.map((name) => [name, base && values[name] ? values[name] / base : null]));
    return Object.values(values).some((one) => one !== null) ? [{ workload: id, values, ratios }] : [];
  });
  const complete = completeRows(rows, names);
  const means = Object.fromEntries(
    names.map((name) => [name, geometricMean(complete.map(({ ratios }) => ratios[name]))]),
  );
  return { ...figure, rows, means, meanOf: complete.length };
}

function cellAt({ cells }, id, name) {
  return cells.find(({ workload, contender }) => workload === id && contender === name);
}

/** @returns the median of a cell that did not fail, or null. */
function middle(cell, value, scale = 1) {
  const measured = cell.failed === null ? cell.runs.map(value).filter(Number.isFinite) : [];
  return measured.length > 0 ? median(measured) * scale : null;
}

/** The workloads that all have, but for those who have none: means over different workloads cannot be compared. */
function completeRows(rows, names) {
  const present = names.filter((name) => rows.some(({ ratios }) => ratios[name] !== null));
  return rows.filter(({ ratios }) => present.every((name) => ratios[name] !== null));
}

function geometricMean(ratios) {
  const logs = ratios.filter((ratio) => ratio !== null).map(Math.log);
  return logs.length > 0 ? Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length) : null;
}

/** @returns a row for each workload, number of threads and contender: `{ name, threads, contender, rate, relative, peakBytes }`. */
function scalingOf(results) {
  const { workloads, contenders } = results;
  return workloads.flatMap(({ id, scales, threads }) =>
    contenders.map(({ name }) => {
      const rateAt = (at) => middle(cellAt(results, at, name), ({ operations, seconds }) => operations / seconds);
      const base = workloads.find((row) => row.scales === scales && row.threads === SCALING_BASE);
      const first = base ?? workloads.find((row) => row.scales === scales);
      const [rate, baseRate] = [rateAt(id), rateAt(first.id)];
      const peakBytes = middle(cellAt(results, id, name), (run) => run.peakBytes);
      const relative = rate && baseRate ? rate / baseRate : null;
      return { name: scales, threads, contender: name, rate, relative, peakBytes };
    }),
  );
}

function warningsOf({ cells, machine, variables, settings }) {
  const measured = cells.filter(({ runs, failed }) => runs.length > 0 && failed === null);
  const apart = measured.filter(({ runs }) => {
    const times = runs.map((run) => run.timeMs ?? run.instructions);
    return Math.max(...times) > Math.min(...times) * SPREAD_LIMIT;
  }).length;
  const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return [
    ...cells
      .filter(({ failed }) => failed !== null)
      .map(({ workload, contender, failed }) => `${contender} at ${workload} failed: ${failed}`),
    ...(apart > 0
      ? [`in ${apart} of ${measured.length} cells the slowest round took over ${SPREAD_LIMIT} times the fastest`]
      : []),
    ...(machine.loadBefore > 0.5
      ? [`the machine was not idle: load ${machine.loadBefore.toFixed(1)} at the start`]
      : []),
    ...(set.length > 0 ? [`set while measuring: ${set.join(', ')}`] : []),
    ...(settings.quick ? ['a quick run: little work, few rounds, for a first look'] : []),
  ];
}
