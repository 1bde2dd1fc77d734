/**
 * Workers that end at random moments with shares in flight: nothing is left, nothing is spoiled. Few of them here; a thousand by hand, on
 * any Node: `node test/workers/storm.mjs --workers 1000`. HAKMEM_WORKERS says how many.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { backend } from '../../lib/index';

interface Result {
  backend: string;
  started: number;
  adopted: number;
  wrong: number;
  left: { blocks: number; bytes: number };
  committedMiB: number;
}

describe('workers that end at random moments', () => {
  it('leave no block and no memory', { timeout: 600_000 }, async () => {
    const { HAKMEM_WORKERS: workers = '40', HAKMEM_SEED: seed } = process.env;
    const flags = ['--workers', workers, ...(seed === undefined ? [] : ['--seed', seed])];
    const storm = promisify(execFile)(process.execPath, [path.join(__dirname, 'storm.mjs'), ...flags]);
    const { stdout, stderr } = await storm;
    console.log(stderr.split('\n', 1)[0]);
    const result = JSON.parse(stdout) as Result;
    expect(result).toMatchObject({ backend: backend.name, wrong: 0, left: { blocks: 0, bytes: 0 }, committedMiB: 0 });
    expect(result.started).toBeGreaterThan(0);
    expect(result.adopted).toBeGreaterThan(0);
  });
});
