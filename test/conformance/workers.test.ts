/** Worker threads: each has its own front end; whatever happens to one, the others go on and nothing leaks. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { isFullOf } from './support/bytes';

// Workers run plain JavaScript: they load what `npm run build:ts` made.
const BUILT = path.join(__dirname, '../../dist/index.js');

beforeAll(() => {
  if (!existsSync(BUILT)) {
    throw new Error('dist/index.js is missing: run `npm run build:ts` first');
  }
});

/** Starts a worker; `body` may use `hakmem` and `parentPort`. */
function start(body: string): Worker {
  const head = `const hakmem = require(${JSON.stringify(BUILT)}); const { parentPort } = require('node:worker_threads');`;
  return new Worker(`${head}\n${body}`, { eval: true });
}

/** @returns the first message of a worker; rejects with its error. */
async function answer(worker: Worker): Promise<unknown> {
  const [message] = (await once(worker, 'message')) as [unknown];
  return message;
}

const HOLD = `
  const held = [];
  for (let n = 0; n < 3000; n++) held.push(hakmem.allocUnsafe((n * 53) % 20000).fill(n & 255));
  held.push(hakmem.allocUnsafe(3 << 20).fill(1));
  for (let n = 0; n < 3000; n += 2) hakmem.free(held[n]);
`;

describe('a worker', () => {
  it('allocates and frees, and ends by itself', async () => {
    const worker = start(`${HOLD}
      let sum = 0;
      for (let n = 1; n < 3000; n += 2) { sum += held[n].every((byte) => byte === (n & 255)) ? 1 : 0; hakmem.free(held[n]); }
      hakmem.free(held[3000]);
      parentPort.postMessage({ sum, backend: hakmem.backend.name });`);
    const exit = once(worker, 'exit');
    expect(await answer(worker)).toEqual({ sum: 1500, backend: hakmem.backend.name });
    expect(await exit).toEqual([0]);
  });

  it('refuses the Buffer that a message brought: it is a copy', async () => {
    const buffer = hakmem.allocUnsafe(100);
    const worker = start(`parentPort.once('message', (bytes) => {
      try { hakmem.free(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)); parentPort.postMessage('freed'); }
      catch (error) { parentPort.postMessage(error.code); }
    });`);
    worker.postMessage(buffer);
    expect(await answer(worker)).toBe('ERR_HAKMEM_NOT_OWNED');
    await worker.terminate();
    hakmem.free(buffer);
  });

  it('that throws takes nothing with it', async () => {
    const mine = hakmem.alloc(5000, 7);
    const worker = start(`${HOLD} throw new Error('on purpose');`);
    const exit = new Promise((resolve) => worker.once('exit', resolve)); // `once` would reject at the error
    const [error] = (await once(worker, 'error')) as [Error];
    expect(error.message).toBe('on purpose');
    await exit; // only then has it given back what it held, which the next test must not count
    expect(isFullOf(mine, 7)).toBe(true);
    hakmem.free(mine);
  });
});

describe('terminated at any moment', () => {
  it('leaves the others unharmed, and all that it held goes back', { timeout: 60_000 }, async () => {
    const mine = Array.from({ length: 200 }, (_, n) => hakmem.allocUnsafe(n * 100).fill(n));
    const before = hakmem.stats().blocks.live;
    for (let round = 0; round < 10; round++) {
      const worker = start(`${HOLD} parentPort.postMessage('holding');
        for (;;) { const b = hakmem.allocUnsafe((Math.random() * 50000) | 0); b[0] = 1; hakmem.free(b); }`);
      await answer(worker);
      await new Promise((resolve) => setTimeout(resolve, round * 3));
      const exited = once(worker, 'exit');
      await worker.terminate();
      await exited;
      mine.forEach((buffer, n) => {
        expect(isFullOf(buffer, n)).toBe(true);
      });
    }
    expect(hakmem.stats().blocks.live).toBe(before);
    for (const buffer of mine) {
      hakmem.free(buffer);
    }
    hakmem.free(hakmem.alloc(10));
  });

  it('several at once', { timeout: 60_000 }, async () => {
    const before = hakmem.stats().blocks.live;
    const workers = Array.from({ length: 6 }, () =>
      start(`${HOLD} parentPort.postMessage('holding'); setInterval(() => 0, 1000);`),
    );
    await Promise.all(workers.map(answer));
    const buffer = hakmem.alloc(1000, 3);
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(isFullOf(buffer, 3)).toBe(true);
    hakmem.free(buffer);
    expect(hakmem.stats().blocks.live).toBe(before);
  });
});
