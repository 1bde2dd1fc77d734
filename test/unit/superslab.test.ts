/** Runs of units out of chunks: which chunk, which units, and when chunks come and go. */
import { randomInt } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Run } from '../../lib/backend/ts/chunk';
import { AddressSpace } from '../../lib/backend/ts/os';
import { CHUNK_UNITS, Superslab } from '../../lib/backend/ts/superslab';
import { options } from '../../lib/options';
import { UNIT_BYTES } from '../../lib/size-class';
import { Random } from '../parity/random';

function make(): Superslab {
  return new Superslab(new AddressSpace());
}

/** A run that must be there. */
function take(superslab: Superslab, units: number): Run {
  const run = superslab.allocRun(units);
  superslab.check();
  if (run === null) {
    throw new Error('memory was refused');
  }
  return run;
}

function give(superslab: Superslab, ...runs: Run[]): void {
  for (const run of runs) {
    superslab.freeRun(run);
    superslab.check();
  }
}

/** Chunk and first unit. */
function place(run: Run): [number, number] {
  return [run.chunk.sequence, run.unit];
}

describe('superslab: where a run goes', () => {
  test('the lowest units first', () => {
    const superslab = make();
    expect([1, 2, 16].map((units) => place(take(superslab, units)))).toEqual([
      [0, 0],
      [0, 1],
      [0, 3],
    ]);
  });

  test('the lowest run that fits (first fit), not the one that fits best', () => {
    const superslab = make();
    const [low, , high] = [4, 1, 2, 1].map((units) => take(superslab, units));
    take(superslab, 24);
    give(superslab, low, high);
    expect(place(take(superslab, 2))).toEqual([0, 0]);
    expect(place(take(superslab, 2))).toEqual([0, 2]);
  });

  test('of all chunks the one whose longest run fits best', () => {
    const superslab = make();
    const first = [take(superslab, 24), take(superslab, 8)];
    const second = [take(superslab, 28), take(superslab, 4)];
    give(superslab, first[1], second[1]);
    expect(place(take(superslab, 3))).toEqual([1, 28]);
    expect(place(take(superslab, 5))).toEqual([0, 24]);
    expect(place(take(superslab, 3))).toEqual([0, 29]);
    expect(place(take(superslab, 1))).toEqual([1, 31]);
  });

  test('of chunks that fit alike the one that came last into its bin', () => {
    const superslab = make();
    const ends = [0, 1, 2].map(() => [take(superslab, 30), take(superslab, 2)][1]);
    give(superslab, ends[1], ends[2], ends[0]);
    expect([1, 1, 1, 1, 1, 1].map(() => place(take(superslab, 1)))).toEqual([
      [0, 30],
      [0, 31],
      [2, 30],
      [2, 31],
      [1, 30],
      [1, 31],
    ]);
  });

  test('a chunk whose longest run stays as it was keeps its place in the bin', () => {
    const superslab = make();
    const [single, , behind] = [1, 29, 2].map((units) => take(superslab, units));
    const [, inFront] = [30, 2].map((units) => take(superslab, units));
    give(superslab, behind, inFront);
    give(superslab, single);
    expect(place(take(superslab, 2))).toEqual([1, 30]);
  });

  test('a new chunk where no run is long enough, and only there', () => {
    const superslab = make();
    take(superslab, 20);
    take(superslab, 13);
    expect(superslab.stats()).toMatchObject({ capacity: 2 * CHUNK_UNITS, used: 33, grown: 2, misses: 2 });
    take(superslab, 19);
    take(superslab, 12);
    expect(superslab.stats()).toMatchObject({ capacity: 2 * CHUNK_UNITS, used: 64, grown: 2, misses: 2 });
  });
});

