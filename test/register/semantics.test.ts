/*
 * Under register `Buffer` does what it did: each call is made on Node's function and on ours, and must come to the same.
 * HAKMEM_REGISTER_FORCE makes the patch on every version of Node; the small interval makes it collect in the middle of all this.
 */
import { deepStrictEqual, notStrictEqual } from 'node:assert';
import { constants } from 'node:buffer';
import { inspect } from 'node:util';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

process.env.HAKMEM_REGISTER_FORCE = '1';
process.env.HAKMEM_REGISTER_MIN = '1';
process.env.HAKMEM_REGISTER_INTERVAL_BYTES = '1048576';

const NAMES = ['allocUnsafe', 'allocUnsafeSlow'] as const;
type Call = (...values: unknown[]) => Buffer;

const descriptors = Object.fromEntries(
  NAMES.map((name) => [name, Object.getOwnPropertyDescriptor(Buffer, name) as PropertyDescriptor]),
);
const poolSize = Buffer.poolSize;
let registered: typeof import('../../lib/register.js');

beforeAll(async () => {
  registered = await import('../../lib/register.js');
});

afterEach(() => {
  Buffer.poolSize = poolSize;
  registered.register();
});

/** All that can be seen of a result, but for its contents and where in a pool it lies. */
function seen(call: Call, values: unknown[]): unknown {
  try {
    const buffer = call(...values);
    const { byteOffset, length, byteLength } = buffer;
    return {
      length,
      byteLength,
      memory: buffer.buffer.byteLength,
      starts: byteLength === buffer.buffer.byteLength ? byteOffset : 'somewhere',
      prototype: Object.getPrototypeOf(buffer) === Buffer.prototype,
      constructed: buffer.constructor === Buffer && buffer instanceof Uint8Array,
      tag: Object.prototype.toString.call(buffer.buffer),
      symbols: Object.getOwnPropertySymbols(buffer).length,
      extensible: Object.isExtensible(buffer),
    };
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    return { name, code, message, type: Object.getPrototypeOf(error).constructor.name };
  }
}

let conversions = 0;
const converting = {
  valueOf() {
    conversions++;
    return 100_000;
  },
};

const SIZES: readonly unknown[] = [
  ...[
    0, -0, 1, 7, 8, 63, 64, 65, 1000, 2047, 2048, 4095, 4096, 4097, 8192, 16_383, 16_384, 32_767, 32_768, 65_535,
    65_536,
  ],
  ...[2 ** 20, 2 ** 20 + 1, 2 ** 23, 2 ** 23 + 1, 2 ** 25],
  ...[0.5, 10.7, 100_000.5, -1, -0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ...[constants.MAX_LENGTH + 1, Number.MAX_SAFE_INTEGER, 2 ** 60],
  ...[undefined, null, '', '5', true, {}, [], [5], 5n, Symbol('5'), () => 5, converting, new Number(5), new Date(5)],
];
const ALIGNMENTS: readonly unknown[] = [undefined, 1, 16, 64, 4096, 3, 0, -8, '64', null, Number.NaN, 2 ** 40];

describe.each(NAMES)('Buffer.%s', (name) => {
  const node = descriptors[name].value as Call;
  const ours = () => Buffer[name] as unknown as Call;

  test('is patched, and looks as it did', () => {
    notStrictEqual(Buffer[name], node);
    deepStrictEqual(Object.getOwnPropertyDescriptor(Buffer, name), { ...descriptors[name], value: Buffer[name] });
    expect([ours().name, ours().length]).toStrictEqual([node.name, node.length]);
  });

  test.each(SIZES.map((size) => [inspect(size), size]))('of %s', (_, size) => {
    deepStrictEqual(seen(ours(), [size]), seen(node, [size]));
  });

  test('without arguments, and with another `this`', () => {
    deepStrictEqual(seen(ours(), []), seen(node, []));
    deepStrictEqual(seen(ours().bind(null), [20_000]), seen(node.bind(null), [20_000]));
  });

  test.each(ALIGNMENTS.map((alignment) => [inspect(alignment), alignment]))('aligned to %s', (_, alignment) => {
    for (const size of [0, 100, 5000, 100_000, 2 ** 21, -1, '5']) {
      deepStrictEqual(seen(ours(), [size, alignment]), seen(node, [size, alignment]));
    }
  });

  test('asks no object for its number', () => {
    conversions = 0;
    seen(ours(), [converting]);
    expect(conversions).toBe(0);
  });

  test.each([0, 64, 1024, 8192, 65_536, 2 ** 20])('with Buffer.poolSize changed to %d', (size) => {
    Buffer.poolSize = size;
    for (const length of [1, size >>> 2, (size >>> 1) - 1, size >>> 1, size, size + 1].filter((n) => n >= 0)) {
      // The first of each side may still come out of the pool of before.
      for (let count = 0; count < 3; count++) {
        const [mine, theirs] = [ours()(length), node(length)];
        expect(mine.buffer.byteLength === mine.byteLength).toBe(theirs.buffer.byteLength === theirs.byteLength);
      }
      if (length >= size >>> 1 || name === 'allocUnsafeSlow') {
        deepStrictEqual(seen(ours(), [length]), seen(node, [length]));
      }
    }
  });

  test('deeply equal to one of Node, and printed alike', () => {
    for (const length of [0, 10, 5000, 100_000]) {
      const [mine, theirs] = [ours()(length).fill(7), node(length).fill(7)];
      deepStrictEqual(mine, theirs);
      expect(inspect(mine)).toBe(inspect(theirs));
    }
  });
});

test('small ones share a pool of Node, not larger than Buffer.poolSize', () => {
  Buffer.poolSize = 16_384;
  // The pool that is open stays in use until it is full.
  const buffers = Array.from({ length: 400 }, () => Buffer.allocUnsafe(8000)).slice(-100);
  const memories = new Set(buffers.map(({ buffer }) => buffer));
  // Two in each, and perhaps one of a pair whose other came before.
  expect([50, 51]).toContain(memories.size);
  for (const memory of memories) {
    // Node 26 makes it a little longer, to align what it holds.
    expect(memory.byteLength).toBeLessThan(16_384 + 128);
  }
});

test('unregister restores exactly, twice as well as once, and register patches again', () => {
  const patched = Buffer.allocUnsafe;
  registered.register();
  expect(Buffer.allocUnsafe).toBe(patched);
  for (let count = 0; count < 2; count++) {
    registered.unregister();
    for (const name of NAMES) {
      deepStrictEqual(Object.getOwnPropertyDescriptor(Buffer, name), descriptors[name]);
    }
    expect(registered.status().active).toBe(false);
  }
  registered.register();
  expect(Buffer.allocUnsafe).toBe(patched);
});

test('unregister leaves what somebody else has put over ours, which then does nothing of its own', () => {
  const patched = Buffer.allocUnsafe;
  const theirs = (size: number) => patched(size);
  Buffer.allocUnsafe = theirs;
  try {
    registered.unregister();
    expect(Buffer.allocUnsafe).toBe(theirs);
    const { collections } = registered.status();
    for (let count = 0; count < 100; count++) {
      Buffer.allocUnsafe(100_000);
    }
    expect(registered.status().collections).toBe(collections);
    registered.register();
    expect(Buffer.allocUnsafe).toBe(theirs);
  } finally {
    Buffer.allocUnsafe = patched;
  }
});
