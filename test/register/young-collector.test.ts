/* The collector by itself: how its interval answers to what collections cost. */
import { expect, test } from 'vitest';
import { YoungCollector } from '../../lib/young-collector';

const MIB = 1024 * 1024;
const NOTHING_IS_DEAR = Number.POSITIVE_INFINITY;

test('where collections are cheap the interval stays', () => {
  const collector = new YoungCollector(16 * MIB, NOTHING_IS_DEAR);
  for (let count = 0; count < 20; count++) {
    expect(collector.run()).toBe(16 * MIB);
  }
  expect(collector.stats()).toMatchObject({ collections: 20, intervalBytes: 16 * MIB, resting: '' });
});

test('where they are dear it doubles, then the collector rests, then it starts afresh', () => {
  const collector = new YoungCollector(16 * MIB, 0);
  const intervals = Array.from({ length: 6 }, () => collector.run() / MIB);
  expect(intervals).toStrictEqual([16, 16, 32, 32, 32, 512]);
  expect(collector.stats().resting).not.toBe('');
  expect(collector.run() / MIB).toBe(16);
  expect(collector.stats()).toMatchObject({ collections: 6, intervalBytes: 16 * MIB, resting: '' });
});

test('leaves no trace in the program: no global, in no context', () => {
  const before = Object.getOwnPropertyNames(globalThis);
  new YoungCollector(MIB, NOTHING_IS_DEAR).run();
  expect(Object.getOwnPropertyNames(globalThis)).toStrictEqual(before);
});
