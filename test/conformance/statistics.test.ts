/** `stats()`: the names that it promises, a plain object, and counters that move by what was done. */
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { classSizeBytes, SLAB_CLASSES } from '../../lib/size-class';
import { checkOneReading, openPool } from './support/books';
import { isFullOf } from './support/bytes';

const { pool, books } = openPool('statistics');

const COMPONENTS = ['superslab', 'tcache', 'midRing', 'registry', 'l25', 'bigcache'] as const;

function sortedKeys(value: object): string[] {
  return Object.keys(value).sort();
}

describe.each([
  ['the module', () => hakmem.stats()],
  ['a pool', () => pool.stats()],
] as const)('stats() of %s', (_what, read) => {
  it('has the promised names', () => {
    const stats = read();
    expect(sortedKeys(stats.bytes)).toEqual(['cached', 'committed', 'live', 'purged', 'reserved']);
    expect(sortedKeys(stats.blocks)).toEqual(['cached', 'live']);
    expect(sortedKeys(stats.operations)).toEqual(
      ['adopted', 'abandoned', 'allocs', 'flushes', 'frees', 'refills', 'remoteFrees'].sort(),
    );
    expect(sortedKeys(stats.components)).toEqual([...COMPONENTS].sort());
    for (const name of COMPONENTS) {
      expect(sortedKeys(stats.components[name])).toEqual(['capacity', 'grown', 'misses', 'shrunk', 'used']);
    }
    for (const row of stats.classes) {
      expect(sortedKeys(row)).toEqual(['cached', 'capacity', 'flushes', 'live', 'refills', 'size']);
    }
    expect(stats.classes.length).toBeGreaterThanOrEqual(SLAB_CLASSES);
  });

  it('is a plain object that survives JSON and a structured clone', () => {
    const stats = read();
    expect(structuredClone(stats)).toEqual(stats);
    expect(JSON.parse(JSON.stringify(stats))).toBeTypeOf('object');
  });

  it('is made anew: writing into it changes nothing', () => {
    const first = read();
    first.bytes.live = -1;
    first.classes.length = 0;
    expect(read().bytes.live).not.toBe(-1);
    expect(read().classes.length).toBeGreaterThan(0);
  });

  it('is consistent in itself', () => {
    checkOneReading(read());
  });
});

describe('what is counted', () => {
  it('each allocation and each free, once', () => {
    const before = pool.stats().operations;
    const buffers = Array.from({ length: 500 }, () => books.keep(pool.allocUnsafe(100)));
    expect(pool.stats().operations.allocs - before.allocs).toBe(500);
    books.check();
    for (const buffer of buffers) {
      books.free(buffer);
    }
    expect(pool.stats().operations.frees - before.frees).toBe(500);
    books.check();
  });

  it('nothing, for a call that threw', () => {
    const { allocs, frees } = pool.stats().operations;
    expect(() => pool.allocUnsafe(-1)).toThrow();
    expect(() => pool.alloc(8, 'a', 'nope' as BufferEncoding)).toThrow();
    expect(() => pool.free(Buffer.alloc(1))).toThrow();
    const after = pool.stats().operations;
    expect(after.allocs - after.frees).toBe(allocs - frees);
    books.check();
  });

  it('live and cached: a freed block moves from one to the other, or goes back to the heap', () => {
    const buffer = books.keep(pool.allocUnsafe(classSizeBytes(10)));
    const held = pool.stats().classes[10];
    books.free(buffer);
    const freed = pool.stats().classes[10];
    expect(held.live - freed.live).toBe(1);
    expect(freed.cached - held.cached).toBeGreaterThanOrEqual(0);
    expect(freed.capacity).toBeGreaterThanOrEqual(freed.cached);
  });

  it('refills come in batches: fewer than allocations', () => {
    const before = pool.stats().operations;
    for (let n = 0; n < 5000; n++) {
      books.keep(pool.allocUnsafe(1000));
    }
    const after = pool.stats().operations;
    expect(after.refills - before.refills).toBeGreaterThan(0);
    expect(after.refills - before.refills).toBeLessThan(1000);
    books.freeAll();
    expect(pool.stats().operations.flushes).toBeGreaterThan(before.flushes);
  });

  it('every component says how it grew', () => {
    const { superslab, tcache, registry } = pool.stats().components;
    expect(superslab.grown).toBeGreaterThan(0);
    expect(superslab.capacity).toBeGreaterThan(0);
    expect(tcache.capacity).toBeGreaterThan(0);
    expect(registry.capacity).toBeGreaterThanOrEqual(registry.used);
  });

  it('all of a pool is part of what the module counts', () => {
    const buffer = books.keep(pool.allocUnsafe(5_000_000));
    expect(hakmem.stats().bytes.committed).toBeGreaterThanOrEqual(pool.stats().bytes.committed);
    books.free(buffer);
  });
});

describe('trim', () => {
  it('returns the bytes by which committed falls, and purged rises by them', () => {
    for (let n = 0; n < 300; n++) {
      books.keep(pool.allocUnsafe(30_000));
    }
    books.freeAll();
    const before = pool.stats().bytes;
    const given = pool.trim();
    const after = pool.stats().bytes;
    expect(given).toBe(before.committed - after.committed);
    expect(after.purged - before.purged).toBe(given);
    expect(given).toBeGreaterThan(0);
    books.check();
  });

  it('leaves nothing committed when nothing is live, and a second one has nothing to give', () => {
    pool.trim();
    expect(pool.stats().bytes).toMatchObject({ live: 0, cached: 0, committed: 0 });
    expect(pool.trim()).toBe(0);
  });

  it('touches no live Buffer', () => {
    const kept = Array.from({ length: 200 }, (_, n) => books.keep(pool.allocUnsafe(n * 50)).fill(n));
    for (const buffer of kept.filter((_, n) => n % 3 === 0)) {
      books.free(buffer);
    }
    pool.trim();
    for (const buffer of books.live) {
      expect(isFullOf(buffer, kept.indexOf(buffer))).toBe(true);
    }
    books.check();
    books.freeAll();
  });

  it('of the module returns a number of bytes too', () => {
    hakmem.free(hakmem.allocUnsafe(2 ** 20));
    expect(hakmem.trim()).toBeGreaterThan(0);
  });
});

describe('backend', () => {
  it('says which one runs and why', () => {
    expect(hakmem.backend.name).toMatch(/^(native|ts)$/);
    expect(hakmem.backend.reason.length).toBeGreaterThan(5);
    expect(hakmem.backend.capabilities.maxAlignment).toBeGreaterThanOrEqual(16);
  });

  it('is the one that the environment asked for', () => {
    const asked = process.env.HAKMEM_BACKEND;
    if (asked !== undefined && asked !== '') {
      expect(hakmem.backend.name).toBe(asked);
    }
  });

  it('is named in the statistics', () => {
    expect(JSON.stringify([hakmem.stats().backend, pool.stats().backend])).toContain(hakmem.backend.name);
  });
});
