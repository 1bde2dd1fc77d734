/** The registry: what it finds, and that it is as large as what is in it. */
import { randomInt } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { LEAF_UNITS, Registry } from '../../lib/backend/ts/registry';
import { Random } from '../parity/random';

describe('registry', () => {
  test('finds what was added, at that unit only', () => {
    const registry = new Registry<string>();
    registry.add(5, 'five');
    registry.add(LEAF_UNITS + 5, 'next leaf');
    expect(registry.get(5)).toBe('five');
    expect(registry.get(LEAF_UNITS + 5)).toBe('next leaf');
    expect(registry.get(6)).toBeUndefined();
    expect(registry.get(2 * LEAF_UNITS + 5)).toBeUndefined();
    registry.check();
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, -(2 ** 53)])(
    'finds nothing at %d',
    (unit) => {
      const registry = new Registry<string>();
      registry.add(0, 'zero');
      expect(registry.get(unit)).toBeUndefined();
    },
  );

  test('works with the largest unit number that a block number can have', () => {
    const registry = new Registry<string>();
    registry.add(2 ** 41 - 1, 'last');
    expect(registry.get(2 ** 41 - 1)).toBe('last');
    expect(registry.get(2 ** 41 - 2)).toBeUndefined();
    expect(registry.stats().capacity).toBe(LEAF_UNITS);
  });

  test('grows by leaves, and drops a leaf with its last entry', () => {
    const registry = new Registry<number>();
    for (let unit = 0; unit < 3 * LEAF_UNITS; unit++) {
      registry.add(unit, unit);
    }
    expect(registry.stats()).toEqual({
      capacity: 3 * LEAF_UNITS,
      used: 3 * LEAF_UNITS,
      grown: 3,
      shrunk: 0,
      misses: 0,
    });
    for (let unit = 0; unit < 2 * LEAF_UNITS; unit++) {
      registry.remove(unit);
    }
    expect(registry.stats()).toEqual({ capacity: LEAF_UNITS, used: LEAF_UNITS, grown: 3, shrunk: 2, misses: 0 });
    registry.check();
  });

  test('stays small while unit numbers rise for ever', () => {
    const registry = new Registry<number>();
    for (let unit = 0; unit < 10_000; unit++) {
      registry.add(unit * 32, unit);
      if (unit >= 10) {
        registry.remove((unit - 10) * 32);
      }
      expect(registry.stats().capacity).toBeLessThanOrEqual(3 * LEAF_UNITS);
    }
    registry.check();
  });

  test('counts look-ups that find nothing, but not those of a walk', () => {
    const registry = new Registry<string>();
    registry.add(1, 'one');
    registry.get(1);
    registry.peek(2);
    expect(registry.stats().misses).toBe(0);
    registry.get(2);
    registry.get(1000);
    expect(registry.stats().misses).toBe(2);
  });

  test('refuses to remove what is not there', () => {
    const registry = new Registry<string>();
    registry.add(1, 'one');
    expect(() => registry.remove(2)).toThrow('broken invariant');
    expect(() => registry.remove(1 + LEAF_UNITS)).toThrow('broken invariant');
  });

  const seed = randomInt(2 ** 31);
  test(`behaves as a Map (seed ${seed})`, () => {
    const random = new Random(seed);
    const registry = new Registry<number>();
    const model = new Map<number, number>();
    for (let step = 0; step < 5000; step++) {
      const unit = random.below(10) * LEAF_UNITS * 1000 + random.below(40);
      expect(registry.get(unit)).toBe(model.get(unit));
      if (model.delete(unit)) {
        registry.remove(unit);
      } else {
        registry.add(unit, step);
        model.set(unit, step);
      }
      if (step % 50 === 0) {
        registry.check();
      }
    }
  });
});
