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
  terminated: 'for (;;) pool.free(pool.allocUnsafe((Math.random() * 100_000) | 0));',
};

/** Runs a worker that answers once and ends in one of those ways, when its answer has arrived. */
async function run<T>(body: string, ending: string, workerData?: unknown): Promise<T> {
  const worker = start(`${body} parentPort.once('message', () => { ${ENDINGS[ending]} });`, { workerData });
  const message = await answer<T>(worker);
  worker.on('error', (error) => expect(error.message).toBe('on purpose'));
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  worker.postMessage('end');
  if (ending === 'terminated') {
    await end(worker);
  }
  await exited;
  return message;
}

/** How long a handle without a sender is good: longer than any test takes; and so short that a test sees it pass, however long it takes. */
const FOREVER_MS = 24 * 3600 * 1000;
const SOON_MS = 20;
/** How long a script may take, which is far longer than it needs. */
const PATIENCE_MS = 50_000;

const { share: isNative } = hakmem.backend.capabilities;
const pool = hakmem.createPool({ shared: true });
const live = (): number => hakmem.stats().bytes.live;

describe.each(Object.keys(ENDINGS))('a worker that ends %s', (ending) => {
  it('leaves the Buffers that others adopted from it as they are', async () => {
    const before = live();
    const body = `
      const rest = workerData.map((size) => pool.alloc(size, 1));
      parentPort.postMessage(workerData.map((size, n) => pool.share(pool.alloc(size, 10 + n))));`;
    const handles = await run<hakmem.BufferHandle[]>(body, ending, SIZES);
    const buffers = handles.map((handle) => pool.adopt(handle));
    const others = SIZES.map((size) => pool.alloc(size, 99));
    buffers.forEach((buffer, n) => {
      expect([buffer.length, isFullOf(buffer, 10 + n)]).toEqual([SIZES[n], true]);
      expect(isFullOf(buffer.fill(1), 1)).toBe(true);
    });
    for (const buffer of [...buffers, ...others]) {
      pool.free(buffer);
    }
    hakmem.trim();
    expect(live()).toBe(before);
  });

  it('gives back what it had adopted, cached, and handed on', async () => {
    const before = live();
    const pool = hakmem.createPool({ shared: true });
    const body = `
      const buffers = workerData.map((handle) => pool.adopt(handle));
      buffers.filter((_, n) => n % 3 === 0).forEach((buffer) => pool.free(buffer));
      parentPort.postMessage(buffers.filter((_, n) => n % 3 === 1).map((buffer) => pool.share(buffer)));`;
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
    const handles = SIZES.map((size) => pool.share(pool.alloc(size, 6)));
    await run(`parentPort.postMessage('not now');`, ending, handles);
    for (const handle of handles) {
      const buffer = pool.adopt(handle);
      expect(isFullOf(buffer, 6)).toBe(true);
      pool.free(buffer);
    }
    expect(live()).toBe(before);
  });

  it('between two that live: its Buffer goes on', async () => {
    const before = live();
    const receiver: Worker = start(`parentPort.once('message', (handle) => {
      const buffer = pool.adopt(handle);
      parentPort.postMessage(buffer.toString());
      parentPort.once('message', () => { pool.free(buffer); parentPort.postMessage('freed'); });
    });`);
    const handle = await run('parentPort.postMessage(pool.share(pool.from(workerData)));', ending, 'bequeathed');
    receiver.postMessage(handle);
    expect(await answer(receiver)).toBe('bequeathed');
    receiver.postMessage('free it');
    expect(await answer(receiver)).toBe('freed');
    await end(receiver);
    expect(live()).toBe(before);
  });
});

describe('a worker that is terminated', () => {
  it('gives back what it held though its owner has nothing else to do, and its own workers with it', async () => {
    const before = live();
    const inner = `const { parentPort, workerData, Worker } = require('node:worker_threads');
      const pool = require(workerData.BUILT).createPool({ shared: true });
      const held = workerData.handles.map((handle) => pool.adopt(handle));
      parentPort.postMessage('held');
      setInterval(() => held, 1000);`;
    const outer = start(
      `const { Worker } = require('node:worker_threads');
      const held = workerData.handles[0].map((handle) => pool.adopt(handle));
      const worker = new Worker(workerData.inner, { eval: true, workerData: { ...workerData, handles: workerData.handles[1] } });
      worker.once('message', () => parentPort.postMessage('held'));
      setInterval(() => held, 1000);`,
      {
        workerData: {
          BUILT,
          inner,
          handles: [1, 2].map((byte) => SIZES.map((size) => pool.share(pool.alloc(size, byte)))),
        },
      },
    );
    expect(await answer(outer)).toBe('held');
    expect(live()).toBeGreaterThan(before);
    await end(outer);
    expect(live()).toBe(before);
  });
});

