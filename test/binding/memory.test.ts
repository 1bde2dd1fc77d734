/*
 * Batches, block numbers, and the ArrayBuffers over slabs and blocks.
 */
import { markAsUntransferable } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { version } from '../../package.json';
import { isBuilt, loadAddon, type NativeHeap } from './addon';

const SIZES = [1, 16, 100, 128, 129, 1000, 4096, 40000, 65536, 100000, 1 << 20, (1 << 20) + 1, 5_000_000];

describe.runIf(isBuilt)('memory', () => {
  let heap: NativeHeap;

  beforeEach(() => {
    heap = loadAddon().createHeap();
  });

  afterEach(() => {
    heap.destroy();
  });

  function take(sizeBytes: number, count: number): Float64Array {
    const blocks = new Float64Array(count);
    expect(heap.refill(sizeBytes, count, blocks)).toBe(count);
    return blocks;
  }

  test('the addon has the version of the package', () => {
    expect(loadAddon().version).toBe(version);
  });

  test('every block has a number of its own, in which its place can be read', () => {
    for (const size of SIZES) {
      const blocks = take(size, size > 100000 ? 5 : 500);
      expect(new Set(blocks).size).toBe(blocks.length);
      const slabs = new Map<number, number>();
      for (const block of blocks) {
        const place = heap.place(block);
        expect(block % 4096).toBe(place.blockIndex);
        expect(place.blockSizeBytes).toBeGreaterThanOrEqual(size);
        const unit = Math.floor(block / 4096);
        expect(slabs.get(unit) ?? place.slabSequence).toBe(place.slabSequence);
        slabs.set(unit, place.slabSequence);
      }
      expect(heap.flush(blocks, blocks.length)).toBe(blocks.length);
    }
  });

  test('blocks do not overlap, seen through their own and their slab memory', () => {
    for (const size of SIZES) {
      const blocks = take(size, 20);
      blocks.forEach((block, i) => void new Uint8Array(heap.memory(block, false)).fill(i + 1));
      blocks.forEach((block, i) => {
        const { blockIndex, blockSizeBytes, slabSizeBytes } = heap.place(block);
        const slab = heap.memory(block, true);
        expect(slab.byteLength).toBe(slabSizeBytes);
        const view = new Uint8Array(slab, blockIndex * blockSizeBytes, blockSizeBytes);
        expect([view[0], view.at(-1)]).toEqual([i + 1, i + 1]);
      });
      heap.flush(blocks, blocks.length);
    }
  });

  test('memory can be had again and again, and is the same memory', () => {
    const [block] = take(1000, 1);
    const views = Array.from({ length: 10 }, () => new Uint8Array(heap.memory(block, true)));
    views[0].fill(42);
    for (const view of views) expect(view[views[0].length - 1]).toBe(42);
  });

  test('marked memory cannot be transferred, and nothing aborts when one tries', () => {
    const [block] = take(1000, 1);
    const memory = heap.memory(block, true);
    markAsUntransferable(memory);
    try {
      structuredClone(memory, { transfer: [memory] });
    } catch (error) {
      expect((error as Error).name).toBe('DataCloneError');
    }
    expect(memory.byteLength).toBeGreaterThan(0);
  });

  test('memory outlives block and heap', () => {
    const [small] = take(1000, 1);
    const [huge] = take(5_000_000, 1);
    const views = [new Uint8Array(heap.memory(small, true)), new Uint8Array(heap.memory(huge, false))];
    heap.flush(new Float64Array([small, huge]), 2);
    for (const view of views) expect([0, 1].map((end) => view.at(-end))).toHaveLength(2);
    heap.destroy();
    for (const view of views) {
      view.fill(1);
      expect(view.at(-1)).toBe(1);
    }
  });

  test('pins end with their ArrayBuffers', async () => {
    const reserved = () => loadAddon().stats().bytes.reserved;
    const before = reserved();
    for (let round = 0; round < 20; round++) {
      const blocks = take(4 << 20, 8);
      for (const block of blocks) new Uint8Array(heap.memory(block, false))[0] = 1;
      heap.flush(blocks, 8);
    }
    for (let i = 0; i < 20 && reserved() > before; i++) {
      heap.trim(); // freed large blocks are cached
      globalThis.gc?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(reserved()).toBeLessThanOrEqual(before);
  });

  test('the picture shows what the numbers say', () => {
    const blocks = take(1000, 200);
    const huge = take(3 << 20, 2);
    const picture = heap.picture();
    const slabs = picture.flatMap((chunk) => chunk.slabs);
    expect(slabs.reduce((sum, slab) => sum + slab.used, 0)).toBe(heap.stats().blocks.live);
    expect(slabs.reduce((sum, slab) => sum + slab.used * slab.blockSizeBytes, 0)).toBe(heap.stats().bytes.live);
    expect(picture.reduce((sum, chunk) => sum + chunk.units, 0) * 65536).toBe(heap.stats().bytes.reserved);
    heap.flush(blocks, 200);
    heap.flush(huge, 2);
    expect(heap.stats().bytes.live).toBe(0);
    expect(heap.trim()).toBeGreaterThanOrEqual(0);
  });

  test('a heap of its own counts in the whole process', () => {
    const before = loadAddon().stats().bytes.live;
    take(4096, 10);
    expect(loadAddon().stats().bytes.live - before).toBe(heap.stats().bytes.live);
  });
});
