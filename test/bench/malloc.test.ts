/** `npm run bench -- malloc` as users start it, at tiny sizes; and its figures on their own. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BENCH, load } from './support';

const folder = mkdtempSync(path.join(tmpdir(), 'hakmem-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

const BUILT = path.join(BENCH, '../build-bench');
const preload = path.join(BENCH, '../build/Release/libhakmem-preload.so');
const compiler = ['cc', 'gcc', 'clang'].some((name) => spawnSync(name, ['--version']).status === 0);
const LIMIT_MS = 120_000;

function bench(...words: string[]) {
  return spawnSync(process.execPath, [path.join(BENCH, 'run.mjs'), 'malloc', ...words], { encoding: 'utf8' });
}

describe.runIf(compiler)('the workloads', () => {
  beforeAll(async () => (await load<{ buildAll(): void }>('malloc/build.mjs')).buildAll());

  test.each([
    ['larson', [3, 4, 50, 20, 8, 64], 600],
    ['larson', [1, 1, 10], 10],
    ['producer-consumer', [1, 20, 10], 200],
    ['producer-consumer', [4, 20, 10], 400],
    ['producer-consumer', [5, 20, 10], 600],
    ['skewed', [2, 1000, 50], 2000],
    ['thread-churn', [3, 5, 100], 1500],
  ])('%s %j does its work', (name, words, operations) => {
    const run = spawnSync(path.join(BUILT, name), words.map(String), { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(run.stdout).toMatch(new RegExp(`^${operations} operations in [\\d.]+ s: \\d+ operations/s\n$`));
    expect(run.status).toBe(0);
  });

  test('burst says what is resident when idle', () => {
    const run = spawnSync(path.join(BUILT, 'burst'), ['2', '2', '256', '0'], { encoding: 'utf8' });
    expect(run.stdout).toMatch(/^\d+ operations in .*\nidle: \d+ bytes resident\n$/);
    expect(run.status).toBe(0);
  });

  test.each([
    ['larson', ['0']],
    ['skewed', ['two']],
    ['burst', ['1', '1', '64', '0', '9', '8']],
  ])('%s refuses %j', (name, words) => {
    const run = spawnSync(path.join(BUILT, name), words, { encoding: 'utf8' });
    expect(run.stderr).not.toBe('');
    expect(run.status).toBe(1);
  });
});

describe.runIf(compiler && existsSync(preload))('a run', () => {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const system = header.glibcVersionRuntime === undefined ? 'system' : 'glibc';
  const own = ['--quick', '--contender', system, '--contender', 'hakmem'];

  test(
    'tables, raw results, report',
    () => {
      const output = path.join(folder, 'small.json');
      const run = bench(...own, '--workload', 'thread-churn', '--workload', 'burst-1', '--output', output);
      expect(run.stderr).toBe('');
      expect(run.status).toBe(0);
      for (const text of [`time / ${system}`, `peak resident memory / ${system}`, 'when idle', 'geometric mean of 2']) {
        expect(run.stdout).toContain(text);
      }
      const { cells } = JSON.parse(readFileSync(output, 'utf8'));
      expect(cells).toHaveLength(4);
      for (const { runs } of cells) {
        expect(runs[0].timeMs).toBeGreaterThan(0);
        expect(runs[0].peakBytes).toBeGreaterThan(2 ** 18);
      }
      expect(readFileSync(output.replace('.json', '.html'), 'utf8')).toContain('thread-churn-4');
    },
    LIMIT_MS,
  );

  test(
    'scaling: throughput and memory by threads',
    () => {
      const output = path.join(folder, 'scaling.json');
      const run = bench(...own, '--threads', '1,2', '--workload', 'producer-consumer', '--output', output);
      expect(run.status).toBe(0);
      expect(run.stdout).toContain('producer-consumer: throughput, times that with 2 threads');
      expect(run.stdout).toMatch(/2 threads +1\.00 +1\.00/);
    },
    LIMIT_MS,
  );

  test('what is not there is left out', () => {
    const run = bench(
      ...own,
      '--external',
      folder,
      '--workload',
      'mb-cfrac',
      '--output',
      path.join(folder, 'none.json'),
    );
    expect(run.stdout).toContain("mb-cfrac: cfrac is not built in the suite's folder");
    expect(run.status).toBe(0);
  });

  test.each([
    [['--workload', 'none'], "there is no workload 'none'"],
    [['--contender', 'none'], "there is no contender 'none'"],
    [['--reference', 'none'], "the reference 'none' does not take part"],
    [['--threads', '0'], '--threads takes whole numbers'],
    [['--peer', 'other=/none.so'], "there is no library '/none.so'"],
    [['--surprise'], '--surprise'],
  ])('a mistake: %j', (words, message) => {
    const run = bench('--quick', ...words);
    expect(run.stderr).toContain(message);
    expect(run.status).toBe(2);
  });
});

describe('figures', () => {
  interface Summary {
    tables: { name: string; means: Record<string, number | null>; meanOf: number }[];
    warnings: string[];
  }
  const run = (timeMs: number, peakBytes: number) => ({ timeMs, peakBytes });
  const cell = (workload: string, contender: string, ...runs: object[]) => ({
    workload,
    contender,
    failed: null,
    runs,
  });

  test('ratios of medians, and means over what all have', async () => {
    const { summarise } = await load<{ summarise(results: object): Summary }>('malloc/summary.mjs');
    const { tables, warnings } = summarise({
      reference: 'a',
      contenders: [{ name: 'a' }, { name: 'b' }],
      workloads: [{ id: 'x' }, { id: 'y' }, { id: 'z' }],
      cells: [
        cell('x', 'a', run(10, 4), run(1000, 4), run(11, 4)),
        cell('x', 'b', run(22, 2), run(22, 2), run(22, 2)),
        cell('y', 'a', run(10, 1)),
        cell('y', 'b', run(5, 8)),
        cell('z', 'a', run(10, 1)),
        { ...cell('z', 'b'), failed: 'it crashed' },
      ],
      machine: { loadBefore: 0 },
      variables: {},
      settings: { quick: false, threads: null },
    });
    expect(tables.map(({ name }) => name)).toEqual(['time', 'memory']);
    expect(tables[0].means.b).toBeCloseTo(1);
    expect(tables[1].means.b).toBeCloseTo(2);
    expect(tables[0].meanOf).toBe(2);
    expect(warnings[0]).toContain('b at z failed: it crashed');
  });

  test('times read from what programs print', async () => {
    type Rows = { id: string; timeMs?(output: string): number }[];
    const { externalWorkloads } = await load<{ externalWorkloads(suite: string, options: object): Rows }>(
      'malloc/external.mjs',
    );
    const rows = externalWorkloads(folder, { quick: false });
    const timeOf = (id: string, output: string) => rows.find((row) => row.id === id)?.timeMs?.(output);
    expect(timeOf('mb-larson-2', 'Throughput = 5 operations per second, relative time: 2.500s.')).toBe(2500);
    expect(timeOf('mb-glibc-thread-2', '500000000 iterations\n')).toBe(2000);
    expect(timeOf('mb-rptest-2', 'ops: ........1000000 memory ops/CPU second')).toBe(2000);
    expect(() => timeOf('mb-larson-2', 'nothing')).toThrow('did not print');
  });
});
