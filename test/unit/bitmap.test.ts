/** The bitmap against an array of booleans. */
import { randomInt } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Bitmap } from '../../lib/backend/ts/bitmap';
import { countBits, lowestBit, maskOf } from '../../lib/backend/ts/bits';
import { Random } from '../parity/random';

describe('bits', () => {
  test('lowestBit finds each bit, whatever is above it', () => {
    for (let bit = 0; bit < 32; bit++) {
      expect(lowestBit(1 << bit)).toBe(bit);
      expect(lowestBit(-1 << bit)).toBe(bit);
    }
  });

  test('countBits counts from none to all', () => {
    for (let bits = 1; bits <= 32; bits++) {
      expect(countBits(maskOf(0, bits))).toBe(bits);
      expect(countBits(maskOf(32 - bits, 32))).toBe(bits);
    }
    expect(countBits(0)).toBe(0);
    expect(countBits(0x55555555)).toBe(16);
  });
});

describe('bitmap', () => {
  test('starts with every bit clear', () => {
    const bitmap = new Bitmap(70);
    expect(bitmap.count()).toBe(0);
    expect(bitmap.takeLowest()).toBe(-1);
    expect(bitmap.findRun(1)).toBe(-1);
    expect(bitmap.longestRun()).toBe(0);
  });

  test('of length 0 has nothing', () => {
    const bitmap = new Bitmap(0);
    expect(bitmap.setRange(0, 0)).toBe(0);
    expect(bitmap.longestRun()).toBe(0);
    expect(bitmap.takeLowest()).toBe(-1);
    bitmap.check();
  });

  test('takeLowest gives the set bits in ascending order, also those set behind the last one taken', () => {
    const bitmap = new Bitmap(200);
    for (const bit of [199, 3, 64, 31, 32]) {
      bitmap.set(bit);
    }
    expect([bitmap.takeLowest(), bitmap.takeLowest(), bitmap.takeLowest()]).toEqual([3, 31, 32]);
    bitmap.set(0);
    expect([bitmap.takeLowest(), bitmap.takeLowest(), bitmap.takeLowest()]).toEqual([0, 64, 199]);
    expect(bitmap.takeLowest()).toBe(-1);
  });

  test('findRun is first fit, across words, and longestRun sees them all', () => {
    const bitmap = new Bitmap(128);
    bitmap.setRange(5, 2);
    bitmap.setRange(30, 4);
    bitmap.setRange(60, 68);
    expect(bitmap.findRun(1)).toBe(5);
    expect(bitmap.findRun(3)).toBe(30);
    expect(bitmap.findRun(5)).toBe(60);
    expect(bitmap.findRun(69)).toBe(-1);
    expect(bitmap.longestRun()).toBe(68);
  });

  test('setRange, clearRange and subtract tell how many bits they changed', () => {
    const bitmap = new Bitmap(96);
    expect(bitmap.setRange(10, 60)).toBe(60);
    expect(bitmap.setRange(0, 96)).toBe(36);
    expect(bitmap.clearRange(31, 34)).toBe(34);
    expect(bitmap.clearRange(30, 36)).toBe(2);
    const other = new Bitmap(96);
    other.setRange(0, 33);
    expect(bitmap.subtract(other)).toBe(30);
    expect(bitmap.count()).toBe(30);
  });

  const seed = randomInt(2 ** 31);
  test.each([1, 31, 32, 33, 64, 100, 4096])(`of %i bits behaves as an array of booleans (seed ${seed})`, (bits) => {
    const random = new Random(seed + bits);
    const bitmap = new Bitmap(bits);
    const model = new Array<boolean>(bits).fill(false);
    for (let step = 0; step < 400; step++) {
      change(random, bitmap, model);
      bitmap.check();
      expect(bitmap.count()).toBe(model.filter(Boolean).length);
      const length = random.between(1, Math.min(bits, 40));
      expect(bitmap.findRun(length)).toBe(firstRun(model, length));
      expect(bitmap.longestRun()).toBe(longestRun(model));
    }
  });
});

function change(random: Random, bitmap: Bitmap, model: boolean[]): void {
  const from = random.below(model.length);
  const count = random.between(0, model.length - from);
  const isSet = model.slice(from, from + count).filter(Boolean).length;
  switch (random.below(4)) {
    case 0:
      expect(bitmap.setRange(from, count)).toBe(count - isSet);
      model.fill(true, from, from + count);
      return;
    case 1:
      expect(bitmap.clearRange(from, count)).toBe(isSet);
      model.fill(false, from, from + count);
      return;
    case 2:
      bitmap.set(from);
      model[from] = true;
      expect(bitmap.has(from)).toBe(true);
      return;
    default: {
      const lowest = model.indexOf(true);
      expect(bitmap.takeLowest()).toBe(lowest);
      if (lowest >= 0) {
        model[lowest] = false;
      }
    }
  }
}

function firstRun(model: readonly boolean[], length: number): number {
  let run = 0;
  for (const [bit, set] of model.entries()) {
    run = set ? run + 1 : 0;
    if (run === length) {
      return bit - length + 1;
    }
  }
  return -1;
}

function longestRun(model: readonly boolean[]): number {
  let [run, longest] = [0, 0];
  for (const set of model) {
    run = set ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}
