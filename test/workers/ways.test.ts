/** Buffers move between threads by every way that a message can go, and arrive as they were, without a copy. */
import { once } from 'node:events';
import path from 'node:path';
import { BroadcastChannel, MessageChannel, type Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { afterEach, describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { isFullOf } from '../conformance/support/bytes';
import { answer, BUILT, end, start } from './support';

const SIZES = [0, 10, 4096, 40_000, 3 * 2 ** 20];
const { share: asText } = hakmem.backend.capabilities;

const pool = hakmem.createPool({ shared: true });

/** In a worker: adopts a handle, checks its bytes, and sends the Buffer back with others. */
const INCREMENT = `
  function increment(handle) {
    const buffer = pool.adopt(handle);
    for (let n = 0; n < buffer.length; n++) buffer[n] += 1;
    return pool.share(buffer);
  }`;

function sent(size: number): hakmem.BufferHandle {
  return pool.share(pool.alloc(size, 41));
}

function expectArrived(handle: hakmem.BufferHandle, size: number, byte = 42): void {
  const buffer = pool.adopt(handle);
  expect([buffer.length, isFullOf(buffer, byte)]).toEqual([size, true]);
  pool.free(buffer);
}

describe('a shared Buffer goes', () => {
  const workers: Worker[] = [];
  const before = hakmem.stats().blocks.live;

  function run(body: string, workerData?: unknown): Worker {
    const worker = start(INCREMENT + body, { workerData });
    workers.push(worker);
    return worker;
  }

  afterEach(async () => {
    await Promise.all(workers.splice(0).map(end));
    expect(hakmem.stats().blocks.live).toBe(before);
  });

  it.each(SIZES)('to a worker and back by postMessage: %i bytes', async (size) => {
    const worker = run(`parentPort.on('message', (handle) => parentPort.postMessage(increment(handle)));`);
    worker.postMessage(sent(size));
    expectArrived(await answer(worker), size);
  });

  it.each(SIZES)('to a worker as workerData: %i bytes', async (size) => {
    const worker = run('parentPort.postMessage({ deep: [increment(workerData.handle)] });', { handle: sent(size) });
    const message = await answer<{ deep: [hakmem.BufferHandle] }>(worker);
    expectArrived(message.deep[0], size);
  });

  it.each(SIZES)('from a worker that ends at once: %i bytes', async (size) => {
    const worker = run('parentPort.postMessage(pool.share(pool.alloc(workerData, 42)));', size);
    const exited = once(worker, 'exit');
    const handle = await answer<hakmem.BufferHandle>(worker);
    await exited;
    expectArrived(handle, size);
  });

  it('from a worker that does nothing more: what is freed is live no more, though it has not collected it', async () => {
    const before = hakmem.stats().blocks.live;
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const body = `const handles = workerData.sizes.map((size) => pool.share(pool.alloc(size)));
      pool.trim(); // its cache is live for others
      parentPort.postMessage(handles);
      Atomics.wait(workerData.flag, 0, 0);`;
    const worker = run(body, { sizes: SIZES, flag });
    for (const handle of await answer<hakmem.BufferHandle[]>(worker)) {
      pool.free(pool.adopt(handle));
    }
    pool.trim();
    expect(hakmem.stats().blocks.live).toBe(before);
    const exited = once(worker, 'exit');
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    await exited;
  });

  it.each(SIZES)('through a MessageChannel, from worker to worker: %i bytes', async (size) => {
    const { port1, port2 } = new MessageChannel();
    const first = run(`parentPort.once('message', ({ port, handle }) => port.postMessage(increment(handle)));`);
    const second = run(`parentPort.once('message', ({ port }) =>
      port.once('message', (handle) => parentPort.postMessage(increment(handle))));`);
    second.postMessage({ port: port2 }, [port2]);
    first.postMessage({ port: port1, handle: sent(size) }, [port1]);
    expectArrived(await answer(second), size, 43);
  });

  it('through a BroadcastChannel, to the one that adopts it first', async () => {
    const name = `hakmem ${Math.random()}`;
    const body = `const channel = new Channel(workerData);
      channel.onmessage = ({ data }) => {
        try { parentPort.postMessage({ handle: increment(data) }); } catch (error) { parentPort.postMessage({ code: error.code }); }
      };
      parentPort.postMessage('ready');`;
    const listeners = [0, 1, 2, 3].map(() => run(body, name));
    await Promise.all(listeners.map(answer));
    const channel = new BroadcastChannel(name);
    const answers = listeners.map((worker) => answer<{ handle?: hakmem.BufferHandle; code?: string }>(worker));
    channel.postMessage(sent(5000));
    const outcomes = await Promise.all(answers);
    channel.close();
    expect(outcomes.map(({ code }) => code).filter(Boolean)).toEqual(Array(3).fill('ERR_HAKMEM_MOVED'));
    expectArrived(outcomes.find(({ handle }) => handle)?.handle as hakmem.BufferHandle, 5000);
  });

  it.runIf(asText)('as text, too', async () => {
    const worker = run(
      `parentPort.on('message', (text) => parentPort.postMessage(JSON.stringify(increment(JSON.parse(text)))));`,
    );
    worker.postMessage(JSON.stringify(sent(100)));
    expectArrived(JSON.parse(await answer<string>(worker)) as hakmem.BufferHandle, 100);
  });

  it('in a stream of many, freed where they are', async () => {
    const worker = run(`let sum = 0;
      parentPort.on('message', (handles) => {
        if (handles === 'end') return parentPort.postMessage(sum);
        for (const handle of handles) { const buffer = pool.adopt(handle); sum += buffer[buffer.length - 1]; pool.free(buffer); }
      });`);
    const pool = hakmem.createPool({ shared: true });
    for (let round = 0; round < 50; round++) {
      worker.postMessage(Array.from({ length: 100 }, (_, n) => pool.share(pool.alloc(1 + ((n * 997) % 50_000), 1))));
    }
    worker.postMessage('end');
    expect(await answer(worker)).toBe(5000);
    await end(worker);
    expect(pool.stats().blocks.live).toBe(0);
    pool.trim();
    expect(pool.stats().bytes).toMatchObject({ live: 0, cached: 0, committed: 0 });
    pool.destroy();
  });
});

describe('piscina', () => {
  it('runs tasks whose arguments and results are shared Buffers', async () => {
    const before = hakmem.stats().blocks.live;
    const filename = path.join(__dirname, 'piscina-task.cjs');
    const threads = new Piscina({ filename, minThreads: 2, maxThreads: 2, workerData: { BUILT } });
    const results = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const task = { handle: sent(n * 500), spare: pool.share(pool.alloc(100)) };
        const { handle, hash } = (await threads.run(task)) as { handle: hakmem.BufferHandle; hash: string };
        expectArrived(handle, n * 500);
        return hash.length;
      }),
    );
    expect(new Set(results)).toEqual(new Set([64]));
    await threads.destroy();
    expect(hakmem.stats().blocks.live).toBe(before);
  });
});
