/** The histogram of single calls against sorting. */
import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { Random } from '../parity/random';
import { load } from './support';

interface Histogram {
  add(ns: number): void;
  quantile(fraction: number): number;
  summary(): { p50: number; p99: number; p999: number; max: number; count: number };
}

const module = load<{ Histogram: new () => Histogram }>('measure/histogram.mjs');
const PRECISION = 1 / 32;

const seed = randomInt(2 ** 31);
test(`quantiles are those of the sorted values, to 3% (seed ${seed})`, async () => {
  const { Histogram } = await module;
  const random = new Random(seed);
  const histogram = new Histogram();
  const values = Array.from({ length: 20_000 }, () => random.below(2 ** (1 + random.below(30))));
  for (const value of values) {
    histogram.add(value);
  }
  values.sort((a, b) => a - b);
  for (const fraction of [0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = values[Math.max(1, Math.ceil(fraction * values.length)) - 1];
    expect(Math.abs(histogram.quantile(fraction) - exact)).toBeLessThanOrEqual(exact * PRECISION);
  }
});

test('small values are exact, huge ones are counted, the maximum is kept', async () => {
  const { Histogram } = await module;
  const histogram = new Histogram();
  for (const value of [0, 1, 63, 40.9, 1e12]) {
    histogram.add(value);
  }
  expect(histogram.quantile(0.2)).toBe(0);
  expect(histogram.quantile(0.4)).toBe(1);
  expect(histogram.quantile(0.6)).toBe(40);
  expect(histogram.quantile(0.8)).toBe(63);
  expect(histogram.summary()).toMatchObject({ count: 5, max: 1e12 });
});

test('without values there is nothing to tell', async () => {
  const { Histogram } = await module;
  expect(new Histogram().summary()).toEqual({ p50: 0, p99: 0, p999: 0, max: 0, count: 0 });
});
