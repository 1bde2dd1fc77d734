/**
 * The shape of the statistics, and how the summary at exit reads.
 *
 * Backends count blocks handed to the front end as live; the front end then moves what lies in its own caches from live to
 * cached (`countCached`), so that live is exactly what callers hold.
 *
 * Pure functions.
 */
import type { HeapStats } from './backend/contract';
import type { BackendInfo } from './backend/select';
import { rowOf } from './size-class';
import { bytesText } from './units';

/**
 * What `stats()` returns. Byte counts are of whole blocks, not of what was asked for. A Buffer that was shared and not adopted yet is live,
 * though of no pool.
 */
export interface Stats extends HeapStats {
  readonly backend: BackendInfo;
}

/** What `stats()` of a pool returns: its own blocks only. */
export interface PoolStats extends Stats {
  readonly name: string;
  /** Infinity where the pool has no limit. */
  readonly maxBytes: number;
}

/** Moves free blocks of a class, which a cache of the front end holds, from live to cached. */
export function countCached(stats: HeapStats, sizeClass: number, blocks: number, blockSizeBytes: number): void {
  const bytes = blocks * blockSizeBytes;
  const row = stats.classes[rowOf(sizeClass)];
  row.live -= blocks;
  row.cached += blocks;
  stats.blocks.live -= blocks;
  stats.blocks.cached += blocks;
  stats.bytes.live -= bytes;
  stats.bytes.cached += bytes;
}

/** @returns what HAKMEM_STATS=1 prints: a few lines for people, a line for each class and component in use. */
export function formatSummary(stats: Stats): string {
  const { bytes, blocks, operations, backend } = stats;
  const lines = [
    `hakmem: ${backend.name} backend (${backend.reason})`,
    `  bytes       live ${bytesText(bytes.live)}, cached ${bytesText(bytes.cached)}, committed ${bytesText(bytes.committed)}, ` +
      `reserved ${bytesText(bytes.reserved)}, purged ${bytesText(bytes.purged)}`,
    `  blocks      live ${blocks.live}, cached ${blocks.cached}`,
    `  operations  ${pairs(operations)}`,
    ...components(stats),
    ...classes(stats),
  ];
  return `${lines.join('\n')}\n`;
}

function components(stats: Stats): string[] {
  const inUse = Object.entries(stats.components).filter(([, row]) => row.capacity > 0 || row.grown > 0);
  return inUse.map(([name, row]) => `  ${name.padEnd(10)}  ${pairs(row)}`);
}

function classes(stats: Stats): string[] {
  const inUse = stats.classes.filter((row) => row.refills > 0);
  return inUse.map((row) => {
    const { size: bytes, ...counters } = row;
    return `  ${(bytes === 0 ? 'huge' : bytesText(bytes)).padEnd(10)}  ${pairs(counters)}`;
  });
}

function pairs(counters: object): string {
  const entries = Object.entries(counters);
  return entries.map(([name, value]) => `${name} ${String(value)}`).join(', ');
}
