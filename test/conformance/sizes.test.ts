/** Every length is had exactly: 0, 1, each class boundary and its neighbours, and what no machine can give. */
import { constants } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { classSizeBytes, SLAB_CLASSES, sizeClassOf } from '../../lib/size-class';
import { openPool } from './support/books';
import { codeOf, outcome, thrownBy } from './support/outcome';
import { BAD_NUMBERS, NOT_A_NUMBER, ODD_NUMBERS } from './support/values';

const MIB = 2 ** 20;
const { MAX_LENGTH } = constants;

const { pool, books } = openPool('sizes');

/** Class boundaries of all slab classes and of the first huge ones. */
function boundaries(): number[] {
  return Array.from({ length: SLAB_CLASSES + 9 }, (_, sizeClass) => classSizeBytes(sizeClass));
}

describe('lengths', () => {
  it.each([0, 1, 2, 15, 16, 17])('gives exactly %i bytes', (size) => {
    const buffer = books.keep(pool.allocUnsafe(size));
    expect(buffer.length).toBe(size);
    expect(pool.usableSize(buffer)).toBeGreaterThanOrEqual(Math.max(size, 16));
  });

  it.each(boundaries())('gives exactly what is asked around the boundary at %i', (boundary) => {
    for (const size of [boundary - 1, boundary, boundary + 1]) {
      const buffer = books.keep(pool.allocUnsafe(size));
      expect(buffer.length).toBe(size);
      expect(pool.usableSize(buffer)).toBe(classSizeBytes(sizeClassOf(size)));
      // The first and the last byte are there, and each keeps what it is given.
      buffer[0] = 0xa5;
      buffer[size - 1] = 0x5a;
      expect(buffer[size - 1]).toBe(0x5a);
      expect(buffer[size]).toBeUndefined();
      books.free(buffer);
    }
    books.check();
  });

  it('wastes at most a fifth of a block above 128 bytes', () => {
    for (let size = 129; size < 2 * MIB; size = Math.ceil(size * 1.01)) {
      const buffer = books.keep(pool.allocUnsafe(size));
      expect((pool.usableSize(buffer) - size) / pool.usableSize(buffer)).toBeLessThanOrEqual(0.2);
      books.free(buffer);
    }
  });

  it('gives many Buffers of length 0, each its own', () => {
    const empties = Array.from({ length: 100 }, () => books.keep(pool.allocUnsafe(0)));
    expect(new Set(empties).size).toBe(100);
    expect(empties.every((buffer) => buffer.length === 0)).toBe(true);
    books.freeAll();
  });

  it.each([4 * MIB, 32 * MIB + 1, 256 * MIB])('gives %i bytes as one Buffer and takes them back', (size) => {
    const buffer = books.keep(pool.allocUnsafe(size));
    expect(buffer.length).toBe(size);
    buffer[size - 1] = 7;
    expect(buffer.at(-1)).toBe(7);
    books.free(buffer);
    books.check();
  });
});

describe('sizes that Buffer refuses', () => {
  it.each([...NOT_A_NUMBER, ...BAD_NUMBERS])('allocUnsafe and alloc refuse $what as Buffer does', ({ value }) => {
    const size = value as number;
    const refusal = outcome(() => Buffer.allocUnsafe(size));
    expect(refusal).toHaveProperty('error');
    expect(outcome(() => pool.allocUnsafe(size))).toEqual(refusal);
    expect(outcome(() => pool.alloc(size))).toEqual(refusal);
    expect(outcome(() => pool.lease(size))).toEqual(refusal);
    expect(outcome(() => hakmem.allocUnsafe(size))).toEqual(refusal);
    books.check();
  });

  it.each(ODD_NUMBERS)('allocUnsafe($what) has the length that Buffer gives it', ({ value }) => {
    const size = value as number;
    expect(books.keep(pool.allocUnsafe(size)).length).toBe(Buffer.allocUnsafe(size).length);
    expect(books.keep(pool.alloc(size)).length).toBe(Buffer.alloc(size).length);
    books.freeAll();
  });
});

describe('MAX_LENGTH and beyond', () => {
  it('refuses MAX_LENGTH + 1 as out of range', () => {
    const error = thrownBy(() => pool.allocUnsafe(MAX_LENGTH + 1));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.code).toBe('ERR_OUT_OF_RANGE');
  });

  // On Node 20 MAX_LENGTH is 4 GiB, which a machine may really have; later it is more than any has.
  it('gives MAX_LENGTH bytes or says that there is no memory for them', () => {
    for (const size of [MAX_LENGTH, MAX_LENGTH - 1]) {
      const result = outcome(() => books.keep(pool.allocUnsafe(size)));
      if ('value' in result) {
        expect(result.value.length).toBe(size);
        books.free(result.value);
      } else {
        expect(result.error).toEqual({ name: 'HakmemError', code: 'ERR_HAKMEM_OUT_OF_MEMORY' });
      }
      books.check();
    }
  });

  it.runIf(MAX_LENGTH > 2 ** 46)('maps no petabytes: every size past the address space is refused at once', () => {
    for (let size = 2 ** 47; size <= MAX_LENGTH; size *= 2) {
      for (const call of [() => pool.allocUnsafe(size), () => pool.alloc(size), () => pool.allocUnsafe(size + 1, 16)]) {
        expect(codeOf(call)).toBe('ERR_HAKMEM_OUT_OF_MEMORY');
      }
    }
    expect(pool.stats().bytes.reserved).toBeLessThan(2 ** 40);
    books.check();
  });

  it('works on after a refusal', () => {
    outcome(() => pool.allocUnsafe(MAX_LENGTH + 1));
    const buffer = books.keep(pool.allocUnsafe(1000));
    expect(buffer.fill(1).every((byte) => byte === 1)).toBe(true);
    books.free(buffer);
  });
});
