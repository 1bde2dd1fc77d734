/**
 * Memory over time, drawn in characters: one curve below the other, all in the same measure.
 *
 *     system    ▁▄▆█████
 *      120 MiB  ████████▇▂
 *     hakmem    ▁▄▆▇
 *      100 MiB  █████████
 *               0        1.2 s
 */

import { bytesText, timeText } from '../units';
import type { Sample } from './sampler';

export interface Curve {
  title: string;
  samples: readonly Sample[];
}

const LEVELS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ROWS = 4;
const WIDEST = 100;
const NARROWEST = 10;

/** @param width columns of the terminal. @returns lines, of which none has more than `width` characters if it is above 30. */
export function curveLines(curves: readonly Curve[], width: number): string[] {
  const endMs = Math.max(...curves.flatMap(({ samples }) => samples.map(({ timeMs }) => timeMs)), 0);
  const mostBytes = Math.max(...curves.flatMap(({ samples }) => samples.map((sample) => sample.residentBytes)), 0);
  if (mostBytes === 0) {
    return ['The program ended before its memory could be looked at.'];
  }
  const labelWidth = Math.max(...curves.map(({ title }) => title.length), '1,023 MiB '.length);
  const columns = Math.max(NARROWEST, Math.min(WIDEST, width - labelWidth - 2));
  const drawn = curves.flatMap((curve) => oneCurve(curve, { endMs, mostBytes, labelWidth, columns }));
  const end = timeText(endMs);
  return [
    'Resident memory over time',
    `full height: ${bytesText(mostBytes)}`,
    ...drawn,
    `${' '.repeat(labelWidth + 2)}0${end.padStart(columns - 1)}`,
  ];
}

interface Frame {
  endMs: number;
  mostBytes: number;
  labelWidth: number;
  columns: number;
}

function oneCurve({ title, samples }: Curve, { endMs, mostBytes, labelWidth, columns }: Frame): string[] {
  const heights = columnsOf(samples, endMs, columns).map((bytes) => Math.ceil((bytes / mostBytes) * ROWS * 8));
  const peak = Math.max(...samples.map((sample) => sample.residentBytes), 0);
  const labels = [title, ...(samples.length > 0 ? [bytesText(peak)] : [])];
  return Array.from({ length: ROWS }, (_, row) => {
    const below = (ROWS - 1 - row) * 8;
    const cells = heights.map((height) => LEVELS[Math.max(0, Math.min(8, height - below))]).join('');
    return `${(labels[row] ?? '').padEnd(labelWidth)}  ${cells}`.trimEnd();
  });
}

/** The most in each column's time; where none fell into it, what was there before, up to the end. */
export function columnsOf(samples: readonly Sample[], endMs: number, columns: number): number[] {
  const most = Array.from({ length: columns }, () => 0);
  const columnOf = (timeMs: number) => Math.min(columns - 1, Math.floor((timeMs / endMs) * columns));
  for (const { timeMs, residentBytes } of samples) {
    const at = columnOf(timeMs);
    most[at] = Math.max(most[at], residentBytes);
  }
  const last = samples.length === 0 ? -1 : columnOf(samples[samples.length - 1].timeMs);
  for (let at = 1; at <= last; at++) {
    most[at] ||= most[at - 1];
  }
  return most;
}
