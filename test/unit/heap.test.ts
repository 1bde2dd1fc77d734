/** The ts heap through the backend contract: placement, accounting, misuse, refusal, end. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { BLOCKS_PER_SLAB_LIMIT, type Heap } from '../../lib/backend/contract';
import { TsHeap } from '../../lib/backend/ts/heap';
import { createTsBackend } from '../../lib/backend/ts/index';
import { SLAB_CLASSES, sizeClassOf, slabBlocks, UNIT_BYTES } from '../../lib/size-class';

const MIB = 1024 * 1024;
const HALF_UNIT = sizeClassOf(32 * 1024);
const LARGEST = sizeClassOf(MIB);
const HUGE = sizeClassOf(3 * MIB);

afterEach(() => vi.unstubAllGlobals());

function take(heap: Heap, sizeClass: number, count: number): number[] {
  const blocks = new Float64Array(count);
  expect(heap.refill(sizeClass, count, blocks)).toBe(count);
  check(heap);
  return [...blocks];
}

function give(heap: Heap, blocks: readonly number[]): number {
  const accepted = heap.flush(Float64Array.from(blocks), blocks.length);
  check(heap);
  return accepted;
}

function check(heap: Heap): void {
  expect(heap).toBeInstanceOf(TsHeap);
  (heap as TsHeap).check();
}

/** Slab sequence and block index of each. */
function places(heap: Heap, blocks: readonly number[]): [number, number][] {
  return blocks.map((block) => {
    const { slabSequence, blockIndex } = heap.place(block);
    return [slabSequence, blockIndex];
  });
}

describe('heap: placement', () => {
  test('blocks of a slab in ascending order, then those of the next', () => {
    const heap = createTsBackend().createHeap(false);
    const blocks = take(heap, HALF_UNIT, 5);
    expect(places(heap, blocks)).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [2, 0],
    ]);
    expect(blocks.map((block) => block % BLOCKS_PER_SLAB_LIMIT)).toEqual([0, 1, 0, 1, 0]);
  });

  test('a slab that was full and gets a block back is filled before those that have had some for longer', () => {
    const heap = createTsBackend().createHeap(false);
    const blocks = take(heap, HALF_UNIT, 7);
    give(heap, [blocks[3], blocks[0]]);
    expect(places(heap, take(heap, HALF_UNIT, 4))).toEqual([
      [0, 0],
      [1, 1],
      [3, 1],
      [4, 0],
    ]);
  });

  test('an empty slab is kept while it is alone in its list, and goes once it is not', () => {
    const heap = createTsBackend().createHeap(false);
    const blocks = take(heap, HALF_UNIT, 4);
    give(heap, blocks.slice(0, 2));
    expect(heap.picture()[0].slabs.map(({ used }) => used)).toEqual([0, 2]);
    give(heap, blocks.slice(2));
    expect(heap.picture()[0].slabs.map(({ unit, used }) => [unit, used])).toEqual([[0, 0]]);
    expect(places(heap, take(heap, HALF_UNIT, 3))).toEqual([
      [0, 0],
      [0, 1],
      [2, 0],
    ]);
  });

  test('each huge block has a chunk of its own, cached with its memory when it is freed', () => {
    const heap = createTsBackend().createHeap(false);
    const [first, second] = take(heap, HUGE, 2);
    expect(places(heap, [first, second])).toEqual([
      [0, 0],
      [1, 0],
    ]);
    expect(heap.picture().map(({ units }) => units)).toEqual([48, 48]);
    expect(give(heap, [first])).toBe(1);
    expect(heap.picture()).toHaveLength(1);
    expect(heap.stats().components.superslab).toEqual({ capacity: 48, used: 48, grown: 2, shrunk: 0, misses: 0 });
    expect(heap.stats().components.l25).toMatchObject({ capacity: 1, used: 1, misses: 2 });
    expect(places(heap, take(heap, HUGE, 1))).toEqual([[2, 0]]);
    expect(heap.stats().components.superslab).toEqual({ capacity: 96, used: 96, grown: 2, shrunk: 0, misses: 0 });
  });

  test('the picture shows where slabs lie and how full they are', () => {
    const heap = createTsBackend().createHeap(false);
    take(heap, 0, 3);
    take(heap, LARGEST, 1);
    expect(heap.picture()).toEqual([
      {
        units: 32,
        slabs: [
          { unit: 0, units: 1, blockSizeBytes: 16, blocks: 4096, used: 3 },
          { unit: 1, units: 16, blockSizeBytes: MIB, blocks: 1, used: 1 },
        ],
      },
    ]);
  });
});

describe('heap: misuse', () => {
  test('numbers that name no live block are rejected and change nothing', () => {
    const heap = createTsBackend().createHeap(false);
    const [first, second] = take(heap, HALF_UNIT, 3);
    const beyond = first + slabBlocks(HALF_UNIT);
    const neverMade = first + 1000 * BLOCKS_PER_SLAB_LIMIT;
    const nonsense = [beyond, neverMade, first + 0.5, -1, -first, 0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53];
    const before = heap.stats();
    expect(give(heap, nonsense)).toBe(0);
    const after = heap.stats();
    expect(after.classes).toEqual(before.classes);
    expect(after.blocks.live).toBe(3);
    expect(after.operations.flushes).toBe(before.operations.flushes + 1);
    expect(give(heap, [second, second, first, second])).toBe(2);
  });

  test('a block is freed once, also where its slab is gone or its number names a unit inside another slab', () => {
    const heap = createTsBackend().createHeap(false);
    const [huge] = take(heap, HUGE, 1);
    expect(give(heap, [huge, huge])).toBe(1);
    const [large] = take(heap, LARGEST, 1);
    expect(give(heap, [large + BLOCKS_PER_SLAB_LIMIT])).toBe(0);
    expect(heap.stats().blocks.live).toBe(1);
  });

  test('a heap does not know the blocks of another one', () => {
    const backend = createTsBackend();
    const [mine, other] = [backend.createHeap(false), backend.createHeap(false)];
    const blocks = take(mine, 3, 5);
    take(other, 3, 5);
    expect(give(other, blocks)).toBe(0);
    expect(() => other.place(blocks[0])).toThrow(expect.objectContaining({ code: 'ERR_HAKMEM_NOT_OWNED' }));
    expect(give(mine, blocks)).toBe(5);
  });
});

