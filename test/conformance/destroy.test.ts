/** After `destroy` a pool refuses everything, and the Buffers that it once gave out do no harm. */
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { isFullOf } from './support/bytes';
import { CHECKED } from './support/checked';
import { outcome } from './support/outcome';

const DESTROYED = { error: { name: 'HakmemError', code: 'ERR_HAKMEM_DESTROYED' } };
const SIZES = [0, 16, 1000, 30_000, 50_000, 2 ** 20, 3 * 2 ** 20];

/** Writes and reads all of a Buffer. */
function scribble(buffer: Buffer): number {
  buffer.fill(0xdb);
  return buffer.indexOf(0xda);
}

describe('a destroyed pool', () => {
  it('refuses every call', () => {
    const pool = hakmem.createPool({ name: 'gone' });
    const buffer = pool.allocUnsafe(100);
    pool.destroy();
    const calls = [
      () => pool.allocUnsafe(1),
      () => pool.allocUnsafe(1, 16),
      () => pool.alloc(1),
      () => pool.from('a'),
      () => pool.concat([Buffer.from('a')]),
      () => pool.realloc(buffer, 10),
      () => pool.free(buffer),
      () => pool.usableSize(buffer),
      () => pool.lease(1),
      () => pool.trim(),
    ];
    for (const call of calls) {
      expect(outcome(call), String(call)).toEqual(DESTROYED);
    }
  });

  it('can be destroyed again, which does nothing', () => {
    const pool = hakmem.createPool();
    pool.destroy();
    expect(pool.destroy()).toBeUndefined();
  });

  it('says for its Buffers that it is gone, and another pool that they are not its own', () => {
    const pool = hakmem.createPool();
    const buffer = pool.allocUnsafe(100);
    pool.destroy();
    expect(outcome(() => hakmem.free(buffer))).toHaveProperty('error.code', 'ERR_HAKMEM_NOT_OWNED');
  });

  it('leaves what it counted in the totals of the thread', () => {
    const pool = hakmem.createPool();
    for (const size of SIZES) {
      const buffers = Array.from({ length: 20 }, () => pool.allocUnsafe(size));
      for (const buffer of buffers.slice(1)) {
        pool.free(buffer);
      }
    }
    pool.trim();
    const before = hakmem.stats();
    pool.destroy();
    const after = hakmem.stats();
    expect(after.bytes.purged).toBeGreaterThanOrEqual(before.bytes.purged);
    for (const [name, value] of Object.entries(before.operations)) {
      expect(after.operations[name as keyof typeof before.operations], name).toBeGreaterThanOrEqual(value);
    }
    for (const [name, { grown, shrunk, misses }] of Object.entries(before.components)) {
      const row = after.components[name as keyof typeof before.components];
      expect(row.grown, `${name} grown`).toBeGreaterThanOrEqual(grown);
      expect(row.shrunk, `${name} shrunk`).toBeGreaterThanOrEqual(shrunk);
      expect(row.misses, `${name} misses`).toBeGreaterThanOrEqual(misses);
    }
    for (const [row, { refills, flushes }] of before.classes.entries()) {
      expect(after.classes[row].refills).toBeGreaterThanOrEqual(refills);
      expect(after.classes[row].flushes).toBeGreaterThanOrEqual(flushes);
    }
  });

  it('gives all of its memory back', () => {
    const before = hakmem.stats().bytes.reserved;
    const pool = hakmem.createPool();
    for (let n = 0; n < 200; n++) {
      pool.allocUnsafe(100_000);
    }
    pool.destroy();
    expect(hakmem.stats().bytes.reserved).toBeLessThanOrEqual(before);
  });
});

describe('stale views', () => {
  it.skipIf(CHECKED).each(SIZES)('after free: %i bytes can be read and written, and harm no bookkeeping', (size) => {
    const pool = hakmem.createPool();
    const stale = Array.from({ length: 20 }, () => pool.allocUnsafe(size));
    for (const buffer of stale) {
      pool.free(buffer);
    }
    pool.trim();
    for (const buffer of stale) {
      scribble(buffer);
    }
    const fresh = Array.from({ length: 20 }, () => pool.alloc(size));
    for (const buffer of stale) {
      scribble(buffer);
    }
    expect(pool.stats().blocks.live).toBe(20);
    for (const buffer of fresh) {
      pool.free(buffer);
    }
    expect(pool.stats().bytes.live).toBe(0);
    pool.destroy();
  });

  it.each(SIZES)('after destroy: %i bytes can be read and written, and reach nobody', (size) => {
    const pool = hakmem.createPool();
    const stale = Array.from({ length: 20 }, () => pool.allocUnsafe(size));
    pool.destroy();
    const successor = hakmem.createPool();
    const owned = Array.from({ length: 20 }, () => successor.alloc(size, 1));
    for (const buffer of stale) {
      scribble(buffer);
    }
    expect(owned.every((buffer) => isFullOf(buffer, 1))).toBe(true);
    successor.destroy();
  });

  it.skipIf(CHECKED)('written past their length, as far as JavaScript lets one, harm no bookkeeping', () => {
    const pool = hakmem.createPool();
    const buffers = Array.from({ length: 100 }, () => pool.allocUnsafe(48));
    const [first] = buffers as [Buffer];
    new Uint8Array(first.buffer).fill(0xee); // the whole slab
    for (const buffer of buffers) {
      pool.free(buffer);
    }
    const again = Array.from({ length: 100 }, () => pool.allocUnsafe(48));
    expect(new Set(again.map((buffer) => `${buffer.byteOffset}`)).size).toBe(100);
    expect(pool.stats().blocks.live).toBe(100);
    pool.destroy();
  });
});
