/** One of the two threads of exchange.mjs. It answers 'start', 'mark' (how far it is) and 'stop' (with its totals). */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { CONTENDERS } from '../contenders.mjs';
import { countCollections } from '../measure/collections.mjs';
import { BATCH, WINDOW } from './exchange.mjs';
import { touch } from './touch.mjs';

const { role, contender, moves, size, shared, port } = workerData;
const way = makeWay();
const progress = { count: 0, sum: 0, underWay: 0, stopping: null };
const collections = countCollections();

const ROLES = { producer: produce, consumer: consume };
ROLES[role]();

parentPort.on('message', async (question) => {
  if (question === 'start') {
    sendMore();
  }
  if (question === 'stop') {
    await stopped();
    port.close();
    parentPort.postMessage({ ...progress, stopping: null, collections: await collections.stop() });
    return;
  }
  parentPort.postMessage({ count: progress.count });
});

function produce() {
  port.on('message', () => {
    progress.underWay--;
    sendMore();
  });
}

function sendMore() {
  while (progress.underWay < WINDOW && progress.stopping === null) {
    const buffers = [];
    for (let n = 0; n < BATCH; n++) {
      const buffer = way.alloc(progress.count);
      touch(buffer, size, progress.count++);
      buffers.push(buffer);
    }
    port.postMessage(buffers.map(way.send), way.transfers ? buffers.map(({ buffer }) => buffer) : []);
    progress.underWay++;
  }
  if (progress.underWay === 0) {
    progress.stopping?.();
  }
}

/** The producer has stopped when all that it sent was received; the consumer is asked only then. */
function stopped() {
  return role === 'consumer' || progress.underWay === 0
    ? undefined
    : new Promise((resolve) => {
        progress.stopping = resolve;
      });
}

function consume() {
  port.on('message', (messages) => {
    for (const message of messages) {
      const buffer = way.receive(message);
      progress.sum = (progress.sum + buffer[0] + buffer[size - 1]) | 0;
      progress.count++;
      way.free(buffer);
    }
    port.postMessage('done');
  });
}

function makeWay() {
  if (moves === 'shared') {
    const view = (at) => new Uint8Array(shared, at, size);
    return {
      alloc: (count) => view((count % (BATCH * WINDOW)) * size),
      send: ({ byteOffset }) => byteOffset,
      receive: view,
      free() {},
    };
  }
  if (moves === 'share') {
    const hakmem = createRequire(import.meta.url)('../../dist/index.js');
    return {
      alloc: () => hakmem.allocUnsafe(size),
      send: (buffer) => hakmem.share(buffer),
      receive: (handle) => hakmem.adopt(handle),
      free: (buffer) => hakmem.free(buffer),
    };
  }
  const { alloc, free } = CONTENDERS.find(({ name }) => name === contender).make();
  return { alloc: () => alloc(size), send: (buffer) => buffer, receive: (buffer) => buffer, free, transfers: true };
}
