/** `realloc` keeps the contents, in place where the block allows; on failure the old Buffer is as it was. */
import { constants } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { classSizeBytes, SLAB_CLASSES } from '../../lib/size-class';
import { openPool } from './support/books';
import { CHECKED } from './support/checked';
import { outcome } from './support/outcome';
import { BAD_NUMBERS, NOT_A_NUMBER, ODD_NUMBERS } from './support/values';

const { pool, books } = openPool('realloc');

const MIB = 2 ** 20;

/** Bytes that differ from their neighbours and between seeds. */
function pattern(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let n = 0; n < size; n++) {
    bytes[n] = (n * 31 + (n >> 8) + seed) & 0xff;
  }
  return bytes;
}

function filled(size: number, seed: number): Buffer {
  const buffer = books.keep(pool.allocUnsafe(size));
  pattern(size, seed).copy(buffer);
  return buffer;
}

function reallocated(buffer: Buffer, size: number): Buffer {
  return books.replace(buffer, pool.realloc(buffer, size));
}

describe('contents', () => {
  const steps = [0, 1, 16, 17, 100, 1000, 4096, 5000, 32_768, 32_769, 65_536, 200_000, MIB, MIB + 1, 5 * MIB];
  const moves = steps.flatMap((from) => steps.map((to): [number, number] => [from, to]));

  it.each(moves)('survive from %i to %i bytes', (from, to) => {
    const buffer = reallocated(filled(from, 7), to);
    const kept = Math.min(from, to);
    expect(buffer.length).toBe(to);
    expect(buffer.subarray(0, kept).equals(pattern(kept, 7))).toBe(true);
    books.check();
    books.free(buffer);
  });

  it('survive growth through every class, neighbours untouched', () => {
    const neighbours = Array.from({ length: 20 }, (_, n) => filled(64 + n, n));
    let buffer = filled(1, 99);
    for (let sizeClass = 0; sizeClass < SLAB_CLASSES + 4; sizeClass++) {
      const before = Buffer.from(buffer);
      buffer = reallocated(buffer, classSizeBytes(sizeClass));
      const kept = Math.min(before.length, buffer.length);
      expect(buffer.subarray(0, kept).equals(before.subarray(0, kept))).toBe(true);
      pattern(buffer.length, 99).copy(buffer);
    }
    neighbours.forEach((neighbour, n) => {
      expect(neighbour.equals(pattern(64 + n, n))).toBe(true);
    });
    books.freeAll();
  });
});

describe('the old Buffer', () => {
  it('is dead afterwards, grown, shrunk or in place', () => {
    for (const [from, to] of [
      [100, 5000],
      [5000, 100],
      [100, 101],
      [100, 100],
      [2 * MIB, 3 * MIB],
    ] as const) {
      const old = filled(from, 1);
      const next = reallocated(old, to);
      expect(next === old).toBe(false);
      expect(outcome(() => pool.free(old))).toEqual({ error: { name: 'HakmemError', code: 'ERR_HAKMEM_DOUBLE_FREE' } });
      expect(outcome(() => pool.realloc(old, 1))).toHaveProperty('error.code', 'ERR_HAKMEM_DOUBLE_FREE');
      books.free(next);
    }
    books.check();
  });

  it.skipIf(CHECKED)('stays in its block where the block is large enough', () => {
    const old = filled(1000, 3);
    const { byteOffset, buffer: memory } = old;
    const next = reallocated(old, pool.usableSize(old));
    expect(next.byteOffset).toBe(byteOffset);
    expect(next.buffer).toBe(memory);
    books.free(next);
  });

  it('gives memory back when it shrinks by much', () => {
    const next = reallocated(filled(MIB, 4), 100);
    expect(pool.usableSize(next)).toBeLessThan(MIB);
    books.free(next);
  });
});

