/*
 * Under register memory lives as long as anything reaches it, and goes when nothing does. The collections that register asks for
 * run all the time here; what is still reached must keep its bytes through them, by whatever path it is reached.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';

process.env.HAKMEM_REGISTER_FORCE = '1';
process.env.HAKMEM_REGISTER_INTERVAL_BYTES = '1048576';

let registered: typeof import('../../lib/register.js');

beforeAll(async () => {
  registered = await import('../../lib/register.js');
});

/** Overwrites whatever memory is free: many Buffers of the length, all dropped. */
function churn(length: number): void {
  for (let bytes = 0; bytes < 48 * 2 ** 20; bytes += length) {
    Buffer.allocUnsafe(length).fill(0xee);
  }
  globalThis.gc?.();
}

type Reach = (buffer: Buffer<ArrayBuffer>) => () => Uint8Array;

const WAYS: Record<string, Reach> = {
  'the Buffer': (buffer) => () => buffer,
  'a subarray of a subarray': (buffer) => {
    const inner = buffer.subarray(0).subarray(0, buffer.length);
    return () => inner;
  },
  'a slice': (buffer) => {
    const slice = buffer.slice();
    return () => slice;
  },
  'a DataView': (buffer) => {
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    return () => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  },
  'the ArrayBuffer': (buffer) => {
    const { buffer: memory, byteOffset, length } = buffer;
    return () => new Uint8Array(memory, byteOffset, length);
  },
  'Buffer.from of the ArrayBuffer': (buffer) => {
    const other = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length);
    return () => other;
  },
  'a clone': (buffer) => {
    const clone = structuredClone(buffer);
    return () => clone;
  },
  'a property of a function': (buffer) => {
    const holder = Object.assign(() => holder.buffer, { buffer });
    return holder;
  },
};

const LENGTHS = [100, 5000, 16_384, 100_000, 2 ** 20];

describe.each(Object.keys(WAYS))('reached by %s', (way) => {
  test.each(LENGTHS)('%d bytes keep', (length) => {
    const kept = Array.from({ length: 8 }, (_, index) => WAYS[way](Buffer.allocUnsafe(length).fill(index + 1)));
    churn(length);
    kept.forEach((reach, index) => {
      expect(Buffer.alloc(length, index + 1).equals(reach())).toBe(true);
    });
  });
});

test.each([100_000, 2 ** 20])('%d bytes that were transferred keep, and the sender has none', (length) => {
  const buffer = Buffer.allocUnsafeSlow(length).fill(9);
  const moved = structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
  expect(buffer.length).toBe(0);
  churn(length);
  expect(Buffer.alloc(length, 9).equals(new Uint8Array(moved))).toBe(true);
});

test.each([20_000, 100_000, 2 ** 20])('%d bytes that nothing reaches go', async (length) => {
  const gone = Array.from({ length: 20 }, () => new WeakRef(Buffer.allocUnsafeSlow(length).buffer));
  await turn();
  globalThis.gc?.();
  await turn();
  globalThis.gc?.();
  expect(gone.filter((reference) => reference.deref() !== undefined).length).toBeLessThanOrEqual(1);
});

test('collections were asked for in the middle of it all', () => {
  const { collections, milliseconds, active } = registered.status();
  expect(active).toBe(true);
  expect(collections).toBeGreaterThan(10);
  expect(milliseconds).toBeGreaterThan(0);
});
