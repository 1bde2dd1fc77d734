/** `npm run bench -- servers`: every example server in every version, loaded for a moment, without an error and without a leak. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BENCH } from './support';

const folder = mkdtempSync(path.join(tmpdir(), 'hakmem-servers-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Processes start for each measurement, which takes its time where much else runs. */
const LIMIT_MS = 180_000;

interface Results {
  cells: { case: string; versions: { name: string; results: { requests: number; liveBuffers: number }[] }[] }[];
}

function servers(...words: string[]) {
  return spawnSync(process.execPath, [path.join(BENCH, 'run.mjs'), 'servers', ...words], { encoding: 'utf8' });
}

test(
  'both servers answer in every version, and keep no Buffer',
  () => {
    const json = path.join(folder, 'figures.json');
    const run = servers('--quick', '--only', 'files-256k', '--only', 'echo-64k', '--connections', '2', '--json', json);
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout).toContain('0 errors, 0 Buffers not given back');
    const { cells } = JSON.parse(readFileSync(json, 'utf8')) as Results;
    expect(cells.map(({ versions }) => versions.length)).toEqual([4, 3]);
    for (const { results } of cells.flatMap(({ versions }) => versions)) {
      expect(results).toHaveLength(1);
      expect(results[0].requests).toBeGreaterThan(0);
    }
  },
  LIMIT_MS,
);

test('a case that is not there is an error', () => {
  const run = servers('--only', 'none');
  expect(run.status).toBe(2);
  expect(run.stderr).toContain('there is no case none');
});