describe('large Buffers', () => {
  const sizes = [MIB + 1, 3 * MIB - 7, 5 * MIB, 20 * MIB + 1, 6 * MIB + 3, 2 * MIB, 40 * MIB];

  it('keep every byte as they grow and shrink again and again, through any number of moves', () => {
    const whole = pattern(40 * MIB, 11);
    let buffer = filled(MIB + 1, 11);
    for (let round = 0; round < 3; round++) {
      for (const size of sizes) {
        const kept = Math.min(buffer.length, size);
        buffer = reallocated(buffer, size);
        expect(buffer.compare(whole, 0, kept, 0, kept)).toBe(0);
        whole.copy(buffer, kept, kept, size);
      }
    }
    books.check();
    books.free(buffer);
  });

  it.skipIf(CHECKED)('can be read and written through stale views, and nobody else is touched', () => {
    const old = filled(3 * MIB, 12);
    const next = reallocated(old, 9 * MIB);
    old.fill(0xee);
    expect(next.compare(pattern(3 * MIB, 12), 0, 3 * MIB, 0, 3 * MIB)).toBe(0);
    expect([0, 0xee]).toContain(old[3 * MIB - 1]);
    books.free(next);
  });

  it('show zeros behind the old contents in a pool made with zero', () => {
    const clean = hakmem.createPool({ name: 'clean', zero: true });
    const old = clean.allocUnsafe(3 * MIB + 5);
    new Uint8Array(old.buffer).fill(0xff, old.byteOffset);
    const next = clean.realloc(old, 9 * MIB);
    expect(next.subarray(0, 3 * MIB + 5).every((byte) => byte === 0xff)).toBe(true);
    expect(next.subarray(3 * MIB + 5).every((byte) => byte === 0)).toBe(true);
    clean.destroy();
  });
});

describe('refusals leave the old Buffer valid', () => {
  const tooLarge = [{ what: 'MAX_LENGTH + 1', value: constants.MAX_LENGTH + 1 }];

  it.each([...NOT_A_NUMBER, ...BAD_NUMBERS, ...tooLarge])('size $what', ({ value }) => {
    const buffer = filled(500, 5);
    const refusal = outcome(() => Buffer.allocUnsafe(value as number));
    expect(outcome(() => pool.realloc(buffer, value as number))).toEqual(refusal);
    expect(buffer.equals(pattern(500, 5))).toBe(true);
    books.check();
    books.free(buffer);
  });

  it.each(ODD_NUMBERS)('size $what counts as on Buffer', ({ value }) => {
    const next = reallocated(filled(10, 1), value as number);
    expect(next.length).toBe(Buffer.allocUnsafe(value as number).length);
    books.free(next);
  });

  it.runIf(constants.MAX_LENGTH > 2 ** 46)('a size that no machine has', () => {
    const buffer = filled(500, 6);
    expect(outcome(() => pool.realloc(buffer, 2 ** 50))).toEqual({
      error: { name: 'HakmemError', code: 'ERR_HAKMEM_OUT_OF_MEMORY' },
    });
    expect(buffer.equals(pattern(500, 6))).toBe(true);
    books.check();
    books.free(buffer);
  });

  it('shrinking never fails for want of room', () => {
    const limited = hakmem.createPool({ name: 'limited', maxBytes: 8192 });
    const full = limited.allocUnsafe(8192);
    pattern(8192, 2).copy(full);
    const shrunk = limited.realloc(full, 100);
    expect(shrunk.equals(pattern(100, 2))).toBe(true);
    limited.free(shrunk);
    limited.destroy();
  });

  it('a limit of the pool', () => {
    const limited = hakmem.createPool({ name: 'limited', maxBytes: 8192 });
    const buffer = limited.allocUnsafe(1000);
    pattern(1000, 8).copy(buffer);
    expect(outcome(() => limited.realloc(buffer, 9000))).toHaveProperty('error.code', 'ERR_HAKMEM_LIMIT');
    expect(buffer.equals(pattern(1000, 8))).toBe(true);
    expect(limited.stats().blocks.live).toBe(1);
    const next = limited.realloc(buffer, 2000);
    expect(next.subarray(0, 1000).equals(pattern(1000, 8))).toBe(true);
    limited.free(next);
    limited.destroy();
  });
});
