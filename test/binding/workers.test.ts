/*
 * A worker may end at any moment and in any way: no crash, and all that it held goes back.
 *
 * The moment that bites: Node detaches external ArrayBuffers when an environment ends, and since Node 24 that aborts the
 * process where they were marked as untransferable; see native/binding/slab_memory.h.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Addon, addonFile, isBuilt, loadAddon } from './addon';

const ENDINGS = ['by itself', 'process.exit', 'an error', 'terminated in a loop', 'terminated between turns'] as const;

describe.runIf(isBuilt)('workers', () => {
  let addon: Addon;
  beforeAll(() => {
    addon = loadAddon();
  });

  async function runWorker(ending: string, delay: number): Promise<void> {
    const worker = new Worker(join(__dirname, 'endless.cjs'), { workerData: { addonFile, ending }, execArgv: [] });
    const exited = new Promise((resolve) => worker.on('exit', resolve));
    const started = new Promise((resolve) => worker.on('message', resolve));
    worker.on('error', (error) => expect(error.message).toBe('as told'));
    await Promise.race([started, exited]);
    if (ending.startsWith('terminated')) {
      await new Promise((resolve) => setTimeout(resolve, delay));
      await worker.terminate();
    }
    await exited;
  }

  test.each(ENDINGS)('ended %s: everything goes back', async (ending) => {
    const before = addon.stats();
    for (let i = 0; i < 10; i++) await Promise.all([runWorker(ending, i), runWorker(ending, i * 3)]);
    const after = addon.stats();
    expect(after.bytes.live).toBe(before.bytes.live);
    expect(after.blocks.live).toBe(before.blocks.live);
    expect(after.bytes.reserved).toBeLessThanOrEqual(before.bytes.reserved);
  });

  test('terminated before it has begun', async () => {
    for (let i = 0; i < 20; i++) {
      const workerData = { addonFile, ending: 'terminated in a loop' };
      const worker = new Worker(join(__dirname, 'endless.cjs'), { workerData, execArgv: [] });
      await new Promise((resolve) => setTimeout(resolve, i * 2));
      await worker.terminate();
    }
    expect(addon.stats().bytes.live).toBe(0);
  });
});
