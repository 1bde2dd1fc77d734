/** What `npm run bench -- malloc` prints: a table for each figure, means at the bottom, and the warnings. */
import { createRequire } from 'node:module';
import { summarise } from './summary.mjs';

const require = createRequire(import.meta.url);
const { tableLines } = require('../../dist/cli/table.js');
const { plural } = require('../../dist/units.js');
const MIB = 2 ** 20;

/** @param width columns of the terminal. @returns the lines to print. */
export function reportLines(results, width) {
  const { tables, scaling, warnings } = summarise(results);
  const { settings, reference } = results;
  return [
    `medians of ${plural(settings.rounds, 'interleaved round')}, a fresh process each; ratios to ${reference}, below 1 is better`,
    ...tables.flatMap((table) => figureLines(table, results, width)),
    ...(scaling.length > 0 ? scalingLines(scaling, results, width) : []),
    ...absentLines(results),
    ...(warnings.length > 0 ? ['', 'warnings', ...warnings.map((warning) => `  ${warning}`)] : []),
  ];
}

function figureLines({ title, unit, rows, means, meanOf }, { contenders, reference }, width) {
  const names = contenders.map(({ name }) => name);
  const ratioText = (ratio) => ratio?.toFixed(2) ?? '-';
  const lines = rows.map(({ workload, values, ratios }) => ({
    label: workload,
    values: [...names.map((name) => ratioText(ratios[name])), values[reference]?.toPrecision(3) ?? '-'],
  }));
  const mean = { label: `geometric mean of ${meanOf}`, values: [...names.map((name) => ratioText(means[name])), ''] };
  return [
    '',
    `${title} / ${reference}'s; the last column is ${reference}'s own, ${unit}`,
    ...tableLines({ columns: [...names, unit], rows: [...lines, mean] }, width),
  ];
}

const SCALING_TABLES = [
  { title: 'throughput, times that with 2 threads', text: ({ relative }) => relative?.toFixed(2) },
  { title: 'million operations a second', text: ({ rate }) => rate && (rate / 1e6).toPrecision(3) },
  { title: 'peak resident memory, MiB', text: ({ peakBytes }) => peakBytes && (peakBytes / MIB).toPrecision(3) },
];

function scalingLines(scaling, { contenders, workloads }, width) {
  const columns = contenders.map(({ name }) => name);
  return [...new Set(workloads.map(({ scales }) => scales))].flatMap((name) =>
    SCALING_TABLES.flatMap(({ title, text }) => {
      const own = scaling.filter((row) => row.name === name);
      const rows = [...new Set(own.map(({ threads }) => threads))].map((threads) => ({
        label: `${threads} thread${threads === 1 ? '' : 's'}`,
        values: own.filter((row) => row.threads === threads).map((row) => text(row) ?? '-'),
      }));
      return ['', `${name}: ${title}`, ...tableLines({ columns, rows }, width)];
    }),
  );
}

/** Each reason once. */
function absentLines({ cells }) {
  const reasons = new Map(cells.filter(({ absent }) => absent).map(({ workload, absent }) => [workload, absent]));
  const lines = [...reasons].map(([workload, reason]) => `  ${workload}: ${reason}`);
  return lines.length > 0 ? ['', 'left out', ...lines] : [];
}
