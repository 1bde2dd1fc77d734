/** What `hakmem files` prints: the comparison, whether the bytes were the same, and the heap. */

import { bytesText, countText, plural, timeText } from '../units';
import { TITLES } from './contenders';
import { DIFFERS, type Standing } from './files-runner';
import type { FilesResult } from './files-work';
import { heapPicture } from './heap-picture';
import { type Table, tableLines } from './table';

interface Row {
  label: string;
  text(result: FilesResult): string;
  /** The number that is compared with Node's; none where a ratio would say nothing. */
  compared?(result: FilesResult): number;
}

const loadMs = (r: FilesResult): number => r.allocateMs + r.readMs + r.freeMs;

const ROWS: Row[] = [
  { label: 'allocating', text: (r) => timeText(r.allocateMs), compared: (r) => r.allocateMs },
  { label: 'reading', text: (r) => timeText(r.readMs), compared: (r) => r.readMs },
  { label: 'freeing', text: (r) => timeText(r.freeMs) },
  { label: 'all three', text: (r) => timeText(loadMs(r)), compared: loadMs },
  { label: 'garbage collections', text: (r) => countText(r.collections), compared: (r) => r.collections },
  { label: 'time in them', text: (r) => timeText(r.collectionMs), compared: (r) => r.collectionMs },
  { label: 'total time', text: (r) => timeText(r.totalMs), compared: (r) => r.totalMs },
  { label: 'peak memory', text: (r) => bytesText(r.peakResidentBytes), compared: (r) => r.peakResidentBytes },
  { label: 'hash of the contents', text: (r) => r.digest.slice(0, 12) },
];

const NOTES = [
  'Fresh memory from the system is paid for in reading, where it is first written to; recycled memory costs nothing there.',
  "Node's Buffers are freed by the garbage collector: their freeing is the time in collections, wherever these fall.",
  'Total time includes hashing. Numbers in parentheses: times that of Node.',
];

/** @param width columns of the terminal. @returns lines. */
export function reportLines(standings: readonly Standing[], width: number): string[] {
  const absent = standings.flatMap((s) => ('absent' in s ? [`${TITLES[s.contender]} did not run: ${s.absent}`] : []));
  const remarks = [...NOTES, ...unreadLines(standings), ...absent];
  return [...tableLines(comparison(standings), width), '', ...remarks, ...heapLines(standings, width)];
}

/** @returns how many files somebody could not read, or not whole: gone or changed meanwhile, or others than their sizes say. */
export function unreadFiles(standings: readonly Standing[]): number {
  return Math.max(0, ...standings.flatMap((s) => ('result' in s ? [s.result.unreadable] : [])));
}

function unreadLines(standings: readonly Standing[]): string[] {
  const count = unreadFiles(standings);
  return count === 0 ? [] : [`Not in the hash, for they could not be read whole: ${plural(count, 'file')}.`];
}

/** @returns whether every contender that ran read the same bytes, in every round. */
export function sameDigest(standings: readonly Standing[]): boolean {
  const digests = new Set(standings.flatMap((s) => ('result' in s ? [s.result.digest] : [])));
  return digests.size === 1 && !digests.has(DIFFERS);
}

function comparison(standings: readonly Standing[]): Table {
  const [node] = standings.flatMap((s) => (s.contender === 'node' && 'result' in s ? [s.result] : []));
  const value = (row: Row, standing: Standing): string => {
    if ('absent' in standing) {
      return 'not available';
    }
    const text = row.text(standing.result);
    const base = node && row.compared ? row.compared(node) : 0;
    return standing.contender === 'node' || !row.compared || base === 0
      ? text
      : `${text} ${ratioText(row.compared(standing.result) / base)}`;
  };
  return {
    columns: standings.map((standing) => TITLES[standing.contender]),
    rows: ROWS.map((row) => ({ label: row.label, values: standings.map((standing) => value(row, standing)) })),
  };
}

function ratioText(ratio: number): string {
  return `(${ratio < 0.095 ? ratio.toFixed(3) : ratio.toFixed(2)})`;
}

function heapLines(standings: readonly Standing[], width: number): string[] {
  const [shown] = standings.flatMap((s) => ('result' in s && s.result.heap ? [{ ...s, heap: s.result.heap }] : []));
  if (!shown) {
    return [];
  }
  const { bytes } = shown.heap.stats;
  const held = `${bytesText(bytes.live)} held by callers, ${bytesText(bytes.cached)} in caches`;
  const state = `${held}, ${bytesText(bytes.committed)} of memory behind them`;
  return [
    '',
    `The heap of ${TITLES[shown.contender]} with its working set:`,
    state,
    '',
    ...heapPicture(shown.heap.chunks, width),
  ];
}
