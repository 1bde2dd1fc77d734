/** Fixed pools: Buffers of one length, recycled as the same objects. */
import { afterAll, describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { misalignment } from './support/alignment';
import { isFullOf } from './support/bytes';
import { CHECKED } from './support/checked';
import { codeOf, failureOf, outcome, thrownBy } from './support/outcome';
import { BAD_NUMBERS, NOT_A_BUFFER, NOT_A_NUMBER } from './support/values';

type FixedPoolOptions = Parameters<typeof hakmem.createFixedPool>[0];

const WRONG_TYPE = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
const OUT_OF_RANGE = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' };

function refusal(options: unknown): { name: string; code: string | undefined } {
  return failureOf(thrownBy(() => hakmem.createFixedPool(options as FixedPoolOptions)));
}

describe('options', () => {
  it.each([undefined, null, 5, 'size', true])('refuses %s for the options', (options) => {
    expect(refusal(options)).toEqual(WRONG_TYPE);
  });

  it.each(NOT_A_NUMBER)('refuses $what for a size', ({ value }) => {
    expect(refusal({ size: value })).toEqual(WRONG_TYPE);
  });

  it.each(NOT_A_NUMBER.filter(({ value }) => value !== undefined))('refuses $what for the others', ({ value }) => {
    expect(refusal({ size: 100, alignment: value })).toEqual(WRONG_TYPE);
    expect(refusal({ size: 100, maxBuffers: value })).toEqual(WRONG_TYPE);
  });

  it.each(BAD_NUMBERS)('refuses $what for a size', ({ value }) => {
    expect(refusal({ size: value })).toEqual(OUT_OF_RANGE);
    expect(refusal({ size: 100, alignment: value })).toEqual(OUT_OF_RANGE);
  });

  it('refuses one that there is not, with those that there are', () => {
    const error = thrownBy(() => hakmem.createFixedPool({ size: 100, maxBuffer: 1 } as FixedPoolOptions));
    expect(failureOf(error)).toEqual({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain(
      `'options.maxBuffer' is no option; there are size, alignment, maxBuffers, checked.`,
    );
  });

  it.each([-1, Number.NaN, -0.5, 0.5, 2.5])('refuses maxBuffers %d', (maxBuffers) => {
    expect(refusal({ size: 100, maxBuffers })).toEqual(OUT_OF_RANGE);
  });
});

describe.each([0, 1, 64, 1000, 5000, 40_000, 2 ** 20, 3 * 2 ** 20])('a pool of %i bytes each', (size) => {
  const fixed = hakmem.createFixedPool({ size });
  afterAll(() => fixed.destroy());

  it('gives real Buffers of that length', () => {
    const buffer = fixed.acquire();
    expect(Buffer.isBuffer(buffer)).toBe(true);
    expect(buffer.constructor).toBe(Buffer);
    expect(buffer.length).toBe(size);
    buffer.fill(3);
    fixed.release(buffer);
  });

  it.skipIf(CHECKED)('recycles the object itself', () => {
    const buffer = fixed.acquire();
    fixed.release(buffer);
    expect(fixed.acquire()).toBe(buffer);
    fixed.release(buffer);
  });

  it('gives no two callers the same memory', () => {
    const held = Array.from({ length: 30 }, (_, n) => fixed.acquire().fill(n));
    held.forEach((buffer, n) => {
      expect(isFullOf(buffer, n)).toBe(true);
    });
    expect(new Set(held).size).toBe(30);
    for (const buffer of held) {
      fixed.release(buffer);
    }
    expect(fixed.stats().blocks.live).toBe(0);
  });
});

describe('release', () => {
  const fixed = hakmem.createFixedPool({ size: 256 });
  const sibling = hakmem.createFixedPool({ size: 256 });
  const pool = hakmem.createPool();
  afterAll(() => {
    fixed.destroy();
    sibling.destroy();
    pool.destroy();
  });

  it('twice throws, and the block has one owner', () => {
    const buffer = fixed.acquire();
    fixed.release(buffer);
    expect(outcome(() => fixed.release(buffer))).toEqual({
      error: { name: 'HakmemError', code: 'ERR_HAKMEM_DOUBLE_FREE' },
    });
    expect(fixed.acquire()).not.toBe(fixed.acquire());
  });

  it.each([
    ['of Node', () => Buffer.alloc(256)],
    ['of a pool', () => pool.allocUnsafe(256)],
    ['of a fixed pool of the same size', () => sibling.acquire()],
    ['that is a view of one of its own', () => fixed.acquire().subarray()],
    ['that is a copy of one of its own', () => Buffer.from(fixed.acquire())],
  ] as [string, () => Buffer][])('refuses a Buffer %s', (_what, make) => {
    const buffer = make();
    const before = fixed.stats().blocks.live;
    expect(codeOf(() => fixed.release(buffer))).toBe('ERR_HAKMEM_NOT_OWNED');
    expect(fixed.stats().blocks.live).toBe(before);
  });

  it.each(NOT_A_BUFFER)('refuses $what', ({ value }) => {
    expect(failureOf(thrownBy(() => fixed.release(value as Buffer)))).toEqual(WRONG_TYPE);
  });

  it('is the only way back: free refuses', () => {
    const buffer = fixed.acquire();
    expect(codeOf(() => hakmem.free(buffer))).toBe('ERR_HAKMEM_NOT_OWNED');
    fixed.release(buffer);
  });
});

describe('maxBuffers', () => {
  it('is exact and recoverable', () => {
    const fixed = hakmem.createFixedPool({ size: 100, maxBuffers: 3 });
    const held = [fixed.acquire(), fixed.acquire(), fixed.acquire()];
    for (let round = 0; round < 3; round++) {
      expect(outcome(() => fixed.acquire())).toEqual({ error: { name: 'HakmemError', code: 'ERR_HAKMEM_LIMIT' } });
      fixed.release(held.pop() as Buffer);
      held.push(fixed.acquire());
    }
    expect(fixed.stats().blocks.live).toBe(3);
    fixed.destroy();
  });
});

describe('alignment', () => {
  it.each([16, 64, 4096, 65_536])('%i is kept, where the backend can', (alignment) => {
    if (alignment > hakmem.backend.capabilities.maxAlignment) {
      expect(codeOf(() => hakmem.createFixedPool({ size: 100, alignment }))).toBe('ERR_HAKMEM_BACKEND');
      return;
    }
    const fixed = hakmem.createFixedPool({ size: 100, alignment });
    for (let n = 0; n < 50; n++) {
      expect(misalignment(fixed.acquire(), alignment)).toBe(0);
    }
    fixed.destroy();
  });
});

describe('destroy', () => {
  it('ends it; its Buffers stay readable', () => {
    const fixed = hakmem.createFixedPool({ size: 100 });
    const held = fixed.acquire();
    const released = fixed.acquire();
    fixed.release(released);
    fixed.destroy();
    for (const call of [() => fixed.acquire(), () => fixed.release(held)]) {
      expect(outcome(call)).toEqual({ error: { name: 'HakmemError', code: 'ERR_HAKMEM_DESTROYED' } });
    }
    expect(held.fill(1).length + (CHECKED ? 100 : released.fill(2).length)).toBe(200);
    fixed.destroy();
  });
});
