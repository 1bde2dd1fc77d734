/** Size classes against their definition: the smallest class that is large enough, at every boundary and beyond 32 bits. */
import { describe, expect, test } from 'vitest';
import {
  alignedClassOf,
  classSizeBytes,
  SLAB_CLASSES,
  sizeClassOf,
  slabBlocks,
  slabUnits,
  slotOf,
  slotsOf,
  UNIT_BYTES,
} from '../../lib/size-class';

/** Classes up to 2^53 bytes. */
const CLASSES = 192;
const MIB = 2 ** 20;

describe('classes', () => {
  test('grow by 16 bytes to 128, then four times a doubling', () => {
    const sizes = Array.from({ length: 16 }, (_, sizeClass) => classSizeBytes(sizeClass));
    expect(sizes).toEqual([16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512]);
    for (let sizeClass = 12; sizeClass < CLASSES; sizeClass++) {
      expect(classSizeBytes(sizeClass)).toBe(2 * classSizeBytes(sizeClass - 4));
    }
  });

  test('the last one in slabs has 1 MiB', () => {
    expect(classSizeBytes(SLAB_CLASSES - 1)).toBe(MIB);
  });

  test('every size to 5000 gets the smallest class that holds it', () => {
    for (let size = 0, smallest = 0; size <= 5000; size++) {
      smallest += classSizeBytes(smallest) < size ? 1 : 0;
      expect(sizeClassOf(size)).toBe(smallest);
    }
  });

  test('so do the sizes around every boundary, to the largest integer', () => {
    for (let sizeClass = 0; sizeClass < CLASSES - 1; sizeClass++) {
      const boundary = classSizeBytes(sizeClass);
      expect([sizeClassOf(boundary - 1), sizeClassOf(boundary), sizeClassOf(boundary + 1)]).toEqual([
        sizeClass,
        sizeClass,
        sizeClass + 1,
      ]);
    }
    expect(sizeClassOf(Number.MAX_SAFE_INTEGER)).toBe(CLASSES - 1);
  });

  test('a fraction gets a class that holds the integer below', () => {
    for (const size of [0.5, 16.5, 1024.9, MIB + 0.5, 2 ** 31 + 0.5, 2 ** 33 + 0.5]) {
      expect(classSizeBytes(sizeClassOf(size))).toBeGreaterThanOrEqual(Math.floor(size));
    }
  });
});

describe('alignments', () => {
  const alignments = Array.from({ length: 22 }, (_, exponent) => 2 ** exponent);

  test.each(alignments)('%i: the first class that is large enough and a multiple', (alignment) => {
    for (const size of [0, 1, 16, 17, 100, 1000, 4097, 65_537, MIB, MIB + 1, 3 * MIB]) {
      const sizeClass = alignedClassOf(size, alignment);
      expect(classSizeBytes(sizeClass)).toBeGreaterThanOrEqual(size);
      if (alignment > UNIT_BYTES) {
        expect(sizeClass).toBe(Math.max(SLAB_CLASSES, sizeClassOf(size)));
        continue;
      }
      expect(classSizeBytes(sizeClass) % alignment).toBe(0);
      for (let smaller = sizeClassOf(size); smaller < sizeClass; smaller++) {
        expect(classSizeBytes(smaller) % alignment).not.toBe(0);
      }
    }
  });

  test('above 2 MiB there are none', () => {
    expect(() => alignedClassOf(1, 4 * MIB)).toThrow(RangeError);
  });
});

test('a slab is the shortest run of units that wastes an eighth of itself at most', () => {
  const waste = (units: number, blockSizeBytes: number): number => (units * UNIT_BYTES) % blockSizeBytes;
  for (let sizeClass = 0; sizeClass < SLAB_CLASSES; sizeClass++) {
    const blockSizeBytes = classSizeBytes(sizeClass);
    const units = slabUnits(sizeClass);
    expect(slabBlocks(sizeClass)).toBe(Math.floor((units * UNIT_BYTES) / blockSizeBytes));
    expect(slabBlocks(sizeClass)).toBeGreaterThan(0);
    expect(waste(units, blockSizeBytes) * 8).toBeLessThanOrEqual(units * UNIT_BYTES);
    for (let fewer = Math.ceil(blockSizeBytes / UNIT_BYTES); fewer < units; fewer++) {
      expect(waste(fewer, blockSizeBytes) * 8).toBeGreaterThan(fewer * UNIT_BYTES);
    }
  }
});

describe('slots', () => {
  test("a size's slot is one of its class's, and of no other class's", () => {
    const classBySlot = new Map<number, number>();
    for (let sizeClass = 0; sizeClass <= sizeClassOf(2 ** 30); sizeClass++) {
      for (const slot of slotsOf(sizeClass)) {
        expect(classBySlot.has(slot)).toBe(false);
        classBySlot.set(slot, sizeClass);
      }
    }
    expect([...classBySlot.keys()].sort((one, two) => one - two)).toEqual([...Array(classBySlot.size).keys()]);
    for (let size = 0; size <= 5000; size++) {
      expect(classBySlot.get(slotOf(size))).toBe(sizeClassOf(size));
      expect(classBySlot.get(slotOf(size + 0.5))).toBeGreaterThanOrEqual(sizeClassOf(size));
    }
    for (let sizeClass = 0; sizeClass < sizeClassOf(2 ** 30); sizeClass++) {
      const last = classSizeBytes(sizeClass);
      expect(classBySlot.get(slotOf(last))).toBe(sizeClass);
      expect(classBySlot.get(slotOf(last + 1))).toBe(sizeClass + 1);
    }
  });
});
