/**
 * Workers that end at random moments with shares in flight: nothing is left, nothing is spoiled. HAKMEM_WORKERS says how many workers;
 * `HAKMEM_WORKERS=1000 node test/workers/stress.cjs` is the same by hand, on any Node.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { backend } from '../../lib/index';

interface Result {
  started: number;
  adopted: number;
  wrong: number;
  left: { blocks: number; bytes: number };
  committedMiB: number;
}

describe.runIf(backend.capabilities.share)('workers that end at random moments', () => {
  it('leave no block and no memory', { timeout: 600_000 }, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [path.join(__dirname, 'stress.cjs')]);
    const result = JSON.parse(stdout) as Result;
    expect(result).toMatchObject({ wrong: 0, left: { blocks: 0, bytes: 0 }, committedMiB: 0 });
    expect(result.started).toBeGreaterThan(0);
    expect(result.adopted).toBeGreaterThan(0);
  });
});