describe('superslab: coming and going', () => {
  test('an empty chunk stays until it has been idle from one tick to the next', () => {
    const superslab = make();
    const runs = [0, 1, 2].map(() => take(superslab, CHUNK_UNITS));
    give(superslab, runs[1], runs[0]);
    superslab.tick();
    expect(superslab.stats()).toMatchObject({ capacity: 3 * CHUNK_UNITS, shrunk: 0 });
    const again = take(superslab, 1);
    expect(place(again)).toEqual([0, 0]);
    give(superslab, again);
    superslab.tick();
    superslab.check();
    expect(superslab.stats()).toMatchObject({ capacity: 2 * CHUNK_UNITS, shrunk: 1 });
    superslab.tick();
    superslab.check();
    expect(superslab.stats()).toMatchObject({ capacity: CHUNK_UNITS, used: CHUNK_UNITS, shrunk: 2 });
  });

  test('what is free beyond as much as is used goes at once, of the newest chunks', () => {
    const superslab = make();
    const count = Math.ceil(options.dirtyBytes / UNIT_BYTES / CHUNK_UNITS) + 3;
    const runs = Array.from({ length: count }, () => take(superslab, CHUNK_UNITS));
    give(superslab, ...runs.slice(0, -2));
    superslab.check();
    const { committed } = superslab.bytes();
    expect(committed - 2 * CHUNK_UNITS * UNIT_BYTES).toBeLessThanOrEqual((options.dirtyBytes / 4) * 3);
    const empty = [...superslab.chunks()].filter(({ usedUnits }) => usedUnits === 0);
    expect(superslab.stats().shrunk).toBeGreaterThan(0);
    expect(empty.map(({ sequence }) => sequence)).toEqual(empty.map((_, i) => i));
  });

  test('units are committed by their first use and purged when idle', () => {
    const superslab = make();
    const [low, high] = [take(superslab, 4), take(superslab, 2)];
    expect(superslab.bytes()).toEqual({ committed: 6 * UNIT_BYTES, reserved: 32 * UNIT_BYTES, purged: 0 });
    give(superslab, low);
    expect(superslab.bytes().committed).toBe(6 * UNIT_BYTES);
    superslab.purge();
    superslab.check();
    expect(superslab.bytes()).toEqual({ committed: 2 * UNIT_BYTES, reserved: 32 * UNIT_BYTES, purged: 4 * UNIT_BYTES });
    give(superslab, take(superslab, 1), high);
    superslab.purge();
    superslab.check();
    expect(superslab.bytes()).toEqual({ committed: 0, reserved: 0, purged: 7 * UNIT_BYTES });
  });

  test('a huge chunk is exactly as large as its block and shares nothing', () => {
    const superslab = make();
    const run = superslab.openHuge(40, null);
    superslab.check();
    expect(run).toMatchObject({ unit: 0, units: 40 });
    expect(superslab.stats()).toEqual({ capacity: 40, used: 40, grown: 1, shrunk: 0, misses: 0 });
    expect(place(take(superslab, 1))).toEqual([1, 0]);
    if (run !== null) {
      superslab.closeHuge(run);
      superslab.discard(run.chunk);
    }
    superslab.check();
    expect(superslab.stats()).toMatchObject({ capacity: 32, used: 1, shrunk: 1 });
    expect(superslab.bytes().purged).toBe(40 * UNIT_BYTES);
  });

  test('a huge chunk that no ArrayBuffer could back is refused, and nothing is half-done', () => {
    const superslab = make();
    expect(superslab.openHuge(2 ** 53 / UNIT_BYTES, null)).toBeNull();
    superslab.check();
    expect(superslab.stats()).toEqual({ capacity: 0, used: 0, grown: 0, shrunk: 0, misses: 0 });
    expect(place(take(superslab, 1))).toEqual([0, 0]);
  });

  test('chunks of several superslabs never have a unit number in common', () => {
    const addressSpace = new AddressSpace();
    const superslabs = [new Superslab(addressSpace), new Superslab(addressSpace)];
    const firsts = superslabs.flatMap((superslab) => [32, 32].map((units) => take(superslab, units).chunk.firstUnit));
    firsts.sort((a, b) => a - b);
    for (let at = 1; at < firsts.length; at++) {
      expect(firsts[at] - firsts[at - 1]).toBeGreaterThanOrEqual(CHUNK_UNITS);
    }
  });

  const seed = randomInt(2 ** 31);
  test(`no two runs overlap, and all comes back (seed ${seed})`, () => {
    const random = new Random(seed);
    const superslab = make();
    const live: Run[] = [];
    const owner = new Map<number, Run>();
    for (let step = 0; step < 3000; step++) {
      if (random.percent(step < 1500 ? 60 : 40) || live.length === 0) {
        const run = take(superslab, random.skewed(1, 17));
        for (const unit of unitsOf(run)) {
          expect(owner.has(unit)).toBe(false);
          owner.set(unit, run);
        }
        live.push(run);
      } else {
        const [run] = live.splice(random.below(live.length), 1);
        for (const unit of unitsOf(run)) {
          owner.delete(unit);
        }
        give(superslab, run);
      }
      expect(superslab.stats().used).toBe(owner.size);
    }
    give(superslab, ...live);
    superslab.purge();
    superslab.check();
    expect(superslab.stats()).toMatchObject({ capacity: 0, used: 0 });
  });
});

function unitsOf({ chunk, unit, units }: Run): number[] {
  return Array.from({ length: units }, (_, at) => chunk.firstUnit + unit + at);
}
