/** Alignments, at every size. */
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { misalignment } from './support/alignment';
import { openPool } from './support/books';
import { isFullOf } from './support/bytes';
import { codeOf, failureOf, outcome, thrownBy } from './support/outcome';
import { BAD_NUMBERS, NOT_A_NUMBER, type Sample } from './support/values';

const { pool, books } = openPool('alignment');

const MAX_ALIGNMENT = hakmem.backend.capabilities.maxAlignment;
const POWERS = Array.from({ length: 22 }, (_, n) => 2 ** n);
const SERVED = POWERS.filter((alignment) => alignment <= MAX_ALIGNMENT);
const TOO_LARGE_HERE = POWERS.filter((alignment) => alignment > MAX_ALIGNMENT);
const SIZES = [0, 1, 15, 16, 17, 63, 100, 1000, 4096, 5000, 33_000, 65_537, 700_000, 2 ** 20 + 1];

describe('every Buffer', () => {
  it.each(SIZES)('of %i bytes lies on a multiple of 16', (size) => {
    const buffers = Array.from({ length: 50 }, () => books.keep(pool.allocUnsafe(size)));
    expect(buffers.every((buffer) => buffer.byteOffset % 16 === 0)).toBe(true);
    const asDoubles = buffers.map((buffer) => new Float64Array(buffer.buffer, buffer.byteOffset, size >> 3));
    expect(asDoubles.every((doubles) => doubles.length === size >> 3)).toBe(true);
    books.freeAll();
  });
});

describe.each(SERVED)('alignment %i', (alignment) => {
  it('is kept at every size, and no two Buffers overlap', () => {
    for (const size of alignment > 65_536 ? [0, 100, 2 ** 20 + 1] : SIZES) {
      const buffers = Array.from({ length: 5 }, () => books.keep(pool.allocUnsafe(size, alignment)));
      buffers.forEach((buffer, n) => {
        buffer.fill(n + 1);
      });
      buffers.forEach((buffer, n) => {
        expect(buffer.length).toBe(size);
        expect(misalignment(buffer, alignment)).toBe(0);
        expect(isFullOf(buffer, n + 1)).toBe(true);
      });
      books.check();
      books.freeAll();
    }
  });

  it('is kept by a lease', () => {
    const lease = pool.lease(100, alignment);
    expect(misalignment(lease.buffer, alignment)).toBe(0);
    lease[Symbol.dispose]();
    books.check();
  });
});

describe.runIf(TOO_LARGE_HERE.length > 0)('alignments that this backend cannot promise', () => {
  it.each(TOO_LARGE_HERE)('%i throws, and says which backend can', (alignment) => {
    const error = thrownBy(() => pool.allocUnsafe(100, alignment));
    expect(failureOf(error)).toEqual({ name: 'HakmemError', code: 'ERR_HAKMEM_BACKEND' });
    expect(error.message).toContain(String(alignment));
    expect(error.message).toMatch(/native/);
    expect(codeOf(() => pool.lease(100, alignment))).toBe('ERR_HAKMEM_BACKEND');
    expect(codeOf(() => hakmem.createFixedPool({ size: 100, alignment }))).toBe('ERR_HAKMEM_BACKEND');
    books.check();
  });
});

describe('alignments that are none', () => {
  const wrongTypes = NOT_A_NUMBER.filter(({ value }) => value !== undefined);
  const wrongNumbers: Sample[] = [0, 3, 12, 17, 100, 1.5, 2 ** 22, 2 ** 32, 2 ** 31, -16, 2 ** 40].map((value) => ({
    what: String(value),
    value,
  }));

  it.each(wrongTypes)('$what is the wrong type', ({ value }) => {
    const expected = { error: { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' } };
    expect(outcome(() => pool.allocUnsafe(10, value as number))).toEqual(expected);
    expect(outcome(() => pool.lease(10, value as number))).toEqual(expected);
    books.check();
  });

  it.each([...BAD_NUMBERS, ...wrongNumbers])('$what is out of range', ({ value }) => {
    const expected = { error: { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' } };
    expect(outcome(() => pool.allocUnsafe(10, value as number))).toEqual(expected);
    expect(outcome(() => pool.lease(10, value as number))).toEqual(expected);
    books.check();
  });

  it('undefined means none asked for', () => {
    books.free(books.keep(pool.allocUnsafe(10, undefined)));
  });
});
