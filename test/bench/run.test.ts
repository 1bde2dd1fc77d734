/** `npm run bench` as users start it: a small run from the command line to the report. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { BENCH } from './support';

const folder = mkdtempSync(path.join(tmpdir(), 'hakmem-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

function bench(...words: string[]) {
  return spawnSync(process.execPath, [path.join(BENCH, 'run.mjs'), ...words], { encoding: 'utf8' });
}

/** A process starts for each measurement, which takes its time where much else runs. */
const LIMIT_MS = 120_000;
const SHORT = ['--rounds', '1', '--duration', '5'];

test('one small run: table, raw results, report', () => {
  const output = path.join(folder, 'small.json');
  const run = bench(
    ...SHORT,
    '--workload',
    'churn-64',
    '--workload',
    'fifo',
    '--contender',
    'view',
    '--contender',
    'ts',
    '--output',
    output,
  );
  expect(run.stderr).toBe('');
  expect(run.status).toBe(0);
  expect(run.stdout).toContain('ns per operation');
  const results = JSON.parse(readFileSync(output, 'utf8'));
  expect(results.cells).toHaveLength(4);
  for (const { results: rounds } of results.cells) {
    expect(rounds).toHaveLength(1);
    expect(rounds[0].nsPerOperation).toBeGreaterThan(0);
    expect(rounds[0].calls.alloc.count).toBeGreaterThan(0);
    expect(rounds[0].peakResidentBytes).toBeGreaterThanOrEqual(rounds[0].residentStartBytes);
  }
  expect(readFileSync(output.replace('.json', '.html'), 'utf8')).toContain('churn 64 B');
});

test(
  'every workload runs and verifies what it reads',
  () => {
    const output = path.join(folder, 'all.json');
    const run = bench(...SHORT, '--contender', 'ts', '--output', output);
    expect(run.stdout).not.toContain('failed');
    expect(run.status).toBe(0);
  },
  LIMIT_MS,
);

describe('mistakes on the command line', () => {
  test.each([
    [['--workload', 'none'], "there is no workload 'none'"],
    [['--contender', 'none'], "there is no contender 'none'"],
    [['--rounds', '0'], '--rounds takes a whole number'],
    [['--runtimes', 'node'], '--runtimes takes name=path'],
    [['--surprise'], '--surprise'],
  ])('%j', (words, message) => {
    const run = bench(...words);
    expect(run.status).toBe(2);
    expect(run.stderr).toContain(message);
  });

  test('a runtime that does not start', () => {
    const run = bench('--runtimes', `none=${path.join(folder, 'none')}`);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('does not run');
  });
});
