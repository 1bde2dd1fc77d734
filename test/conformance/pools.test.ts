/** `createPool`: its options, what they refuse, and that pools know nothing of each other. */
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { openPool } from './support/books';
import { isFullOf } from './support/bytes';
import { failureOf, outcome, thrownBy } from './support/outcome';
import { NOT_A_NUMBER, type Sample } from './support/values';

type PoolOptions = Parameters<typeof hakmem.createPool>[0];

function refusal(options: unknown): { name: string; code: string | undefined } {
  return failureOf(thrownBy(() => hakmem.createPool(options as PoolOptions)));
}

const WRONG_TYPE = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
const OUT_OF_RANGE = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' };
const given = NOT_A_NUMBER.filter(({ value }) => value !== undefined);

describe('options', () => {
  it('none are needed', () => {
    for (const options of [undefined, {}, { name: undefined, maxBytes: undefined, zero: undefined }]) {
      const pool = hakmem.createPool(options as PoolOptions);
      pool.free(pool.allocUnsafe(10));
      pool.destroy();
    }
  });

  it('name and maxBytes can be read back from the statistics', () => {
    const pool = hakmem.createPool({ name: 'récolte', maxBytes: 12_345 });
    expect(pool.stats()).toMatchObject({ name: 'récolte', maxBytes: 12_345 });
    pool.destroy();
  });

  it.each(
    [null, 1, 'options', true, Symbol('options'), 1n, () => 1].map((value): Sample => ({ what: String(value), value })),
  )('refuses $what for the options', ({ value }) => {
    expect(refusal(value)).toEqual(WRONG_TYPE);
  });

  it.each(given)('refuses $what for maxBytes', ({ value }) => {
    expect(refusal({ maxBytes: value })).toEqual(WRONG_TYPE);
  });

  it.each([-1, Number.NaN, Number.NEGATIVE_INFINITY, -0.5])('refuses maxBytes %d', (maxBytes) => {
    expect(refusal({ maxBytes })).toEqual(OUT_OF_RANGE);
  });

  it.each(given.filter(({ value }) => typeof value !== 'string'))('refuses $what for a name', ({ value }) => {
    expect(refusal({ name: value })).toEqual(WRONG_TYPE);
  });

  it.each(given.filter(({ value }) => typeof value !== 'boolean'))('refuses $what for zero and shared', ({ value }) => {
    expect(refusal({ zero: value })).toEqual(WRONG_TYPE);
    expect(refusal({ shared: value })).toEqual(WRONG_TYPE);
  });
});

describe('an option that there is not', () => {
  it.each(['maxbytes', 'Name', 'size', 'shared '])('%j is refused, with those that there are', (name) => {
    const error = thrownBy(() => hakmem.createPool({ [name]: 10 }));
    expect(failureOf(error)).toEqual({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toBe(
      `The property 'options.${name}' is no option; there are name, maxBytes, shared, zero, checked. Received 10`,
    );
  });
});

describe('zero: true', () => {
  const { pool, books } = openPool('zero', { zero: true });

  it.each([1, 16, 1000, 5000, 40_000, 200_000, 2 ** 20 + 1])('allocUnsafe(%i) never shows old bytes', (size) => {
    for (let round = 0; round < 10; round++) {
      const buffer = books.keep(pool.allocUnsafe(size));
      expect(buffer.equals(Buffer.alloc(size))).toBe(true);
      buffer.fill(0xff);
      books.free(buffer);
    }
  });

  it('neither does a lease', () => {
    books.free(books.keep(pool.allocUnsafe(100)).fill(0xff));
    const lease = pool.lease(100);
    expect(lease.buffer.equals(Buffer.alloc(100))).toBe(true);
    lease[Symbol.dispose]();
  });

  it('nor the bytes that realloc adds, in place or moved', () => {
    for (const [from, to] of [
      [100, 112],
      [100, 5000],
      [40_000, 40_960],
      [1000, 2 ** 20 + 1],
    ] as const) {
      books.free(books.keep(pool.allocUnsafe(to)).fill(0xff));
      const shrunk = books.keep(pool.realloc(pool.allocUnsafe(to).fill(0xff), from));
      const grown = books.replace(shrunk, pool.realloc(shrunk, to));
      expect(grown.subarray(from).equals(Buffer.alloc(to - from)), `from ${from} to ${to}`).toBe(true);
      books.free(grown);
    }
  });
});

describe('pools', () => {
  it('by the thousand cost nothing that stays', () => {
    for (let n = 0; n < 1000; n++) {
      const pool = hakmem.createPool();
      pool.allocUnsafe(100);
      pool.destroy();
    }
  });

  it('never hand out the same memory', () => {
    const pools = Array.from({ length: 10 }, () => hakmem.createPool());
    const buffers = pools.flatMap((pool, n) => Array.from({ length: 50 }, () => pool.allocUnsafe(500).fill(n)));
    buffers.forEach((buffer, at) => {
      expect(isFullOf(buffer, Math.floor(at / 50))).toBe(true);
    });
    for (const pool of pools) {
      expect(pool.stats().blocks.live).toBe(50);
      pool.destroy();
    }
  });

  it('the methods of the module are those of the default pool', () => {
    const buffer = hakmem.allocUnsafe(100);
    const pool = hakmem.createPool();
    expect(outcome(() => pool.free(buffer))).toHaveProperty('error.code', 'ERR_HAKMEM_NOT_OWNED');
    const larger = hakmem.realloc(buffer, 3000);
    expect(hakmem.usableSize(larger)).toBeGreaterThanOrEqual(3000);
    hakmem.free(larger);
    pool.destroy();
  });
});
