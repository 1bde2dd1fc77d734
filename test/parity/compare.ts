/**
 * Which numbers of a heap must be equal on every backend, and how a difference is told.
 *
 * Not compared: the registry (an address map in the core, a map of unit numbers in ts), and what only the front end knows.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ClassStats, HeapStats } from '../../lib/backend/contract';

/** The part of the statistics that placement decides; the same shape as the model's. */
export function comparable(stats: HeapStats) {
  const { live, cached, committed, reserved, purged } = stats.bytes;
  const { refills, flushes } = stats.operations;
  return {
    bytes: { live, cached, committed, reserved, purged },
    blocks: { ...stats.blocks },
    operations: { refills, flushes },
    classes: classLines(stats.classes),
    l25: { ...stats.components.l25 },
    bigcache: { ...stats.components.bigcache },
    superslab: { ...stats.components.superslab },
  };
}

/** Each row of the classes as one line: lines are compared much faster than objects. */
export function classLines(rows: readonly Omit<ClassStats, 'capacity'>[]): string[] {
  return rows.map(({ size, live, cached, refills, flushes }) => {
    return `size ${size}, live ${live}, cached ${cached}, refills ${refills}, flushes ${flushes}`;
  });
}

/** @throws Error that names the first path at which the two differ. */
export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected && !isDeepStrictEqual(actual, expected)) {
    throw new Error(firstDifference(actual, expected, what));
  }
}

function firstDifference(actual: unknown, expected: unknown, path: string): string {
  if (isRecord(actual) && isRecord(expected)) {
    const keys = new Set([...Object.keys(actual), ...Object.keys(expected)]);
    for (const key of keys) {
      if (!isDeepStrictEqual(actual[key], expected[key])) {
        return firstDifference(actual[key], expected[key], `${path}.${key}`);
      }
    }
  }
  return `${path} is ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
