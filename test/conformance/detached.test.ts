/**
 * What becomes of a pool when the engine's own calls have taken memory away from it: nothing is lost but the bytes, and what is
 * allocated next is whole.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { createFixedPool } from '../../lib/index';
import { openPool } from './support/books';
import { DETACHES, takeMemoryAway } from './support/detach';
import { outcome } from './support/outcome';

const { pool, books } = openPool('detached');
afterEach(() => {
  books.freeAll();
  books.check();
});

/** In a slab with others, in an ArrayBuffer of its own, in a mapping of its own. */
const SIZES = [100, 1000, 40_000, 3 * 2 ** 20];

/** @returns a Buffer without memory. */
function detached(size: number): Buffer {
  const buffer = books.keep(pool.allocUnsafe(size));
  expect(takeMemoryAway(buffer)).toBe(true);
  return buffer;
}

describe.runIf(DETACHES).each(SIZES)('a Buffer of %i bytes without memory', (size) => {
  it('cannot be moved, and no block is lost by trying', () => {
    const buffer = detached(size);
    for (let round = 0; round < 5; round++) {
      expect(outcome(() => pool.realloc(buffer, 4 * size))).toHaveProperty('error.name', 'TypeError');
      books.check();
    }
    books.free(buffer);
  });

  it('can be freed, and its slab is whole again', () => {
    const neighbours = Array.from({ length: 4 }, () => books.keep(pool.allocUnsafe(size)));
    // Some wait in the cache when the memory goes, some are out.
    const buffer = books.keep(pool.allocUnsafe(size));
    books.free(neighbours.pop() as Buffer);
    expect(takeMemoryAway(buffer)).toBe(true);
    books.free(buffer);
    for (let round = 0; round < 200; round++) {
      const next = books.keep(pool.allocUnsafe(size));
      expect(next.fill(round).length).toBe(size);
      if (round % 3 > 0) {
        books.free(next);
      }
    }
    for (const neighbour of neighbours) {
      books.free(neighbour);
    }
    expect(books.keep(pool.alloc(size)).every((byte) => byte === 0)).toBe(true);
  });

  it('in a fixed pool is released and replaced, neighbours and those that wait too', () => {
    const fixed = createFixedPool({ size, maxBuffers: 4 });
    const held = Array.from({ length: 4 }, () => fixed.acquire());
    const waiting = held.splice(0, 2);
    for (const buffer of waiting) {
      fixed.release(buffer);
    }
    expect(takeMemoryAway(held[0])).toBe(true);
    for (const buffer of held) {
      fixed.release(buffer);
    }
    expect(fixed.stats()).toMatchObject({ live: 0, cached: 4, capacity: 4 });
    const again = Array.from({ length: 4 }, (_, n) => fixed.acquire().fill(n));
    expect(again.map((buffer, n) => [buffer.length, buffer[size - 1], n])).toEqual(again.map((_, n) => [size, n, n]));
    expect(fixed.stats()).toMatchObject({ live: 4, cached: 0, capacity: 4, blocks: { live: 4 } });
    expect(outcome(() => fixed.acquire())).toHaveProperty('error.code', 'ERR_HAKMEM_LIMIT');
    for (const buffer of again) {
      fixed.release(buffer);
    }
    const { operations, acquired, released } = fixed.stats();
    expect(operations.allocs - operations.frees).toBe(0);
    expect(acquired).toBe(released);
    fixed.destroy();
  });
});
