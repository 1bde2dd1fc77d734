/** What `npm run bench` prints: medians, their ratios to the bare view and to Buffer.allocUnsafe, goals and warnings. */
import { createRequire } from 'node:module';
import { summarise } from './summary.mjs';

const { tableLines } = createRequire(import.meta.url)('../../dist/cli/table.js');

/** @param width columns of the terminal. @returns the lines to print. */
export function reportLines(results, width) {
  const { rows, goals, warnings } = summarise(results);
  const { rounds, durationMs } = results.settings;
  return [
    `medians of ${rounds} interleaved rounds of ${durationMs} ms, a fresh process each; garbage collection included`,
    ...results.runtimes.flatMap((runtime) => runtimeLines(rows, results, runtime, width)),
    ...goalLines(goals, results),
    ...absentLines(rows),
    ...(warnings.length > 0 ? ['', 'warnings', ...warnings.map((warning) => `  ${warning}`)] : []),
  ];
}

function runtimeLines(rows, results, { name, title }, width) {
  const own = rows.filter((row) => row.runtime === name);
  const table = (heading, textOf, skipped) => {
    const contenders = results.contenders.filter((contender) => !skipped.includes(contender.name));
    const cell = (id, contender) => own.find((row) => row.case === id && row.contender === contender);
    const lines = results.cases.map(({ id, title: label }) => ({
      label,
      values: contenders.map((contender) => textOf(cell(id, contender.name)) ?? '-'),
    }));
    const some = lines.some(({ values }) => values.some((value) => value !== '-'));
    const columns = contenders.map((contender) => contender.name);
    return some ? ['', `${title}: ${heading}`, ...tableLines({ columns, rows: lines }, width)] : [];
  };
  return [
    ...table('ns per operation', ({ ns }) => ns && nsText(ns), []),
    ...table('times the bare view', ({ timesView }) => timesView?.toFixed(2), ['loop', 'view']),
    ...table('times as fast as Buffer.allocUnsafe', ({ timesFaster }) => timesFaster && timesText(timesFaster), [
      'loop',
      'view',
      'node',
    ]),
    ...table('p99.9 of single allocations', ({ calls }) => calls && nsText(calls.alloc.p999), ['loop']),
    ...table(
      'mark-compact collections in a million operations',
      ({ collections }) => collections && `${Math.round(collections.major.perMillion)}`,
      ['loop'],
    ),
    ...table('peak resident memory, MiB', ({ memory }) => memory && (memory.peakResident / 2 ** 20).toFixed(0), []),
  ];
}

function goalLines(goals, { cases, runtimes }) {
  const missed = goals.filter(({ met }) => !met);
  const caseTitle = (id) => cases.find((one) => one.id === id).title;
  const runtimeTitle = (name) => runtimes.find((one) => one.name === name).title;
  const lines = missed.map(
    ({ runtime, case: id, what, wanted, measured }) =>
      `  ${runtimeTitle(runtime)}, ${caseTitle(id)}: ${what} is ${measured.toFixed(2)}, ${wanted} was the goal`,
  );
  return goals.length > 0 ? ['', `goals: ${goals.length - missed.length} met, ${missed.length} missed`, ...lines] : [];
}

/** Each reason once, with those that it holds for. */
function absentLines(rows) {
  const reasons = new Map();
  for (const { absent, contender } of rows.filter((row) => row.absent)) {
    reasons.set(absent, (reasons.get(absent) ?? new Set()).add(contender));
  }
  const lines = [...reasons].map(([reason, contenders]) => `  ${[...contenders].join(', ')}: ${reason}`);
  return lines.length > 0 ? ['', 'not everywhere measured', ...lines] : [];
}

function nsText(ns) {
  if (ns >= 999_500) {
    return `${(ns / 1e6).toPrecision(3)} ms`;
  }
  return ns >= 999.5 ? `${(ns / 1000).toPrecision(3)} us` : `${ns.toPrecision(3)} ns`;
}

function timesText(times) {
  return times >= 99.5 ? Math.round(times).toLocaleString('en-US') : times.toPrecision(times >= 9.95 ? 2 : 3);
}
