/** A pool that is dropped without `destroy` goes when it is collected, with its memory; what it counted stays counted. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';

const SIZES = [100, 5000, 100_000, 3_000_000];

/** Collects until nothing is left of what was dropped: the native heaps end between turns. */
async function collect(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    gc?.();
    await delay(10);
  }
}

/** Uses pools and drops them. In a function of its own, so that no register keeps one. */
function dropPools(options: hakmem.PoolOptions, use: (pool: hakmem.Pool) => void): void {
  for (let n = 0; n < 20; n++) {
    use(hakmem.createPool(options));
  }
}

function freeAll(pool: hakmem.Pool): void {
  for (const size of SIZES) {
    pool.free(pool.allocUnsafe(size));
  }
}

function freeNone(pool: hakmem.Pool): void {
  for (const size of SIZES) {
    pool.allocUnsafe(size);
  }
}

function dropFixedPools(size: number): void {
  for (let n = 0; n < 20; n++) {
    const fixed = hakmem.createFixedPool({ size });
    const [first] = [fixed.acquire(), fixed.acquire()];
    fixed.release(first);
  }
}

const DROPS: [string, () => void][] = [
  ['pools, everything freed', () => dropPools({}, freeAll)],
  ['pools, nothing freed', () => dropPools({}, freeNone)],
  ['pools made with shared, everything freed', () => dropPools({ shared: true }, freeAll)],
  ['pools made with shared, nothing freed', () => dropPools({ shared: true }, freeNone)],
  ['fixed pools of small Buffers', () => dropFixedPools(1000)],
  ['fixed pools of large Buffers', () => dropFixedPools(100_000)],
];

describe.each(DROPS)('%s', (_what, drop) => {
  it('leave no block live or cached, and no memory', async () => {
    await collect();
    const { blocks, bytes } = hakmem.stats();
    drop();
    await collect();
    const after = hakmem.stats();
    expect(after.blocks).toEqual(blocks);
    expect(after.bytes).toMatchObject({ live: bytes.live, cached: bytes.cached });
    expect(after.bytes.committed).toBeLessThanOrEqual(bytes.committed);
    expect(after.bytes.reserved).toBeLessThanOrEqual(bytes.reserved);
  });

  it('leave the totals that were read', async () => {
    drop();
    const before = hakmem.stats();
    for (let turn = 0; turn < 5; turn++) {
      // What was looked at is not collected in the same turn.
      await delay(10);
      gc?.();
      expectNoneFell(before, hakmem.stats());
      // And after the engine has said what it collected.
      await delay(10);
      expectNoneFell(before, hakmem.stats());
    }
    const { operations, blocks } = hakmem.stats();
    expect(operations.allocs - operations.frees, 'allocations without their frees').toBe(blocks.live);
  });
});

it('a pool stays as long as a Buffer of it does', async () => {
  await collect();
  const buffer = (() => hakmem.createPool().allocUnsafe(3000).fill(7))();
  const { live } = hakmem.stats().blocks;
  await collect();
  expect(hakmem.stats().blocks.live).toBe(live);
  expect(buffer.every((byte) => byte === 7)).toBe(true);
});

function expectNoneFell(before: hakmem.Stats, after: hakmem.Stats): void {
  expect(after.bytes.purged).toBeGreaterThanOrEqual(before.bytes.purged);
  for (const name of Object.keys(before.operations) as (keyof typeof before.operations)[]) {
    expect(after.operations[name], name).toBeGreaterThanOrEqual(before.operations[name]);
  }
  for (const name of Object.keys(before.components) as (keyof typeof before.components)[]) {
    const [{ grown, shrunk, misses }, now] = [before.components[name], after.components[name]];
    expect(now.grown, `${name} grown`).toBeGreaterThanOrEqual(grown);
    expect(now.shrunk, `${name} shrunk`).toBeGreaterThanOrEqual(shrunk);
    expect(now.misses, `${name} misses`).toBeGreaterThanOrEqual(misses);
  }
  for (const [row, { refills, flushes }] of before.classes.entries()) {
    expect(after.classes[row].refills).toBeGreaterThanOrEqual(refills);
    expect(after.classes[row].flushes).toBeGreaterThanOrEqual(flushes);
  }
}
