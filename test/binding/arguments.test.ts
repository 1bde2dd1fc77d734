/*
 * Whatever is passed to the addon, it answers with an error of Node's shape or with a smaller count, and lives on.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isBuilt, loadAddon, type NativeHeap } from './addon';

type AnyFunction = (...values: unknown[]) => unknown;

const WRONG_TYPES = [undefined, null, 'a', {}, [], 1n, Symbol('s'), () => 1, true];
const WRONG_NUMBERS = [-1, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 53, 1e300];

describe.runIf(isBuilt)('arguments', () => {
  const blocks = new Float64Array(64);
  let heap: NativeHeap;

  beforeEach(() => {
    heap = loadAddon().createHeap();
    heap.refill(100, 64, blocks);
  });

  afterEach(() => {
    heap.destroy();
  });

  /** @returns name and code of what the call throws. */
  function thrown(method: keyof NativeHeap, ...values: unknown[]): string {
    try {
      (heap[method] as AnyFunction).apply(heap, values);
    } catch (error) {
      const { name, code } = error as NodeJS.ErrnoException;
      return `${name} ${code}`;
    }
    return 'nothing';
  }

  const WRONG_TYPE = 'TypeError ERR_INVALID_ARG_TYPE';
  const OUT_OF_RANGE = 'RangeError ERR_OUT_OF_RANGE';

  test('wrong types are TypeErrors', () => {
    for (const value of WRONG_TYPES) {
      expect(thrown('refill', value, 1, blocks)).toBe(WRONG_TYPE);
      expect(thrown('refill', 16, value, blocks)).toBe(WRONG_TYPE);
      expect(thrown('refill', 16, 1, value)).toBe(WRONG_TYPE);
      expect(thrown('flush', value, 1)).toBe(WRONG_TYPE);
      expect(thrown('flush', blocks, value)).toBe(WRONG_TYPE);
      expect(thrown('memory', value, true)).toBe(WRONG_TYPE);
      expect(thrown('place', value)).toBe(WRONG_TYPE);
    }
    for (const value of [undefined, 1, 'true', {}]) expect(thrown('memory', blocks[0], value)).toBe(WRONG_TYPE);
    for (const array of [new Uint8Array(64), new Float32Array(64), new BigInt64Array(64), new ArrayBuffer(64)]) {
      expect(thrown('refill', 16, 1, array)).toBe(WRONG_TYPE);
      expect(thrown('flush', array, 1)).toBe(WRONG_TYPE);
    }
  });

  test('numbers out of range are RangeErrors', () => {
    for (const value of WRONG_NUMBERS) {
      expect(thrown('refill', value, 1, blocks)).toBe(OUT_OF_RANGE);
      expect(thrown('refill', 16, value, blocks)).toBe(OUT_OF_RANGE);
      expect(thrown('flush', blocks, value)).toBe(OUT_OF_RANGE);
      expect(thrown('memory', value, true)).toBe(OUT_OF_RANGE);
      expect(thrown('place', value)).toBe(OUT_OF_RANGE);
    }
    expect(thrown('refill', 16, 65, blocks)).toBe(OUT_OF_RANGE);
    expect(thrown('flush', blocks, 65)).toBe(OUT_OF_RANGE);
  });

  test('a detached Float64Array has no room', () => {
    const detached = new Float64Array(8);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    expect(thrown('refill', 16, 1, detached)).toBe(OUT_OF_RANGE);
    expect(heap.refill(16, 0, detached)).toBe(0);
    expect(heap.flush(detached, 0)).toBe(0);
  });

  test('numbers that name no block have neither memory nor place', () => {
    const first = blocks[0];
    const slabBlocks = heap.place(first).slabSizeBytes / heap.place(first).blockSizeBytes;
    const wrong = [
      0,
      1,
      4095,
      4096,
      2 ** 52,
      2 ** 53 - 1,
      first + 4096 * 2 ** 20,
      first + Math.ceil(slabBlocks),
      first + 4095,
    ];
    for (const number of wrong) {
      expect(thrown('memory', number, true), String(number)).toBe('Error ERR_HAKMEM_NOT_OWNED');
      expect(thrown('place', number), String(number)).toBe('Error ERR_HAKMEM_NOT_OWNED');
    }
  });

  test('flush passes over what is no live block, and takes the rest', () => {
    const mixed = new Float64Array([
      Number.NaN,
      blocks[0],
      -1,
      Infinity,
      blocks[1],
      1e300,
      0,
      blocks[0],
      0.5,
      blocks[2] + 4095,
    ]);
    expect(heap.flush(mixed, mixed.length)).toBe(2);
    expect(heap.flush(mixed, mixed.length)).toBe(0);
    expect(heap.flush(blocks, 64)).toBe(62);
    expect(heap.stats().blocks.live).toBe(0);
  });

  test('random numbers never pass for blocks', () => {
    const random = new Float64Array(10000);
    for (let i = 0; i < random.length; i++) random[i] = Math.floor(Math.random() * 2 ** (1 + (i % 53)));
    const live = new Set(blocks);
    const hits = random.filter((number) => live.has(number)).length;
    expect(heap.flush(random, random.length)).toBeLessThanOrEqual(hits);
    expect(heap.flush(blocks, 64)).toBeGreaterThanOrEqual(64 - hits);
  });

  test('what cannot be had is a smaller count', () => {
    expect(heap.refill(2 ** 53 - 1, 4, blocks)).toBe(0);
    expect(heap.refill(2 ** 47, 4, blocks)).toBe(0);
  });

  test('another object cannot stand in for the heap', () => {
    const stats = heap.stats as AnyFunction;
    for (const value of [undefined, null, {}, Object.create(heap), new (class {})(), [], Buffer.alloc(1)]) {
      expect(() => stats.call(value)).toThrow(TypeError);
    }
    expect(() => (heap.constructor as AnyFunction)()).toThrow(TypeError);
    expect(new (heap.constructor as new () => NativeHeap)().stats().bytes.live).toBe(0);
  });

  test('a destroyed heap says so', () => {
    heap.destroy();
    for (const method of ['refill', 'flush', 'memory', 'place', 'stats', 'picture', 'trim'] as const) {
      expect(thrown(method), method).toBe('Error ERR_HAKMEM_DESTROYED');
    }
    heap.destroy();
  });
});