describe('heap: memory', () => {
  test('an ArrayBuffer over the slab or over the block alone', () => {
    const heap = createTsBackend().createHeap(false);
    const [small] = take(heap, HALF_UNIT, 1);
    expect(heap.memory(small, true).byteLength).toBe(UNIT_BYTES);
    expect(heap.memory(small, false).byteLength).toBe(32 * 1024);
    const [huge] = take(heap, HUGE, 1);
    expect(heap.memory(huge, false).byteLength).toBe(3 * MIB);
  });

  test('a refusal by the engine is out of memory; the block stays live until it is given back', () => {
    const heap = createTsBackend().createHeap(false);
    const [block] = take(heap, HUGE, 1);
    vi.stubGlobal('ArrayBuffer', function refuse() {
      throw new RangeError('Array buffer allocation failed');
    });
    expect(() => heap.memory(block, false)).toThrow(expect.objectContaining({ code: 'ERR_HAKMEM_OUT_OF_MEMORY' }));
    expect(give(heap, [block])).toBe(1);
    heap.trim();
    expect(heap.stats().bytes).toMatchObject({ live: 0, reserved: 0 });
  });

  test('a size beyond what any ArrayBuffer can have gets no block', () => {
    const heap = createTsBackend().createHeap(false);
    expect(heap.refill(sizeClassOf(Number.MAX_SAFE_INTEGER), 1, new Float64Array(1))).toBe(0);
    check(heap);
    expect(heap.stats().blocks.live).toBe(0);
    expect(heap.stats().bytes.reserved).toBe(0);
  });

  test('no more blocks than the array has room for', () => {
    const heap = createTsBackend().createHeap(false);
    expect(heap.refill(0, 10, new Float64Array(4))).toBe(4);
    expect(heap.stats().blocks.live).toBe(4);
  });
});

describe('heap: numbers', () => {
  test('refills and flushes are counted by class, a flush once for each change of class', () => {
    const heap = createTsBackend().createHeap(false);
    const small = take(heap, 0, 2);
    const large = take(heap, 20, 2);
    const huge = [...take(heap, HUGE, 1), ...take(heap, HUGE + 1, 1)];
    give(heap, [small[0], large[0], large[1], small[1], small[1], huge[0], huge[1]]);
    const { classes, operations } = heap.stats();
    expect(classes).toHaveLength(SLAB_CLASSES + 1);
    expect(classes[0]).toMatchObject({ size: 16, live: 0, refills: 1, flushes: 2 });
    expect(classes[20]).toMatchObject({ live: 0, refills: 1, flushes: 1 });
    expect(classes[SLAB_CLASSES]).toMatchObject({ size: 0, live: 0, refills: 2, flushes: 1 });
    expect(operations).toMatchObject({ refills: 4, flushes: 1 });
  });

  test('trim gives back the empty slabs, the spare chunk and idle units, and says how much', () => {
    const heap = createTsBackend().createHeap(false);
    const [small, large] = [take(heap, 0, 1), take(heap, LARGEST, 3)];
    expect(heap.stats().bytes.committed).toBe(49 * UNIT_BYTES);
    give(heap, large);
    expect(heap.stats().bytes.committed).toBe(49 * UNIT_BYTES);
    expect(heap.trim()).toBe(48 * UNIT_BYTES);
    check(heap);
    expect(heap.stats().bytes).toMatchObject({ committed: UNIT_BYTES, reserved: 2 * MIB, purged: 48 * UNIT_BYTES });
    expect(heap.trim()).toBe(0);
    give(heap, small);
    expect(heap.trim()).toBe(UNIT_BYTES);
    expect(heap.picture()).toEqual([]);
  });

  test('a backend adds up its heaps, and keeps what destroyed ones counted', () => {
    const backend = createTsBackend();
    const [first, second] = [backend.createHeap(false), backend.createHeap(false)];
    take(first, 0, 3);
    take(first, HUGE, 1);
    take(second, 0, 4);
    expect(backend.stats()).toMatchObject({ blocks: { live: 8 }, operations: { refills: 3 } });
    expect(backend.stats().classes[0]).toMatchObject({ size: 16, live: 7, refills: 2 });
    first.destroy();
    check(first);
    const { blocks, bytes, operations, components } = backend.stats();
    expect(blocks.live).toBe(4);
    expect(operations.refills).toBe(3);
    expect(bytes).toMatchObject({ live: 64, committed: UNIT_BYTES, reserved: 2 * MIB, purged: 49 * UNIT_BYTES });
    expect(components.superslab).toMatchObject({ used: 1, grown: 3, shrunk: 2 });
    first.destroy();
    expect(backend.stats().operations.refills).toBe(3);
  });
});
