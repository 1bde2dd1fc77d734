/* A worker in the storm: allocates, shares, adopts, frees, makes and destroys pools, and ends as it was told. */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { check, make, randomFrom, tryAdopt } from './storm-buffers.mjs';

const hakmem = createRequire(import.meta.url)('../../dist/index.js');
const { seed, ending } = workerData;
const random = randomFrom(seed);
const newPool = () => hakmem.createPool({ shared: true });
const pools = [newPool(), newPool(), newPool()];
let held = [];

function turn() {
  const at = random(pools.length);
  const pool = pools[at];
  if (random(3) > 0) held.push({ pool, buffer: make(pool, random) });
  const [item] = held.splice(random(held.length), held.length > 5 ? 1 : 0);
  if (item && random(2) === 0) parentPort.postMessage(item.pool.share(check(item.buffer)));
  else item?.pool.free(check(item.buffer));
  if (random(150) === 0) replace(at);
}

/** A pool ends with all that it holds and has under way. */
function replace(at) {
  const pool = pools[at];
  pool.destroy();
  held = held.filter((other) => other.pool !== pool);
  pools[at] = newPool();
}

parentPort.on('message', (handle) => {
  const pool = pools[random(pools.length)];
  const buffer = tryAdopt(pool, handle);
  if (buffer) held.push({ pool, buffer });
});

for (let rounds = random(40); rounds > 0 || ending === 'terminate'; rounds--) {
  for (let n = random(60); n > 0; n--) turn();
  await new Promise(setImmediate);
}
if (ending === 'exit') process.exit(0);
if (ending === 'throw') throw new Error('on purpose');
parentPort.close();
