/*
 * share and adopt of the addon, below the front end: wrong arguments have Node's own errors, and misuse that the front end never does
 * may spoil contents, but neither crash nor leak.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { type Addon, isBuilt, loadAddon, type NativeHeap } from './addon';

describe.runIf(isBuilt)('hand-over', () => {
  let addon: Addon;
  beforeAll(() => {
    addon = loadAddon();
  });
  const parcel = new Float64Array(3);

  function codeOf(call: () => unknown): string {
    try {
      call();
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'none';
  }

  function take(heap: NativeHeap, sizeBytes: number): number {
    const blocks = new Float64Array(1);
    expect(heap.refill(sizeBytes, 1, blocks)).toBe(1);
    return blocks[0] as number;
  }

  const anything = [
    undefined,
    null,
    true,
    'x',
    Symbol('x'),
    1n,
    {},
    [],
    () => 1,
    -1,
    1.5,
    Number.NaN,
    2 ** 60,
    Infinity,
  ];

  test('wrong arguments are refused', () => {
    const heap = addon.createHeap();
    const block = take(heap, 100);
    const share = heap.share.bind(heap) as (...values: unknown[]) => string;
    const adopt = heap.adopt.bind(heap) as (...values: unknown[]) => boolean;
    for (const value of anything) {
      expect(
        codeOf(() => share(value, 1, 1)),
        String(value),
      ).not.toBe('none');
      expect(
        codeOf(() => share(block, value, 1)),
        String(value),
      ).not.toBe('none');
      if (value !== 2 ** 60)
        expect(
          codeOf(() => share(block, 1, value)),
          String(value),
        ).not.toBe('none');
      expect(
        codeOf(() => share(block, 1, 1, value)),
        String(value),
      ).not.toBe('none');
      expect(
        codeOf(() => adopt(value, 1000, parcel)),
        String(value),
      ).not.toBe('none');
    }
    expect(
      codeOf(() => share(block, 113, 1)),
      'longer than the block',
    ).toBe('ERR_OUT_OF_RANGE');
    const token = share(block, 112, 1);
    for (const value of anything.filter((value) => typeof value !== 'number')) {
      expect(
        codeOf(() => adopt(token, value, parcel)),
        String(value),
      ).toBe('ERR_INVALID_ARG_TYPE');
      expect(
        codeOf(() => adopt(token, 1000, value)),
        String(value),
      ).toBe('ERR_INVALID_ARG_TYPE');
    }
    expect(codeOf(() => adopt(token, 1000, new Float64Array(2)))).toBe('ERR_INVALID_ARG_TYPE');
    expect(adopt(token, 111, parcel)).toBe(false);
    expect(adopt(token, Number.NaN, parcel), 'no limit that a block passes').toBe(true);
    expect([...parcel]).toEqual([block, 112, 112]);
    heap.destroy();
    expect(codeOf(() => share(block, 1, 1))).toBe('ERR_HAKMEM_DESTROYED');
    expect(codeOf(() => adopt(token, 1000, parcel))).toBe('ERR_HAKMEM_DESTROYED');
  });

  test('an adoption that is undone leaves the token as good as it was', () => {
    const [owner, other] = [addon.createHeap(), addon.createHeap()];
    const token = owner.share(take(owner, 5000), 4321, 1000);
    for (const heap of [other, owner, other, owner]) {
      expect(heap.adopt(token, 1e9, parcel)).toBe(true);
      expect(parcel[1]).toBe(4321);
      expect(heap.share(parcel[0] as number, 4321, 1000, token)).toBe(token);
    }
    expect(
      codeOf(() => owner.share(take(owner, 16), 1, 1, token)),
      'a token that is in use',
    ).toBe('ERR_HAKMEM_NOT_OWNED');
    owner.destroy();
    other.destroy();
    expect(addon.stats().blocks.live).toBe(0);
  });

  test('blocks that a heap does not hold are not its to share or flush', () => {
    const [owner, other] = [addon.createHeap(), addon.createHeap()];
    const block = take(owner, 1000);
    expect(codeOf(() => other.share(block, 1, 1))).toBe('ERR_HAKMEM_NOT_OWNED');
    expect(other.flush(new Float64Array([block]), 1)).toBe(0);
    other.adopt(owner.share(block, 1, 1), 1e9, parcel);
    expect(other.flush(new Float64Array([block, block]), 2)).toBe(1);
    expect(owner.stats().blocks.live).toBe(0);
    owner.destroy();
    other.destroy();
  });

  test('a block shared twice, or flushed while it travels, does no harm', () => {
    for (const destroyFirst of [0, 1, 2]) {
      const heaps = [addon.createHeap(), addon.createHeap(), addon.createHeap()] as [
        NativeHeap,
        NativeHeap,
        NativeHeap,
      ];
      const [owner, second, third] = heaps;
      for (const size of [16, 5000, 300_000, 3_000_000]) {
        const block = take(owner, size);
        const tokens = [owner.share(block, 1, 1000), owner.share(block, 1, 1000)] as [string, string];
        second.adopt(tokens[0], 1e9, parcel);
        if (size !== 5000) owner.flush(new Float64Array([block]), 1);
        third.adopt(tokens[1], 1e9, parcel);
        take(owner, size);
        expect(second.flush(parcel, 1) + third.flush(parcel, 1)).toBeLessThanOrEqual(2);
      }
      heaps[destroyFirst]?.destroy();
      for (const heap of heaps) heap.destroy();
      addon.trim();
      expect(addon.stats().blocks.live).toBe(0);
    }
  });
});
