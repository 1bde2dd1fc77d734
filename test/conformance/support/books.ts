/**
 * A model of what a pool must count: every Buffer that a test holds is written down here, and the pool's own
 * statistics have to say the same. Each test file opens books and closes them at its end, so no test can lose a block
 * unnoticed, whatever it was about.
 */
import { afterAll, expect } from 'vitest';
import type { HeapStats } from '../../../lib/backend/contract';
import { createPool, type Pool, type PoolOptions } from '../../../lib/index';
import { classSizeBytes, SLAB_CLASSES, sizeClassOf } from '../../../lib/size-class';

/** What the books need of a pool; the module `hakmem` itself has it too. */
export interface Countable {
  free(buffer: Buffer): void;
  usableSize(buffer: Buffer): number;
  stats(): HeapStats;
}

export interface Totals {
  blocks: number;
  bytes: number;
}

export class Books {
  readonly #source: Countable;
  readonly #live = new Map<Buffer, number>();
  readonly #before: HeapStats;

  constructor(source: Countable) {
    this.#source = source;
    this.#before = source.stats();
  }

  get live(): Buffer[] {
    return [...this.#live.keys()];
  }

  /** Writes a Buffer down as held. */
  keep(buffer: Buffer): Buffer {
    this.#live.set(buffer, this.#source.usableSize(buffer));
    return buffer;
  }

  /** Strikes a Buffer out that the pool took back by itself, as `realloc` does. */
  strike(buffer: Buffer): void {
    expect(this.#live.delete(buffer), 'a Buffer that the books know').toBe(true);
  }

  /** What `realloc` does to the books. */
  replace(old: Buffer, next: Buffer): Buffer {
    this.strike(old);
    return this.keep(next);
  }

  free(buffer: Buffer): void {
    this.#source.free(buffer);
    this.strike(buffer);
  }

  freeAll(): void {
    for (const buffer of this.live) {
      this.free(buffer);
    }
  }

  totals(): Totals {
    let bytes = 0;
    for (const usable of this.#live.values()) {
      bytes += usable;
    }
    return { blocks: this.#live.size, bytes };
  }

  /** Asserts that the pool counts exactly what the books hold. */
  check(): void {
    const now = this.#source.stats();
    const before = this.#before;
    const counted = { blocks: now.blocks.live - before.blocks.live, bytes: now.bytes.live - before.bytes.live };
    expect(counted, 'blocks and bytes live').toEqual(this.totals());
    const balance = now.operations.allocs - now.operations.frees - (before.operations.allocs - before.operations.frees);
    expect(balance, 'allocations without their frees').toBe(this.#live.size);
    expect(changedRows(now, before), 'blocks live by class').toEqual(this.#rows());
    checkOneReading(now);
  }

  /** Frees what is left and checks a last time. */
  close(): void {
    this.check();
    this.freeAll();
    this.check();
  }

  #rows(): Map<number, number> {
    const rows = new Map<number, number>();
    for (const usable of this.#live.values()) {
      const row = Math.min(sizeClassOf(usable), SLAB_CLASSES);
      rows.set(row, (rows.get(row) ?? 0) + 1);
    }
    return rows;
  }
}

function changedRows(now: HeapStats, before: HeapStats): Map<number, number> {
  const rows = new Map<number, number>();
  now.classes.forEach((row, index) => {
    const change = row.live - (before.classes[index]?.live ?? 0);
    if (change !== 0) {
      rows.set(index, change);
    }
  });
  return rows;
}

/** What must hold within any one reading of the statistics, whatever happened before. */
export function checkOneReading(stats: HeapStats): void {
  const { bytes, blocks, classes, components } = stats;
  expect(bytes.live + bytes.cached, 'live and cached lie within committed').toBeLessThanOrEqual(bytes.committed);
  expect(bytes.committed, 'committed lies within reserved').toBeLessThanOrEqual(bytes.reserved);
  expect(sum(classes.map((row) => row.live))).toBe(blocks.live);
  expect(sum(classes.map((row) => row.cached))).toBe(blocks.cached);
  const slabClasses = classes.slice(0, SLAB_CLASSES);
  expect(slabClasses.map((row) => row.size)).toEqual(slabClasses.map((_, index) => classSizeBytes(index)));
  expect(components.superslab.used).toBeLessThanOrEqual(components.superslab.capacity);
  for (const value of numbersOf(stats)) {
    expect(Number.isInteger(value) && value >= 0, `every counter is a whole number, not ${value}`).toBe(true);
  }
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function numbersOf(value: unknown): number[] {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? [value] : [];
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersOf) : [];
}

/** Opens books for a test file; they are closed and checked when its tests are done. */
export function openBooks(source: Countable): Books {
  const books = new Books(source);
  afterAll(() => books.close());
  return books;
}

/** A pool for a test file, with its books; when the tests are done these are closed and the pool is destroyed. */
export function openPool(name: string, options: PoolOptions = {}): { pool: Pool; books: Books } {
  const pool = createPool({ name, ...options });
  const books = new Books(pool);
  afterAll(() => {
    books.close();
    pool.destroy();
  });
  return { pool, books };
}
