/** The magazines adapt: what is hot grows in a few refills, what is not decays, and all of them keep within the budget. */
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createPool } from '../../lib/index';
import { sizeClassOf } from '../../lib/size-class';

const BUDGET_BYTES = 4 * 2 ** 20;
const [A, B] = [1024, 128];

// Ticks come fast, so that the test sees many of them.
vi.hoisted(() => {
  process.env.HAKMEM_TICK_OPERATIONS = '8';
  process.env.HAKMEM_CACHE_BYTES = '4194304';
});

const pool = createPool({ name: 'adaptation' });
afterAll(() => pool.destroy());

function rowOf(size: number) {
  return pool.stats().classes[sizeClassOf(size)];
}

/** So many Buffers at once, and then none. @returns operations. */
function burst(size: number, blocks: number): number {
  const buffers = Array.from({ length: blocks }, () => pool.allocUnsafe(size));
  for (const buffer of buffers) {
    pool.free(buffer);
  }
  const { bytes } = pool.stats();
  expect(bytes.cached).toBeLessThanOrEqual(BUDGET_BYTES);
  return 2 * blocks;
}

describe('phases: A hot, then B hot', () => {
  it.each([A, B])('blocks of %i bytes are served without misses after 10 refills at most', (size) => {
    const before = pool.stats().components.tcache.misses;
    let operations = 0;
    for (let round = 0; round < 50; round++) {
      operations += burst(size, 200);
    }
    const { misses, grown } = pool.stats().components.tcache;
    expect(rowOf(size).refills).toBeLessThanOrEqual(10);
    expect(misses - before).toBeLessThanOrEqual(10);
    expect((misses - before) / operations).toBeLessThan(0.01);
    expect(grown).toBeGreaterThan(0);
    expect(rowOf(size).capacity).toBeGreaterThanOrEqual(200);
  });

  it('the capacity of A decays to nothing while B is in use, and B keeps missing little', () => {
    const before = pool.stats().components.tcache;
    let operations = 0;
    for (let round = 0; round < 3000 && rowOf(A).capacity > 0; round++) {
      operations += burst(B, 200 * (1 + (round % 400)));
    }
    const after = pool.stats().components.tcache;
    expect(rowOf(A)).toMatchObject({ capacity: 0, cached: 0 });
    expect(after.shrunk).toBeGreaterThan(before.shrunk);
    expect((after.misses - before.misses) / operations).toBeLessThan(0.01);
  });

  it('and A comes back, though B has most of the budget', () => {
    const before = pool.stats().components.tcache.misses;
    let operations = 0;
    for (let round = 0; round < 50; round++) {
      operations += burst(A, 200);
    }
    expect((pool.stats().components.tcache.misses - before) / operations).toBeLessThan(0.01);
  });
});

describe('a magazine that is larger than it needs to be', () => {
  it('gives back what it does not need, though it is in use', () => {
    burst(B, 20_000);
    burst(B, 20_000);
    const large = rowOf(B).capacity;
    for (let round = 0; round < 400; round++) {
      burst(B, 10);
      burst(A, 200 * (1 + ((round * 7) % 40)));
    }
    expect(rowOf(B).capacity).toBeLessThan(large / 4);
    expect(rowOf(B).capacity).toBeGreaterThan(0);
  });
});

describe('the budget', () => {
  it('holds whatever the sizes and numbers are', () => {
    for (const size of [16, 500, 4096, 20_000, 100_000, 700_000]) {
      burst(size, Math.ceil((8 * 2 ** 20) / size));
    }
    const granted = pool.stats().classes.reduce((sum, { size, capacity }) => sum + size * capacity, 0);
    expect(granted).toBeLessThanOrEqual(BUDGET_BYTES);
  });
});
