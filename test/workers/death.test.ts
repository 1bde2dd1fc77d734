/** The end of a thread that shared or adopted: what others hold stays, what it held goes back, what is in flight can still arrive. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { isFullOf } from '../conformance/support/bytes';
import { outcome } from '../conformance/support/outcome';
import { answer, BUILT, end, start } from './support';

const SIZES = [0, 100, 5000, 40_000, 300_000, 3 * 2 ** 20];
const ENDINGS: Record<string, string> = {
  'by itself': 'parentPort.close();',
  'by process.exit': 'process.exit(3);',
  'by an error': `throw new Error('on purpose');`,
  terminated: 'for (;;) hakmem.free(hakmem.allocUnsafe((Math.random() * 100_000) | 0));',
};

/** Runs a worker that answers once and ends in one of those ways. */
async function run<T>(body: string, ending: string, workerData?: unknown): Promise<T> {
  const worker = start(`${body} setTimeout(() => { ${ENDINGS[ending]} }, 1);`, { workerData });
  worker.on('error', (error) => expect(error.message).toBe('on purpose'));
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const message = await answer<T>(worker);
  if (ending === 'terminated') {
    await end(worker);
  }
  await exited;
  return message;
}

const live = (): number => hakmem.stats().bytes.live;

describe.runIf(hakmem.backend.capabilities.share).each(Object.keys(ENDINGS))('a worker that ends %s', (ending) => {
  it('leaves the Buffers that others adopted from it as they are', async () => {
    const before = live();
    const body = `
      const rest = workerData.map((size) => hakmem.alloc(size, 1));
      parentPort.postMessage(workerData.map((size, n) => hakmem.share(hakmem.alloc(size, 10 + n))));`;
    const handles = await run<hakmem.BufferHandle[]>(body, ending, SIZES);
    const buffers = handles.map((handle) => hakmem.adopt(handle));
    const others = SIZES.map((size) => hakmem.alloc(size, 99));
    buffers.forEach((buffer, n) => {
      expect([buffer.length, isFullOf(buffer, 10 + n)]).toEqual([SIZES[n], true]);
      expect(isFullOf(buffer.fill(1), 1)).toBe(true);
    });
    for (const buffer of [...buffers, ...others]) {
      hakmem.free(buffer);
    }
    hakmem.trim();
    expect(live()).toBe(before);
  });

  it('gives back what it had adopted, cached, and handed on', async () => {
    const before = live();
    const pool = hakmem.createPool();
    const body = `
      const buffers = workerData.map((handle) => hakmem.adopt(handle));
      buffers.filter((_, n) => n % 3 === 0).forEach((buffer) => hakmem.free(buffer));
      parentPort.postMessage(buffers.filter((_, n) => n % 3 === 1).map((buffer) => hakmem.share(buffer)));`;
    const sent = SIZES.flatMap((size) => [0, 1, 2].map(() => pool.share(pool.alloc(size, 5))));
    const handles = await run<hakmem.BufferHandle[]>(body, ending, sent);
    expect(pool.stats().blocks.live).toBe(0);
    for (const handle of handles) {
      const buffer = pool.adopt(handle);
      expect(isFullOf(buffer, 5)).toBe(true);
      pool.free(buffer);
    }
    for (const handle of sent) {
      expect(outcome(() => pool.adopt(handle))).toHaveProperty('error.code', 'ERR_HAKMEM_MOVED');
    }
    pool.trim();
    expect(pool.stats().bytes).toMatchObject({ live: 0, cached: 0, committed: 0 });
    pool.destroy();
    expect(live()).toBe(before);
  });

  it('leaves what it was sent and did not adopt to the sender', async () => {
    const before = live();
    const handles = SIZES.map((size) => hakmem.share(hakmem.alloc(size, 6)));
    await run(`parentPort.postMessage('not now');`, ending, handles);
    for (const handle of handles) {
      const buffer = hakmem.adopt(handle);
      expect(isFullOf(buffer, 6)).toBe(true);
      hakmem.free(buffer);
    }
    expect(live()).toBe(before);
  });

  it('between two that live: its Buffer goes on', async () => {
    const before = live();
    const receiver: Worker = start(`parentPort.once('message', (handle) => {
      const buffer = hakmem.adopt(handle);
      parentPort.postMessage(buffer.toString());
      parentPort.once('message', () => { hakmem.free(buffer); parentPort.postMessage('freed'); });
    });`);
    const handle = await run('parentPort.postMessage(hakmem.share(hakmem.from(workerData)));', ending, 'bequeathed');
    receiver.postMessage(handle);
    expect(await answer(receiver)).toBe('bequeathed');
    receiver.postMessage('free it');
    expect(await answer(receiver)).toBe('freed');
    await end(receiver);
    expect(live()).toBe(before);
  });
});

describe.runIf(hakmem.backend.capabilities.share)('a handle without a sender', () => {
  /** Runs a script of its own, for the time is read when the module is loaded. */
  async function script(body: string): Promise<unknown> {
    const head = `const hakmem = require(${JSON.stringify(BUILT)}); const { Worker } = require('node:worker_threads');
      const code = (call) => { try { return call().toString(); } catch (error) { return error.code; } };
      const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      (async () => { ${body} })();`;
    const env = { ...process.env, HAKMEM_SHARE_GRACE_MS: '300' };
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '-e', head], { env });
    return JSON.parse(stdout);
  }

  it('is good for the time that an option says, and then its memory goes back', async () => {
    const body = `
      const worker = new Worker(\`const hakmem = require(${JSON.stringify(BUILT)});
        require('worker_threads').parentPort.postMessage(['in time', 'late'].map((text) => hakmem.share(hakmem.from(text))));\`, { eval: true });
      const handles = await new Promise((resolve) => worker.once('message', resolve));
      await new Promise((resolve) => worker.once('exit', resolve));
      const buffer = hakmem.adopt(handles[0]);
      const texts = [buffer.toString()];
      hakmem.free(buffer);
      hakmem.trim();
      const between = hakmem.stats().blocks.live;
      await sleep(400);
      texts.push(code(() => hakmem.adopt(handles[1])), between, hakmem.stats().blocks.live, hakmem.stats().bytes.reserved);
      console.log(JSON.stringify(texts));`;
    expect(await script(body)).toEqual(['in time', 'ERR_HAKMEM_DESTROYED', 1, 0, 0]);
  });

  it('outlives its pool as long, where that was collected and not destroyed', async () => {
    const body = `
      let handles = (() => { const pool = hakmem.createPool(); return [1, 2].map((n) => pool.share(pool.from('text ' + n))); })();
      for (let n = 0; n < 5; n++) { global.gc(); await sleep(5); }
      const buffer = hakmem.adopt(handles[0]);
      const texts = [buffer.toString()];
      hakmem.free(buffer);
      await sleep(400);
      texts.push(code(() => hakmem.adopt(handles[1])), hakmem.stats().blocks.live);
      console.log(JSON.stringify(texts));`;
    expect(await script(body)).toEqual(['text 1', 'ERR_HAKMEM_DESTROYED', 0]);
  });

  it('of another process names nothing', async () => {
    const handle = await script(`console.log(JSON.stringify(hakmem.share(hakmem.alloc(10))));`);
    expect(outcome(() => hakmem.adopt(handle as hakmem.BufferHandle))).toHaveProperty(
      'error.code',
      'ERR_HAKMEM_NOT_OWNED',
    );
  });
});
