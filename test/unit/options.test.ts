/** Settings of the environment: what makes no sense is refused, and of what both sides read both refuse the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OPTION_TABLE, readOptions } from '../../lib/options';
import { failureOf, thrownBy } from '../conformance/support/outcome';

interface Numeric {
  readonly variable: string;
  readonly default: number;
  readonly least: number;
  readonly most: number;
}

const numeric = Object.entries(OPTION_TABLE).flatMap(([name, row]) =>
  'least' in row ? [{ name, ...(row as Numeric) }] : [],
);

function readOne(name: string, variable: string, text: string): unknown {
  return readOptions({ [variable]: text })[name as keyof typeof OPTION_TABLE];
}

/** The core's rows: `X(name, "VARIABLE", initial, least, most)`, in C expressions of numbers and shifts. */
const core = new Map(
  Array.from(
    readFileSync(join(__dirname, '../../native/core/options.h'), 'utf8').matchAll(/X\(\w+, "(\w+)", (.*)\)\s*\\?$/gm),
    ([, variable, numbers]) => [variable, numbers.split(', ').map(numberOf)],
  ),
);

function numberOf(expression: string): number {
  const [base, shift = '0'] = expression.replace('(uint64_t)', '').split(' << ');
  return Number(base) * 2 ** Number(shift);
}

describe.each(numeric)('$variable', ({ name, variable, default: usual, least, most }) => {
  it('takes every number of its range, and its default is one', () => {
    expect(readOne(name, variable, '')).toBe(usual);
    for (const value of [least, usual, most]) {
      expect(readOne(name, variable, String(value))).toBe(value);
    }
  });

  it.each([String(least - 1), String(most + 1), 'abc', '1.5', '1e3', ' 1', '0x10', '9'.repeat(30)])(
    'refuses %j',
    (text) => {
      const error = thrownBy(() => readOne(name, variable, text));
      expect(failureOf(error)).toEqual({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
      expect(error.message).toContain(`${variable} must be a whole number from ${least} to ${most}. Received`);
    },
  );

  it.runIf(core.has(variable))('has default and range of the core', () => {
    expect(core.get(variable)).toEqual([usual, least, most]);
  });
});

it('the core reads what the table says that it does', () => {
  const both = numeric.filter(({ variable }) => core.has(variable)).map(({ name }) => name);
  expect(both).toEqual(['chunkBytesMax', 'dirtyBytes', 'tickOperations', 'largeCacheBytes', 'largeCacheTicks']);
});
