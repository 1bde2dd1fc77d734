/** Buffers that move from pool to pool: `share` sends one off, `adopt` takes delivery. Threads are in test/workers. */
import { afterAll, describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import type { Random } from '../parity/random';
import { isFullOf } from './support/bytes';
import { CHECKED } from './support/checked';
import { outcome } from './support/outcome';
import { randomFor } from './support/random';
import { NOT_A_BUFFER, NOT_A_NUMBER } from './support/values';

const SIZES = [0, 1, 16, 100, 1000, 30_000, 32 * 1024, 50_000, 2 ** 20, 3 * 2 ** 20];
const { share: everyPool } = hakmem.backend.capabilities;

const failure = (code: string) => ({ error: { name: 'HakmemError', code } });
const MOVED = failure('ERR_HAKMEM_MOVED');
const NOT_OWNED = failure('ERR_HAKMEM_NOT_OWNED');
const DESTROYED = failure('ERR_HAKMEM_DESTROYED');
const NOT_SHAREABLE = failure('ERR_HAKMEM_NOT_SHAREABLE');

/** What callers hold, by a pool's own numbers; the three ways to count it agree. */
function held(pool: { stats(): hakmem.HeapStats }): number {
  const { blocks, bytes, classes, operations } = pool.stats();
  expect(classes.reduce((sum, row) => sum + row.live, 0)).toBe(blocks.live);
  expect(operations.allocs + operations.adopted - operations.frees).toBeGreaterThanOrEqual(blocks.live);
  expect(bytes.live > 0).toBe(blocks.live > 0);
  return blocks.live;
}

function pools(count: number): hakmem.Pool[] {
  return Array.from({ length: count }, () => hakmem.createPool({ shared: true }));
}

describe('a shared Buffer', () => {
  const [here, there] = pools(2) as [hakmem.Pool, hakmem.Pool];
  afterAll(() => {
    here.destroy();
    there.destroy();
  });

  it.each(SIZES)('of %i bytes arrives as it was, and not as a copy', (size) => {
    const sent = here.allocUnsafe(size).fill(0x5a);
    const handle = here.share(sent);
    expect(handle).toMatchObject({ hakmem: 'shared-buffer', token: expect.any(String), length: size });
    expect([held(here), held(there)]).toEqual([0, 0]);
    const arrived = there.adopt(handle);
    expect([held(here), held(there)]).toEqual([0, 1]);
    expect([arrived.length, isFullOf(arrived, 0x5a)]).toEqual([size, true]);
    expect(arrived.constructor).toBe(Buffer);
    expect(there.usableSize(arrived)).toBeGreaterThanOrEqual(size);
    if (!CHECKED) {
      sent.fill(0xa5); // not to be done; here it shows that the bytes are the same
      expect(isFullOf(arrived, 0xa5)).toBe(true);
    }
    there.free(arrived);
    there.trim();
    expect([held(here), held(there)]).toEqual([0, 0]);
  });

  it('is dead for its pool, and not because it was freed', () => {
    const buffer = here.allocUnsafe(100);
    const handle = here.share(buffer);
    const calls = [
      () => here.free(buffer),
      () => here.realloc(buffer, 50),
      () => here.realloc(buffer, 5000),
      () => here.share(buffer),
      () => here.usableSize(buffer),
    ];
    for (const call of calls) {
      expect(outcome(call), String(call)).toEqual(MOVED);
    }
    expect(outcome(() => there.free(buffer))).toEqual(MOVED);
    const back = here.adopt(handle);
    expect(
      outcome(() => here.free(buffer)),
      'also once it is back',
    ).toEqual(MOVED);
    here.free(back);
    expect(outcome(() => here.free(back))).toEqual(failure('ERR_HAKMEM_DOUBLE_FREE'));
    expect(outcome(() => here.share(back))).toEqual(failure('ERR_HAKMEM_DOUBLE_FREE'));
  });

  it('belongs to the pool that adopted it', () => {
    const buffer = there.adopt(here.share(here.from('mine')));
    expect(outcome(() => here.free(buffer))).toEqual(NOT_OWNED);
    const grown = there.realloc(buffer, 10_000);
    expect(grown.toString('latin1', 0, 4)).toBe('mine');
    there.free(grown);
  });

  it('is nothing that a lease gives back', () => {
    const lease = here.lease(1000);
    const handle = here.share(lease.buffer);
    lease[Symbol.dispose]();
    const buffer = there.adopt(handle);
    lease[Symbol.dispose]();
    expect(held(there)).toBe(1);
    there.free(buffer);
  });

  it('can be handed on, and come back to where it was made', () => {
    const [third] = pools(1) as [hakmem.Pool];
    let buffer = here.alloc(5000, 1);
    for (const [from, to] of [
      [here, there],
      [there, third],
      [third, there],
      [there, here],
      [here, third],
      [third, here],
    ] as const) {
      buffer = to.adopt(from.share(buffer));
      expect([here, there, third].map(held)).toEqual([here, there, third].map((pool) => (pool === to ? 1 : 0)));
      expect(isFullOf(buffer, 1)).toBe(true);
    }
    here.free(buffer);
    third.destroy();
  });

  it('may be reused by the pool that adopted it', () => {
    const [receiving] = pools(1) as [hakmem.Pool];
    const buffers = Array.from({ length: 50 }, (_, n) => receiving.adopt(here.share(here.alloc(256, n))));
    for (const buffer of buffers) {
      receiving.free(buffer);
    }
    expect(receiving.stats().blocks.cached).toBeGreaterThan(0);
    const { refills } = receiving.stats().operations;
    const again = receiving.allocUnsafe(256);
    expect(receiving.stats().operations.refills).toBe(refills);
    const handle = receiving.share(again);
    expect(held(receiving)).toBe(0);
    receiving.free(receiving.adopt(handle));
    receiving.destroy();
    expect(held(here)).toBe(0);
  });

  it('counts as adopted, and its free as a remote one', () => {
    const [receiving] = pools(1) as [hakmem.Pool];
    const before = receiving.stats().operations;
    for (let n = 0; n < 1000; n++) {
      receiving.free(receiving.adopt(here.share(here.allocUnsafe(1000))));
    }
    receiving.trim();
    const after = receiving.stats().operations;
    expect(after.adopted - before.adopted).toBe(1000);
    expect(after.frees - before.frees).toBe(1000);
    expect(after.allocs).toBe(before.allocs);
    expect(after.remoteFrees - before.remoteFrees).toBe(1000);
    expect(after.flushes, 'in batches').toBeLessThan(1000 / 2);
    receiving.destroy();
  });
});

describe('a handle', () => {
  const [pool] = pools(1) as [hakmem.Pool];
  const share = pool.share.bind(pool);
  const adopt = pool.adopt.bind(pool);
  const alloc = pool.alloc.bind(pool);
  const free = pool.free.bind(pool);
  afterAll(() => pool.destroy());

  it('is good for one adopt, in whatever copy', () => {
    const handle = share(alloc(10, 1));
    // Text carries no memory, so where it has to travel text will not do.
    const copy = everyPool ? (JSON.parse(JSON.stringify(handle)) as typeof handle) : structuredClone(handle);
    const copies = [handle, structuredClone(handle), copy];
    const buffer = adopt(copies[2] as hakmem.BufferHandle);
    for (const copy of copies) {
      expect(outcome(() => adopt(copy))).toEqual(MOVED);
    }
    free(buffer);
    expect(
      outcome(() => adopt(handle)),
      'stale',
    ).toEqual(MOVED);
  });

  it('of a block that is under way again is stale, in whatever way it came back', () => {
    const first = share(alloc(1000, 1));
    const second = share(adopt(first));
    expect(outcome(() => adopt(first))).toEqual(MOVED);
    const [other] = pools(1) as [hakmem.Pool];
    const third = other.share(other.adopt(second));
    expect([first, second].map((handle) => outcome(() => adopt(handle)))).toEqual([MOVED, MOVED]);
    free(adopt(third));
    other.destroy();
  });

  it('knows the length better than its field', () => {
    const handle = share(alloc(10, 7));
    const buffer = adopt({ ...handle, length: 2 ** 40 });
    expect(buffer).toEqual(Buffer.alloc(10, 7));
    free(buffer);
  });

  it.each([...NOT_A_NUMBER, ...NOT_A_BUFFER])('is not $what', ({ value }) => {
    const { error } = outcome(() => adopt(value as hakmem.BufferHandle)) as { error: { code: string } };
    expect(error.code).toBe(
      typeof value === 'object' && value !== null ? 'ERR_HAKMEM_NOT_OWNED' : 'ERR_INVALID_ARG_TYPE',
    );
  });

  it.each(NOT_A_NUMBER.filter(({ value }) => typeof value !== 'string'))('has no token that is $what', ({ value }) => {
    const handle = { hakmem: 'shared-buffer', token: value, length: 1 } as hakmem.BufferHandle;
    expect(outcome(() => adopt(handle))).toEqual({ error: { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' } });
  });

  it('cannot be forged', () => {
    const handle = share(alloc(10));
    const { token } = handle;
    const digits = Array.from(token, (digit, at) => {
      const other = digit === '0' ? '1' : '0';
      return token.slice(0, at) + other + token.slice(at + 1);
    });
    const texts = [
      '',
      '0',
      'x'.repeat(48),
      '0'.repeat(48),
      'f'.repeat(48),
      token.toUpperCase(),
      `${token}0`,
      token.slice(1),
    ];
    const forged = [...digits, ...texts, `${token}\0`, ` ${token}`, '\u{1f600}'.repeat(24), 'x'.repeat(1e6)];
    for (const text of forged.filter((text) => text !== token)) {
      expect(
        outcome(() => adopt({ ...handle, token: text })),
        text.slice(0, 60),
      ).toEqual(NOT_OWNED);
    }
    free(adopt(handle));
  });

  it.each(NOT_A_BUFFER)('cannot be had of $what', ({ value }) => {
    expect(outcome(() => share(value as Buffer))).toEqual({
      error: { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' },
    });
  });

  it('cannot be had of what the pool did not hand out', () => {
    const buffer = pool.allocUnsafe(100);
    for (const stranger of [Buffer.alloc(5), buffer.subarray(0), Buffer.from(buffer.buffer, buffer.byteOffset, 10)]) {
      expect(outcome(() => share(stranger))).toEqual(NOT_OWNED);
    }
    free(buffer);
  });
});

describe('the end of a pool', () => {
  it('takes what it has in flight with it', () => {
    const before = hakmem.stats().bytes.live;
    const [pool, other] = pools(2) as [hakmem.Pool, hakmem.Pool];
    const handles = SIZES.map((size) => pool.share(pool.allocUnsafe(size)));
    expect(hakmem.stats().bytes.live).toBeGreaterThan(before);
    pool.destroy();
    expect(hakmem.stats().bytes.live).toBe(before);
    for (const handle of handles) {
      expect(outcome(() => other.adopt(handle))).toEqual(DESTROYED);
    }
    other.destroy();
    expect(outcome(() => pool.adopt(handles[0] as hakmem.BufferHandle))).toEqual(DESTROYED);
    expect(outcome(() => pool.share(Buffer.alloc(1)))).toEqual(DESTROYED);
  });

  it.each(SIZES)('leaves what others adopted of it: %i bytes', (size) => {
    const before = hakmem.stats();
    const [owner, receiving] = pools(2) as [hakmem.Pool, hakmem.Pool];
    const rest = Array.from({ length: 50 }, () => owner.allocUnsafe(size));
    const buffer = receiving.adopt(owner.share(owner.alloc(size, 0x77)));
    owner.destroy();
    for (const stale of rest) {
      stale.fill(0);
    }
    expect(isFullOf(buffer, 0x77)).toBe(true);
    buffer.fill(0x78);
    expect(held(receiving)).toBe(1);
    receiving.free(buffer);
    receiving.destroy();
    const after = hakmem.stats();
    expect(after.bytes.live).toBe(before.bytes.live);
    expect(after.bytes.reserved, 'the owner has gone too').toBeLessThanOrEqual(before.bytes.reserved);
  });

  it('leaves what was handed on', () => {
    const [owner, middle, last] = pools(3) as [hakmem.Pool, hakmem.Pool, hakmem.Pool];
    const handle = middle.share(middle.adopt(owner.share(owner.alloc(3000, 3))));
    owner.destroy();
    const buffer = last.adopt(handle);
    middle.destroy();
    expect(isFullOf(buffer, 3)).toBe(true);
    last.free(buffer);
    last.destroy();
  });

  it('gives what it adopted back to its owner, cached or not', () => {
    const [owner, receiving] = pools(2) as [hakmem.Pool, hakmem.Pool];
    const buffers = SIZES.flatMap((size) => [0, 1, 2].map(() => owner.allocUnsafe(size)));
    const adopted = buffers.map((buffer) => receiving.adopt(owner.share(buffer)));
    for (const buffer of adopted.filter((_, n) => n % 3 === 0)) {
      receiving.free(buffer);
    }
    const handles = adopted.filter((_, n) => n % 3 === 1).map((buffer) => receiving.share(buffer));
    receiving.destroy();
    for (const handle of handles) {
      expect(outcome(() => owner.adopt(handle))).toEqual(DESTROYED);
    }
    expect(held(owner)).toBe(0);
    owner.trim();
    expect(owner.stats().bytes).toMatchObject({ live: 0, cached: 0, committed: 0, reserved: 0 });
    owner.destroy();
  });

  it.skipIf(CHECKED)('harms no stale view of what moved', () => {
    const [owner, receiving] = pools(2) as [hakmem.Pool, hakmem.Pool];
    const sent = SIZES.map((size) => owner.allocUnsafe(size));
    const arrived = sent.map((buffer) => receiving.adopt(owner.share(buffer)));
    owner.destroy();
    receiving.destroy();
    for (const stale of [...sent, ...arrived]) {
      expect(isFullOf(stale.fill(9), 9)).toBe(true);
    }
  });
});

describe('a limit', () => {
  it('refuses a Buffer that would pass it, which can be adopted later', () => {
    const [sending] = pools(1) as [hakmem.Pool];
    const receiving = hakmem.createPool({ maxBytes: 4096, shared: true });
    const handle = sending.share(sending.alloc(3000, 1));
    const buffer = receiving.allocUnsafe(2000);
    expect(outcome(() => receiving.adopt(handle))).toEqual(failure('ERR_HAKMEM_LIMIT'));
    receiving.free(buffer);
    const adopted = receiving.adopt(handle);
    expect(isFullOf(adopted, 1)).toBe(true);
    expect(outcome(() => receiving.allocUnsafe(2000))).toEqual(failure('ERR_HAKMEM_LIMIT'));
    sending.free(sending.adopt(receiving.share(adopted)));
    receiving.free(receiving.allocUnsafe(4096));
    receiving.destroy();
    sending.destroy();
  });
});

describe('at random', () => {
  interface Item {
    readonly tag: number;
    /** In a pool, or on its way from one. */
    readonly pool: hakmem.Pool;
    readonly what: Buffer | hakmem.BufferHandle;
  }

  function step(random: Random, all: hakmem.Pool[], items: Item[], tag: number): void {
    const pool = random.pick(all);
    const at = random.below(items.length + 1);
    const [item] = at < items.length ? items.splice(at, 1) : [];
    if (item === undefined || items.length < 20) {
      const buffer = pool.allocUnsafe(random.below(random.pick([100, 100, 5000, 5000, 5000, 200_000, 2 << 20])));
      items.push({ tag, pool, what: buffer.fill(tag) });
    }
    if (item === undefined) {
      return;
    }
    if (!(item.what instanceof Buffer)) {
      items.push({ tag: item.tag, pool, what: pool.adopt(item.what as hakmem.BufferHandle) });
      return;
    }
    expect(isFullOf(item.what, item.tag), `the contents of ${item.tag}`).toBe(true);
    if (random.below(3) === 0) {
      item.pool.free(item.what);
    } else {
      items.push({ tag: item.tag, pool: item.pool, what: item.pool.share(item.what) });
    }
  }

  it('pools come and go, and no block is lost, doubled or spoiled', () => {
    const random = randomFor('share');
    const before = hakmem.stats();
    const all = pools(4);
    let items: Item[] = [];
    for (let n = 0; n < 6000; n++) {
      step(random, all, items, n & 255);
      if (random.below(200) === 0) {
        const [gone] = all.splice(random.below(all.length), 1, ...pools(1));
        gone?.destroy();
        items = items.filter(({ pool }) => pool !== gone);
      }
      if (random.below(100) === 0) {
        for (const pool of all) {
          expect(held(pool)).toBe(items.filter((item) => item.pool === pool && item.what instanceof Buffer).length);
        }
      }
    }
    for (const pool of all) {
      pool.destroy();
    }
    const after = hakmem.stats();
    expect(after.blocks.live).toBe(before.blocks.live);
    expect(after.bytes.reserved).toBeLessThanOrEqual(before.bytes.reserved);
  });
});

describe('remote frees', () => {
  it('count as soon as the numbers are read, though their owner does nothing', () => {
    const [owner, receiving] = pools(2) as [hakmem.Pool, hakmem.Pool];
    const before = [hakmem.stats().bytes.live, hakmem.stats().blocks.live];
    const adopted = SIZES.map((size) => receiving.adopt(owner.share(owner.alloc(size))));
    for (const buffer of adopted) {
      receiving.free(buffer);
    }
    receiving.trim();
    expect([hakmem.stats().bytes.live, hakmem.stats().blocks.live]).toEqual(before);
    expect(owner.stats().bytes.live).toBe(0);
    owner.destroy();
    receiving.destroy();
  });
});

describe.runIf(everyPool)('where the memory stays where it is', () => {
  it.skipIf(CHECKED)('a large Buffer that comes back is seen through the same ArrayBuffer', () => {
    const [first, second] = pools(2) as [hakmem.Pool, hakmem.Pool];
    const seen = new Set<ArrayBufferLike>();
    let buffer = first.alloc(3 * 2 ** 20, 1);
    for (let hop = 0; hop < 10; hop++) {
      seen.add(buffer.buffer);
      const [from, to] = hop % 2 === 0 ? [first, second] : [second, first];
      buffer = to.adopt(from.share(buffer));
    }
    expect(seen.size, 'one for each pool').toBe(2);
    expect(isFullOf(buffer, 1)).toBe(true);
    first.free(buffer);
    for (const pool of [second, first]) {
      pool.trim();
      expect(pool.stats().bytes.committed).toBe(0);
      pool.destroy();
    }
  });
});

describe.runIf(!everyPool)('where not every pool can share', () => {
  it('the others say so, and the Buffer stays as it is', () => {
    const [sharing] = pools(1) as [hakmem.Pool];
    const handle = sharing.share(sharing.alloc(100));
    const buffer = hakmem.alloc(100, 1);
    expect(outcome(() => hakmem.share(buffer))).toEqual(NOT_SHAREABLE);
    expect(() => hakmem.share(buffer)).toThrow('cannot be moved; those of createPool({ shared: true }) can');
    expect(outcome(() => hakmem.adopt(handle))).toEqual(NOT_SHAREABLE);
    expect(outcome(() => hakmem.createPool({ shared: false }).share(buffer))).toEqual(NOT_OWNED);
    expect(isFullOf(buffer, 1)).toBe(true);
    hakmem.free(buffer);
    sharing.free(sharing.adopt(handle));
    sharing.destroy();
  });

  it('the memory of a shared pool can be shared, and is a Buffer all the same', () => {
    const [sharing] = pools(1) as [hakmem.Pool];
    const buffer = sharing.from('some text');
    expect(buffer.buffer).toBeInstanceOf(CHECKED ? ArrayBuffer : SharedArrayBuffer);
    expect([buffer.toString(), Buffer.compare(buffer, Buffer.from('some text'))]).toEqual(['some text', 0]);
    sharing.free(buffer);
    sharing.destroy();
  });
});
