/**
 * One measurement: one workload, one size, one contender, in this process alone.
 *
 * Operations run in slices of some milliseconds with a turn of the event loop between them, since finalizers and much of
 * the engine's freeing happen only there. The clock runs through both: an allocation is charged with its collection.
 *
 *     | warm up | slice . slice . slice . slice ... |      '.' a turn of the event loop
 *               ^ start                             ^ end
 */
import { createRequire } from 'node:module';
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { CONTENDERS } from './contenders.mjs';

// Not import: on Node 20 an error while a CommonJS module is imported is thrown a second time, where nobody can catch it.
const require = createRequire(import.meta.url);

const SLICE_MS = 5;
const FIRST_SLICE = 64;

async function measure({ workload, contender, size, durationMs }) {
  const { run, expected } = await import(`./workloads/${workload}.mjs`);
  const { make, backend } = CONTENDERS.find(({ name }) => name === contender);
  const hakmem = backend === undefined ? undefined : require('../dist/index.js');
  const pair = make(size, hakmem);

  const loop = { pair, run, done: 0, sum: 0, slice: FIRST_SLICE };
  await runFor(loop, durationMs / 4);
  const collections = countCollections();
  const warm = loop.done;
  const startMs = performance.now();
  await runFor(loop, durationMs);
  const elapsedMs = performance.now() - startMs;
  const operations = loop.done - warm;

  if (loop.sum !== expected(loop.done)) {
    throw new Error(`${contender} at ${size} bytes: the bytes read are not those written`);
  }
  return {
    nsPerOperation: (elapsedMs * 1e6) / operations,
    operations,
    elapsedMs,
    checksum: loop.sum,
    ...(await collections.stop()),
    peakResidentBytes: process.resourceUsage().maxRSS * 1024,
    backend: hakmem?.backend.name ?? null,
  };
}

/** Runs slices until the time is over; their length adapts to what an operation costs. */
async function runFor(loop, durationMs) {
  const endMs = performance.now() + durationMs;
  let nowMs = performance.now();
  while (nowMs < endMs) {
    const to = loop.done + loop.slice;
    loop.sum = loop.run(loop.pair, loop.done, to, loop.sum);
    loop.done = to;
    const tookMs = performance.now() - nowMs;
    loop.slice =
      tookMs < SLICE_MS / 2 ? loop.slice * 2 : tookMs > SLICE_MS * 2 ? Math.max(1, loop.slice >> 1) : loop.slice;
    await setImmediate();
    nowMs = performance.now();
  }
}

function countCollections() {
  const counted = { collections: 0, markCompacts: 0, collectionMs: 0 };
  const observer = new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries()) {
      counted.collections++;
      counted.markCompacts += detail.kind === 4 ? 1 : 0; // constants.NODE_PERFORMANCE_GC_MAJOR
      counted.collectionMs += duration;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return {
    async stop() {
      await setTimeout(10);
      observer.disconnect();
      return counted;
    },
  };
}

process.once('message', async (task) => {
  try {
    process.send({ result: await measure(task) });
  } catch (error) {
    process.send({ error: { code: error.code ?? '', message: error.message } });
  }
  process.disconnect();
});
