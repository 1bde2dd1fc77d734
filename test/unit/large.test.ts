/** Unit tests of the caches above the slabs: by length and age, within a budget, in a table that grows and shrinks. */
import { describe, expect, test } from 'vitest';
import { Chunk } from '../../lib/backend/ts/chunk';
import { Large } from '../../lib/backend/ts/large';
import { options } from '../../lib/options';
import { UNIT_BYTES } from '../../lib/size-class';

/** Units of a block that the BigCache keeps. */
const BIG = 640;

function chunk(units: number, firstUnit = 1): Chunk {
  return new Chunk(0, firstUnit, units, true);
}

/** A cache with room for whatever the test puts. */
function roomy(): Large {
  const large = new Large();
  large.countLive(2 ** 40);
  return large;
}

describe('large', () => {
  test('gives the newest chunk of exactly that length back', () => {
    const large = roomy();
    const [older, newer, other] = [chunk(32, 1), chunk(32, 2), chunk(40, 3)];
    for (const one of [older, newer, other]) {
      expect(large.put(one)).toBe(true);
    }
    large.check();
    expect([large.take(32), large.take(32), large.take(32)]).toEqual([newer, older, null]);
    expect(large.l25.stats()).toEqual({ capacity: 1, used: 1, grown: 0, shrunk: 0, misses: 1 });
    expect(large.cachedBytes).toBe(40 * UNIT_BYTES);
  });

  test('the BigCache holds ten times the 2048 entries of HAKMEM, and its table shrinks again', () => {
    const large = roomy();
    for (let i = 0; i < 20480; i++) {
      expect(large.put(chunk(BIG + i, i))).toBe(true);
    }
    large.check();
    expect(large.bigcache.stats()).toEqual({ capacity: 32768, used: 20480, grown: 13, shrunk: 0, misses: 0 });
    for (let i = 0; i < 20480; i++) {
      expect(large.take(BIG + i)?.firstUnit).toBe(i);
    }
    large.check();
    expect(large.bigcache.stats()).toMatchObject({ capacity: 8, used: 0, shrunk: 12 });
    expect(large.cachedBytes).toBe(0);
  });

  test('what is over the budget goes, oldest first; what alone is over it is not kept at all', () => {
    const large = new Large();
    const budget = options.largeCacheBytes / UNIT_BYTES;
    expect(large.put(chunk(budget + 1))).toBe(false);
    const chunks = [chunk(budget / 2, 1), chunk(budget / 2, 2), chunk(budget / 2, 3)];
    for (const one of chunks) {
      large.put(one);
    }
    expect(large.excess(false)).toBe(chunks[0]);
    expect(large.excess(false)).toBeNull();
    large.countLive(8 * budget);
    expect(large.put(chunk(budget + 1))).toBe(true);
    expect(large.excess(false)).toBeNull();
  });

  test('what nobody took for some ticks goes', () => {
    const large = roomy();
    const first = chunk(32);
    large.put(first);
    for (let tick = 0; tick <= options.largeCacheTicks; tick++) {
      expect(large.excess(false)).toBeNull();
      large.tick();
    }
    expect(large.excess(false)).toBe(first);
  });
});
