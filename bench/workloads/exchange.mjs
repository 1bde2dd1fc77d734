/**
 * Producer and consumer in two worker threads: the one allocates Buffers and writes them, the other reads and frees them.
 *
 *     producer   --- batch of Buffers --->   consumer          a few batches under way at any time
 *                <------- "done" ---------
 *
 * How a Buffer gets across is the contender's `moves`:
 *
 *     transfer   postMessage with its ArrayBuffer in the transfer list, as it is done today; the collector frees it over there
 *     share      hakmem's share and adopt
 *     shared     an offset into one SharedArrayBuffer: the limit
 */
import { setTimeout } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import { addCollections } from '../measure/collections.mjs';
import { peakResidentBytes } from '../measure/memory.mjs';
import { expectedSum } from './touch.mjs';

export const BATCH = 16;
export const WINDOW = 4;
const SIZE = 65_536;
/** Two threads that have just started meet fresh memory and code that is not compiled; so few milliseconds would measure that. */
const WARM_UP = 10_000;
const POLL_MS = 5;

export const cases = [
  {
    id: 'exchange',
    title: 'producer and consumer',
    about: `two workers: one allocates and writes Buffers of 64 KiB, the other reads and frees them; ${BATCH} a message`,
    quick: false,
    threads: true,
    size: SIZE,
    maxSize: SIZE,
    maxLive: BATCH * WINDOW,
    maxLiveBytes: BATCH * WINDOW * SIZE,
    warmUp: WARM_UP,
  },
];

/** @returns the same as other workloads, but for single calls. */
export async function measure({ size, warmUp }, { name, moves, hakmem }, durationMs) {
  if (moves === 'share') {
    checkShares(hakmem);
  }
  const { port1, port2 } = new MessageChannel();
  const shared = moves === 'shared' ? new SharedArrayBuffer(BATCH * WINDOW * size) : null;
  const start = (role, port) =>
    startWorker({ workerData: { role, contender: name, moves, size, shared, port }, transferList: [port] });
  const [producer, consumer] = [start('producer', port1), start('consumer', port2)];
  try {
    await ask(producer, 'start');
    await setTimeout(durationMs / 4);
    await received(consumer, warmUp);
    const before = await Promise.all([ask(producer, 'mark'), ask(consumer, 'mark')]);
    const cpuBefore = process.cpuUsage();
    const startMs = performance.now();
    await setTimeout(durationMs);
    const after = await Promise.all([ask(producer, 'mark'), ask(consumer, 'mark')]);
    const elapsedMs = performance.now() - startMs;
    const { user, system } = process.cpuUsage(cpuBefore);
    const operations = after[1].count - before[1].count;
    const peak = peakResidentBytes();
    const ends = [await ask(producer, 'stop'), await ask(consumer, 'stop')];
    if (ends[0].count !== ends[1].count || ends[1].sum !== expectedSum(ends[1].count)) {
      throw new Error(`${ends[0].count} Buffers sent, ${ends[1].count} received, sum ${ends[1].sum}`);
    }
    return {
      nsPerOperation: (elapsedMs * 1e6) / operations,
      cpuNsPerOperation: ((user + system) * 1000) / operations,
      operations,
      elapsedMs,
      collections: addCollections(ends.map(({ collections }) => collections)),
      calls: null,
      peakResidentBytes: peak,
    };
  } finally {
    await Promise.all([producer.terminate(), consumer.terminate()]);
  }
}

async function received(consumer, count) {
  while ((await ask(consumer, 'mark')).count < count) {
    await setTimeout(POLL_MS);
  }
}

/** @throws with the code that stands for a contender which cannot take part. */
function checkShares({ share, backend }) {
  if (share === undefined || !backend.capabilities.share) {
    const error = new Error(`the ${backend.name} backend cannot move Buffers to another thread`);
    throw Object.assign(error, { code: 'ERR_HAKMEM_NOT_SHAREABLE' });
  }
}

function startWorker(options) {
  const worker = new Worker(new URL('./exchange-worker.mjs', import.meta.url), options);
  worker.failed = new Promise((_, reject) => worker.once('error', reject));
  worker.failed.catch(() => {}); // whoever asks next is told
  return worker;
}

/** @returns the worker's answer to one question. */
function ask(worker, question) {
  const answer = new Promise((resolve) => worker.once('message', resolve));
  worker.postMessage(question);
  return Promise.race([answer, worker.failed]);
}
