/** What `hakmem compare` prints: the table, notes on runs that went wrong, and the memory over time. */

import { bytesText, timeText } from '../units';
import { type Measured, type Outcome, SUCCESS } from './compare-runner';
import { curveLines } from './curve';
import { type Table, tableLines } from './table';

interface Row {
  label: string;
  number(outcome: Outcome): number;
  text(value: number): string;
}

/** Stands for a number that could not be had. */
const UNKNOWN = '-';

const ROWS: Row[] = [
  { label: 'elapsed time', number: (o) => o.elapsedMs, text: timeText },
  { label: 'user time', number: (o) => o.userMs, text: timeText },
  { label: 'system time', number: (o) => o.systemMs, text: timeText },
  { label: 'peak memory', number: (o) => o.peakBytes, text: bytesText },
  { label: 'final memory', number: (o) => o.finalBytes, text: bytesText },
];

const TOO_SHORT = `Memory is looked at in intervals, and some runs ended before that told anything: '${UNKNOWN}'.`;

export const NOTES = [
  "Numbers in parentheses: times that of the system's malloc. Times of processors are counted in steps of 10 ms.",
  'Memory: resident, of the program and all it started; final: when it was last seen.',
];

/** @param width columns of the terminal. @returns lines. */
export function compareLines(outcomes: readonly Outcome[], width: number): string[] {
  const curves = outcomes.map(({ allocator, samples }) => ({ title: allocator.title, samples }));
  return [
    ...tableLines(comparison(outcomes), width),
    '',
    ...NOTES,
    ...troubles(outcomes),
    '',
    ...curveLines(curves, width),
  ];
}

/** The medians side by side, each with its ratio to the first column's. */
export function comparison(outcomes: readonly Outcome[]): Table {
  const value = ({ number, text }: Row, outcome: Outcome, at: number): string => {
    const shown = number(outcome);
    const ratio = shown / number(outcomes[0]);
    if (Number.isNaN(shown)) {
      return UNKNOWN;
    }
    return at === 0 || !Number.isFinite(ratio) ? text(shown) : `${text(shown)} (${ratio.toFixed(2)})`;
  };
  return {
    columns: outcomes.map(({ allocator }) => allocator.title),
    rows: [
      ...ROWS.map((row) => ({ label: row.label, values: outcomes.map((outcome, at) => value(row, outcome, at)) })),
      { label: 'fastest, slowest', values: outcomes.map(rangeText) },
    ],
  };
}

function rangeText({ runs }: Outcome): string {
  const times = runs.map((run) => run.elapsedMs);
  return `${timeText(Math.min(...times))}, ${timeText(Math.max(...times))}`;
}

/** @returns a line for each thing that makes numbers doubtful, or is why they are not there. */
export function troubles(outcomes: readonly Outcome[]): string[] {
  const short = outcomes.some(({ peakBytes }) => Number.isNaN(peakBytes));
  return [...(short ? [TOO_SHORT] : []), ...mishaps(outcomes)];
}

/** @returns a line for each thing that went wrong. */
export function mishaps(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap(({ allocator, runs }) => {
    const failed = runs.find((run) => run.ending !== SUCCESS);
    const missed = runs.some((run) => run.missedLibrary);
    return [
      ...(failed ? [`Under ${allocator.title} the program ended with ${failed.ending}${lastWords(failed)}`] : []),
      ...(missed
        ? [`${allocator.title}: the program did not load ${allocator.library}, and kept its own malloc.`]
        : []),
    ];
  });
}

function lastWords({ complaint }: Measured): string {
  const last = complaint.trim().split('\n').at(-1) ?? '';
  return last === '' ? '.' : `: ${last}`;
}
