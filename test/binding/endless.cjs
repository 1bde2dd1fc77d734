/*
 * A worker that allocates without end, or ends in the way it is told; workers.test.ts terminates it.
 */
const { markAsUntransferable, parentPort, workerData } = require('node:worker_threads');
const addon = require(workerData.addonFile);

const blocks = new Float64Array(64);
const kept = [];
globalThis.kept = kept;

function step() {
  const heap = addon.createHeap();
  kept.push(heap);
  for (const size of [16, 1024, 32768, 65536, 1 << 20, 3 << 20]) {
    const count = heap.refill(size, 8, blocks);
    for (let i = 0; i < count; i++) {
      const memory = heap.memory(blocks[i], size <= 32768);
      markAsUntransferable(memory);
      new Uint8Array(memory)[0] = 1;
      kept.push(memory);
    }
    heap.flush(blocks, count >> 1);
    heap.stats();
    heap.picture();
  }
  if (kept.length > 300) {
    if (kept.length % 2 === 0) heap.destroy();
    kept.splice(0, 200);
  }
}

step();
parentPort.postMessage('started');
switch (workerData.ending) {
  case 'terminated in a loop':
    for (;;) step();
  case 'terminated between turns':
    setInterval(step, 0);
    break;
  case 'process.exit':
    process.exit(0);
    break;
  case 'an error':
    throw new Error('as told');
  default:
}