describe.runIf(!isNative)('where the memory travels with the handle', () => {
  it('a handle is good as long as somebody has it, though its thread has ended', async () => {
    const handles = await run<hakmem.BufferHandle[]>(
      'parentPort.postMessage(workerData.map((size) => pool.share(pool.alloc(size, 4))));',
      'terminated',
      SIZES,
    );
    const other = hakmem.createPool({ shared: true });
    const buffers = handles.map((handle) => other.adopt(pool.share(pool.adopt(handle))));
    buffers.forEach((buffer, n) => {
      expect([buffer.length, isFullOf(buffer, 4)]).toEqual([SIZES[n], true]);
    });
    other.destroy();
    for (const handle of handles) {
      expect(outcome(() => pool.adopt(handle))).toHaveProperty('error.code', 'ERR_HAKMEM_MOVED');
    }
  });

  it('a Buffer that was handed on by a thread that has ended is good for a while, and then goes back', async () => {
    const body = `
      const pool = hakmem.createPool({ shared: true });
      const source = \`const { parentPort, workerData } = require('worker_threads');
        const pool = require(workerData.built).createPool({ shared: true });
        parentPort.postMessage(pool.share(pool.adopt(workerData.handle)));\`;
      const worker = new Worker(source, { eval: true, workerData: { handle: pool.share(pool.from('text')), built: BUILT } });
      const sent = await lastWord(worker);
      const live = hakmem.stats().blocks.live;`;
    const inTime = `${body} console.log(JSON.stringify([live, code(() => pool.adopt(sent)), pool.stats().blocks.live]));`;
    expect(await script(inTime, FOREVER_MS)).toEqual([1, 'text', 1]);
    const late = `${body} while (hakmem.stats().blocks.live > 0) await sleep(5);
      console.log(JSON.stringify([code(() => pool.adopt(sent)), pool.stats().blocks.live]));`;
    expect(await script(late, SOON_MS)).toEqual(['ERR_HAKMEM_DESTROYED', 0]);
  });

  it('a pool that was collected and not destroyed gives back what it held', async () => {
    const body = `
      const pool = hakmem.createPool({ shared: true });
      (() => {
        const other = hakmem.createPool({ shared: true });
        for (let n = 0; n < 100; n++) other.free(other.adopt(pool.share(pool.alloc(1000 + 700 * n))));
      })();
      while (hakmem.stats().operations.remoteFrees < 100 || pool.stats().components.superslab.used > 0) {
        await sleep(5); // what the numbers were read of is kept until the turn is over
        global.gc();
        await sleep(5);
        pool.trim();
      }
      console.log(JSON.stringify(pool.stats().bytes.committed));`;
    expect(await script(body)).toBe(0);
  });
});

/** Runs a script in a process of its own, for the time that a handle is good is read when the module is loaded. */
async function script(body: string, graceMs = FOREVER_MS): Promise<unknown> {
  const head = `const BUILT = ${JSON.stringify(BUILT)}; const hakmem = require(BUILT); const { Worker } = require('node:worker_threads');
    const code = (call) => { try { return call().toString(); } catch (error) { return error.code; } };
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    // Both are listened for at once: what a worker says last may arrive in one turn with its end.
    const lastWord = (worker) => Promise.all(['message', 'exit'].map((event) => new Promise((resolve) => worker.once(event, resolve))))
      .then(([message]) => message);
    (async () => { ${body} })();`;
  const env = { ...process.env, HAKMEM_SHARE_GRACE_MS: String(graceMs) };
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '-e', head], {
    env,
    timeout: PATIENCE_MS,
  });
  return JSON.parse(stdout);
}

describe.runIf(isNative)('a handle without a sender', () => {
  it('is good for the time that an option says, and then its memory goes back', async () => {
    const body = `
      const worker = new Worker(\`const hakmem = require(${JSON.stringify(BUILT)});
        require('worker_threads').parentPort.postMessage(hakmem.share(hakmem.from('text')));\`, { eval: true });
      const handle = await lastWord(worker);`;
    const inTime = `${body}
      hakmem.trim();
      const live = hakmem.stats().blocks.live;
      console.log(JSON.stringify([live, code(() => hakmem.adopt(handle)), hakmem.stats().blocks.live]));`;
    expect(await script(inTime, FOREVER_MS)).toEqual([1, 'text', 1]);
    const late = `${body}
      while (hakmem.stats().blocks.live > 0) await sleep(5);
      console.log(JSON.stringify([code(() => hakmem.adopt(handle)), hakmem.stats().bytes.reserved]));`;
    expect(await script(late, SOON_MS)).toEqual(['ERR_HAKMEM_DESTROYED', 0]);
  });

  it('outlives its pool as long, where that was collected and not destroyed', async () => {
    const body = `
      const handle = (() => { const pool = hakmem.createPool(); return pool.share(pool.from('text')); })();
      const collect = async () => {
        await sleep(5); // what the numbers were read of is kept until the turn is over
        global.gc();
        await sleep(5);
      };`;
    const inTime = `${body}
      while (hakmem.stats().operations.abandoned === 0) await collect();
      console.log(JSON.stringify(code(() => hakmem.adopt(handle))));`;
    expect(await script(inTime, FOREVER_MS)).toBe('text');
    const late = `${body}
      while (hakmem.stats().blocks.live > 0) await collect();
      console.log(JSON.stringify(code(() => hakmem.adopt(handle))));`;
    expect(await script(late, SOON_MS)).toBe('ERR_HAKMEM_DESTROYED');
  });

  it('of another process names nothing', async () => {
    const handle = await script(`console.log(JSON.stringify(hakmem.share(hakmem.alloc(10))));`);
    expect(outcome(() => hakmem.adopt(handle as hakmem.BufferHandle))).toHaveProperty(
      'error.code',
      'ERR_HAKMEM_NOT_OWNED',
    );
  });
});
