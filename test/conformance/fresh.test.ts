/**
 * `alloc` clears no memory that comes fresh from the system, and always clears what anybody had before.
 *
 * Clearing is counted: everything in the front end that clears calls Uint8Array.prototype.fill.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Backend, Heap } from '../../lib/backend/contract';
import { currentBackend } from '../../lib/backend/select';
import { Pool } from '../../lib/pool';
import type { Random } from '../parity/random';
import { openPool } from './support/books';
import { randomFor } from './support/random';

const MIB = 2 ** 20;

/** Above 32 KiB: in slabs of one block and of several, in the L2.5 pool, in the BigCache. */
const SIZES = [33_000, 40_960, 65_536, 100_000, 300_000, MIB, MIB + 1, 3 * MIB, 40 * MIB];

const fill = vi.spyOn(Uint8Array.prototype, 'fill');

afterEach(() => fill.mockClear());

/** By its first, last and every thousandth byte: whole comparisons of so much memory take too long. */
function isZero(buffer: Buffer): boolean {
  for (let at = 0; at < buffer.length; at += 1009) {
    if (buffer[at] !== 0) {
      return false;
    }
  }
  return buffer.length === 0 || buffer[buffer.length - 1] === 0;
}

/** Bytes of the whole block, also those behind the Buffer. */
function dirty(pool: Pool, buffer: Buffer): void {
  Buffer.from(buffer.buffer, buffer.byteOffset, pool.usableSize(buffer)).fill(0xff);
}

describe.each(SIZES)('%i bytes', (size) => {
  const { pool, books } = openPool(`fresh-${size}`);
  const count = Math.max(2, Math.min(20, Math.floor((80 * MIB) / size)));

  it('are not cleared while the memory is fresh', () => {
    const buffers = Array.from({ length: count }, () => books.keep(pool.alloc(size)));
    expect(fill).not.toHaveBeenCalled();
    expect(buffers.every(isZero)).toBe(true);
    books.freeAll();
  });

  it('are not cleared after trim gave the memory back, and are zero', () => {
    for (const buffer of Array.from({ length: count }, () => books.keep(pool.allocUnsafe(size)))) {
      dirty(pool, buffer);
    }
    books.freeAll();
    pool.trim();
    fill.mockClear();
    expect(isZero(books.keep(pool.alloc(size)))).toBe(true);
    expect(fill).not.toHaveBeenCalled();
    books.freeAll();
  });

  it('are zero whatever is written through a stale view after trim', () => {
    const stale = Array.from({ length: count }, () => books.keep(pool.allocUnsafe(size)));
    books.freeAll();
    pool.trim();
    for (const buffer of stale) {
      Uint8Array.prototype.set.call(buffer, [0xff], 0);
    }
    const buffers = Array.from({ length: count }, () => books.keep(pool.alloc(size)));
    expect(buffers.every(isZero)).toBe(true);
    books.freeAll();
    pool.trim();
  });

  it('are cleared on memory that was used', () => {
    for (let round = 0; round < 3; round++) {
      for (const buffer of Array.from({ length: count }, () => books.keep(pool.allocUnsafe(size)))) {
        dirty(pool, buffer);
      }
      books.freeAll();
      const buffers = Array.from({ length: count }, () => books.keep(pool.alloc(size)));
      expect(buffers.every(isZero)).toBe(true);
      books.freeAll();
    }
  });

  it('hold for each of a batch, some used and some fresh', () => {
    const used = Array.from({ length: count }, () => books.keep(pool.allocUnsafe(size)));
    for (const buffer of used) {
      dirty(pool, buffer);
    }
    for (const buffer of used.filter((_, n) => n % 2 === 0)) {
      books.free(buffer);
    }
    const buffers = Array.from({ length: count }, () => books.keep(pool.alloc(size)));
    expect(buffers.every(isZero)).toBe(true);
    books.freeAll();
  });
});

describe('random work of allocUnsafe, alloc, free, trim', () => {
  it('never shows old bytes through alloc, nor in a pool made with zero', () => {
    const random = randomFor('fresh');
    for (const zero of [false, true]) {
      const { shown, pool } = workAtRandom(new Pool({ zero }), random, 2000);
      expect(shown).toBe(0);
      pool.destroy();
    }
  });

  it('is a test that finds a backend which calls everything fresh', () => {
    const { shown, pool } = workAtRandom(new Pool({}, lying(currentBackend())), randomFor('liar'), 2000);
    expect(shown).toBeGreaterThan(0);
    pool.destroy();
  });
});

/** Its heaps say that every block is fresh, and that nobody has seen it. */
function lying(backend: Backend): Backend {
  const { name, capabilities } = backend;
  return {
    name,
    capabilities,
    stats: () => backend.stats(),
    bytesToAlignment: (memory, alignment) => backend.bytesToAlignment(memory, alignment),
    createHeap(shared: boolean): Heap {
      const heap = backend.createHeap(shared);
      const memories = new Map<number, ArrayBuffer>();
      const memory = (block: number, whole: boolean) => {
        const made = heap.memory(block, whole);
        const known = memories.get(block);
        if (known?.byteLength === made.byteLength) {
          return known;
        }
        memories.set(block, made);
        return made;
      };
      return new Proxy(heap, {
        get: (target, key: keyof Heap) => {
          if (key === 'clearFresh') {
            return () => true;
          }
          const value = target[key];
          if (typeof value !== 'function') {
            return value;
          }
          return key === 'memory' ? memory : value.bind(target);
        },
      });
    },
  };
}

/** @returns how many Buffers of `alloc` were not zero. */
function workAtRandom(pool: Pool, random: Random, steps: number): { shown: number; pool: Pool } {
  const live: Buffer[] = [];
  let shown = 0;
  for (let step = 0; step < steps; step++) {
    const size = random.pick(SIZES.slice(0, 8));
    if (random.percent(1)) {
      pool.trim();
    } else if (live.length > 0 && random.below(24) < live.length) {
      pool.free(live.splice(random.below(live.length), 1)[0]);
    } else {
      const zeroed = random.percent(50);
      const buffer = zeroed ? pool.alloc(size) : pool.allocUnsafe(size);
      shown += zeroed && !isZero(buffer) ? 1 : 0;
      for (let at = 0; at < buffer.length; at += 1009) {
        buffer[at] = 0xff;
      }
      live.push(buffer);
    }
  }
  return { shown, pool };
}
