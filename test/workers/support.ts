/** What the tests of worker threads share. Workers run plain JavaScript: they load what `npm run build:ts` made. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';

export const ROOT = path.join(__dirname, '../..');
export const BUILT = path.join(ROOT, 'dist/index.js');

if (!existsSync(BUILT)) {
  throw new Error('dist/index.js is missing: run `npm run build:ts` first');
}

/** Starts a worker; `body` may use `hakmem`, a shared `pool`, `parentPort`, `workerData` and `Channel`. */
export function start(body: string, options: WorkerOptions = {}): Worker {
  const head = `const hakmem = require(${JSON.stringify(BUILT)});
    const pool = hakmem.createPool({ shared: true });
    const { parentPort, workerData, BroadcastChannel: Channel } = require('node:worker_threads');`;
  return new Worker(`${head}\n${body}`, { eval: true, ...options });
}

/** @returns the next message of a worker; rejects with its error. */
export async function answer<T>(worker: Worker): Promise<T> {
  const [message] = (await once(worker, 'message')) as [T];
  return message;
}

/** Ends a worker, unless it has ended before. */
export async function end(worker: Worker): Promise<void> {
  await worker.terminate();
}
