/**
 * A program that recurses too deeply gets its RangeError in the middle of any call of ours, and may catch it. Blocks may be lost then; but no
 * two live Buffers ever share one, and the pool goes on.
 */
import { describe, expect, it } from 'vitest';
import { currentBackend } from '../../lib/backend/select';
import { SlabState } from '../../lib/backend/ts/slab-state';
import { createPool, type Pool } from '../../lib/index';
import { Pool as UncheckedPool } from '../../lib/pool';
import { CHECKED } from './support/checked';
import { outcome } from './support/outcome';

/** Depths that are tried, up to where nothing can be called any more. */
const SPAN = 1500;

function atDepth<T>(depth: number, call: () => T): T {
  return depth === 0 ? call() : atDepth(depth - 1, call);
}

/** @returns a depth at which nothing can be called. */
function depthLimit(): number {
  let depth = 1000;
  while ('value' in outcome(() => atDepth(depth, () => 0))) {
    depth += 50;
  }
  return depth;
}

function overflow(): never {
  throw new RangeError('Maximum call stack size exceeded');
}

/** Runs `step` at each depth near the end of the stack. @returns how often that threw; anything but the overflow fails the test. */
function nearTheEnd(prepare: () => () => void): number {
  const limit = depthLimit();
  let thrown = 0;
  for (let depth = limit - SPAN; depth < limit; depth++) {
    const step = prepare();
    try {
      atDepth(depth, step);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      thrown++;
    }
  }
  return thrown;
}

/** Allocates more Buffers. @returns how many of all lie where another does. */
function twice(pool: Pool, held: Buffer[], more: number): number {
  const all = [...held, ...Array.from({ length: more }, () => pool.allocUnsafe(100))];
  const places = new Map<ArrayBufferLike, Set<number>>();
  for (const { buffer, byteOffset } of all) {
    places.set(buffer, (places.get(buffer) ?? new Set()).add(byteOffset));
  }
  return all.length - [...places.values()].reduce((sum, offsets) => sum + offsets.size, 0);
}

describe.skipIf(CHECKED)('near the end of the stack', () => {
  it('allocUnsafe and free give no block twice', () => {
    const pool = createPool({ shared: true });
    let held: Buffer[] = [];
    const step = () => {
      for (let n = 0; n < 60; n++) {
        held.push(pool.allocUnsafe(100));
      }
      while (held.length > 20) {
        pool.free(held.at(-1) as Buffer);
        held.pop();
      }
    };
    expect(nearTheEnd(() => step)).toBeGreaterThan(0);
    held = held.filter((buffer) => 'value' in outcome(() => pool.usableSize(buffer)));
    expect(twice(pool, held, 5000)).toBe(0);
    pool.trim();
    pool.destroy();
  });

  it('share gives no block away that the pool has still', () => {
    const pool = createPool({ shared: true });
    expect(
      nearTheEnd(() => {
        const buffer = pool.allocUnsafe(100);
        return () => {
          pool.share(buffer);
        };
      }),
    ).toBeGreaterThan(0);
    pool.trim();
    expect(twice(pool, [], 6000)).toBe(0);
    for (let round = 0; round < 300; round++) {
      pool.free(pool.adopt(pool.share(pool.allocUnsafe(100))));
    }
    pool.trim();
    pool.destroy();
  });
});

describe('a heap that throws in the middle of a flush', () => {
  it('has what it took alone: the magazine lets go of it first', () => {
    const backend = currentBackend();
    let failing = false;
    const broken: typeof backend = Object.create(backend, {
      createHeap: {
        value: (shared: boolean) => {
          const heap = backend.createHeap(shared);
          const { flush } = heap;
          heap.flush = (blocks, count) => {
            const taken = flush.call(heap, blocks, failing ? count >> 1 : count);
            if (failing) {
              overflow();
            }
            return taken;
          };
          return heap;
        },
      },
    });
    const pool = new UncheckedPool({}, broken);
    const held = Array.from({ length: 2000 }, () => pool.allocUnsafe(100));
    for (const buffer of held) {
      pool.free(buffer);
    }
    failing = true;
    expect(outcome(() => pool.trim())).toHaveProperty('error.name', 'RangeError');
    failing = false;
    expect(twice(pool, [], 6000)).toBe(0);
    pool.trim();
    pool.destroy();
  });

  it('is not told as one that has no memory', () => {
    const backend = currentBackend();
    const broken: typeof backend = Object.create(backend, {
      createHeap: {
        value: (shared: boolean) => Object.assign(backend.createHeap(shared), { memory: overflow }),
      },
    });
    const pool = new UncheckedPool({}, broken);
    expect(outcome(() => pool.allocUnsafe(100))).toEqual({ error: { name: 'RangeError', code: undefined } });
    expect(pool.stats().blocks.live).toBe(0);
    pool.destroy();
  });
});

describe.skipIf(CHECKED || currentBackend().name === 'native')('a share that throws on the way', () => {
  it.each(['its own', 'adopted'])('has sent nothing off: %s', (whose) => {
    const pool = createPool({ shared: true });
    const other = createPool({ shared: true });
    const owner = whose === 'adopted' ? other : pool;
    const buffer = owner === pool ? pool.allocUnsafe(100) : pool.adopt(owner.share(owner.allocUnsafe(100)));
    const { write } = SlabState.prototype;
    SlabState.prototype.write = overflow;
    expect(outcome(() => pool.share(buffer))).toHaveProperty('error.name', 'RangeError');
    SlabState.prototype.write = write;
    const arrived = other.adopt(pool.share(buffer));
    expect(pool.stats().blocks.live).toBe(0);
    other.free(arrived);
    for (const each of [other, pool]) {
      each.trim();
      expect(each.stats().blocks.live).toBe(0);
      each.destroy();
    }
  });
});
