/*
 * Stress: workers start, load, send each other shared Buffers and end at random moments: by themselves, by process.exit, by an error, by
 * terminate(). At the end nothing may be left: no block, no memory.
 *
 *     main  <- handles -  worker, worker, ...      main adopts some and sends others on; what a worker had not adopted at its end,
 *           -  handles ->                          main takes back, as a program would that notes what it has sent to whom
 *
 * Every Buffer's bytes say what they have to be, so a block with two owners shows.
 *
 * Use: HAKMEM_WORKERS=1000 node test/workers/stress.cjs (default 60). HAKMEM_SEED replays the choices, though not the moments.
 * Prints a line of JSON; the exit code is 1 if anything is left or was wrong.
 */
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');

// The last hand-overs of workers that were terminated reach nobody; let them go back soon.
process.env.HAKMEM_SHARE_GRACE_MS ??= '300';
const hakmem = require(path.join(__dirname, '../../dist/index.js'));

const SIZES = [10, 100, 500, 3000, 20_000, 70_000, 300_000, 2_500_000];
const ENDINGS = ['return', 'exit', 'throw', 'terminate', 'terminate', 'terminate', 'terminate'];

/** xorshift32 by Marsaglia 2003. */
function randomFrom(seed) {
  let state = seed | 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** A Buffer whose bytes follow from its length. */
function make(pool, random) {
  const size = SIZES[random(SIZES.length)] - random(9);
  return pool.allocUnsafe(size).fill(size & 255);
}

function check(buffer) {
  if (!buffer.equals(Buffer.alloc(buffer.length, buffer.length & 255))) throw new Error('a Buffer was spoiled');
  return buffer;
}

/** @returns the Buffer, or nothing where it went with its pool or to somebody else. */
function tryAdopt(pool, handle) {
  try {
    return check(pool.adopt(handle));
  } catch (error) {
    if (error.code === 'ERR_HAKMEM_MOVED' || error.code === 'ERR_HAKMEM_DESTROYED') return undefined;
    throw error;
  }
}

async function work({ seed, ending }) {
  const random = randomFrom(seed);
  let pools = [hakmem, hakmem.createPool(), hakmem.createPool()];
  let held = [];
  const turn = () => {
    const at = random(pools.length);
    const pool = pools[at];
    if (random(3) > 0) held.push({ pool, buffer: make(pool, random) });
    const [item] = held.splice(random(held.length), held.length > 5 ? 1 : 0);
    if (item && random(2) === 0) parentPort.postMessage(item.pool.share(check(item.buffer)));
    else item?.pool.free(check(item.buffer));
    if (at > 0 && random(100) === 0) {
      pool.destroy();
      held = held.filter((other) => other.pool !== pool);
      pools = pools.with
        ? pools.with(at, hakmem.createPool())
        : pools.map((p, n) => (n === at ? hakmem.createPool() : p));
    }
  };
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
}

async function main() {
  const total = Number(process.env.HAKMEM_WORKERS ?? 60);
  const seed = Number(process.env.HAKMEM_SEED ?? Date.now() % 2 ** 31);
  console.error(`HAKMEM_SEED=${seed} replays the choices of this run`);
  const random = randomFrom(seed);
  const counts = { started: 0, received: 0, adopted: 0, sentOn: 0, takenBack: 0, wrong: 0 };
  const before = hakmem.stats();
  /** Worker -> what was sent to it. */
  const running = new Map();
  const rss = [];

  const send = (handle) => {
    const workers = [...running.keys()];
    if (workers.length === 0) return false;
    const worker = workers[random(workers.length)];
    worker.postMessage(handle);
    running.get(worker).push(handle);
    return true;
  };
  const receive = (handle) => {
    counts.received++;
    if (random(3) === 0 && send(handle)) {
      counts.sentOn++;
      return;
    }
    const buffer = tryAdopt(hakmem, handle);
    if (!buffer) return;
    counts.adopted++;
    if (random(2) === 0) hakmem.free(buffer);
    else sendOwn(buffer);
  };
  const takeBack = (handles) => {
    for (const handle of handles) {
      const buffer = tryAdopt(hakmem, handle);
      if (buffer) hakmem.free(buffer);
      if (buffer) counts.takenBack++;
    }
  };
  const sendOwn = (buffer) => {
    const handle = hakmem.share(buffer);
    if (!send(handle)) takeBack([handle]);
  };
  const one = async () => {
    const ending = ENDINGS[random(ENDINGS.length)];
    const worker = new Worker(__filename, { workerData: { seed: random(2 ** 31), ending } });
    counts.started++;
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    worker.on('message', receive);
    worker.on('error', (error) => {
      if (error.message === 'on purpose') return;
      counts.wrong++;
      console.error(error);
    });
    running.set(worker, []);
    for (let n = random(10); n > 0; n--) sendOwn(make(hakmem, random));
    if (ending === 'terminate') {
      await sleep(random(4) === 0 ? random(40) : random(250));
      await worker.terminate();
    }
    await exited;
    const sent = running.get(worker);
    running.delete(worker);
    takeBack(sent);
    if (counts.started % 10 === 0) rss.push(process.memoryUsage().rss);
  };
  const lane = async () => {
    while (counts.started < total) await one();
  };
  await Promise.all(Array.from({ length: 6 }, lane));
  await sleep(Number(process.env.HAKMEM_SHARE_GRACE_MS) + 100);
  hakmem.trim();
  const after = hakmem.stats();
  const left = { blocks: after.blocks.live - before.blocks.live, bytes: after.bytes.live - before.bytes.live };
  const third = Math.floor(rss.length / 3);
  const middle = Math.max(...rss.slice(third, 2 * third + 1));
  const last = Math.max(...rss.slice(2 * third));
  const mib = (bytes) => Math.round(bytes / 2 ** 20);
  const memory = {
    committedMiB: mib(after.bytes.committed),
    rssSecondThirdMiB: mib(middle),
    rssLastThirdMiB: mib(last),
  };
  console.log(JSON.stringify({ node: process.version, seed, ...counts, left, ...memory }));
  if (left.blocks !== 0 || left.bytes !== 0 || counts.wrong !== 0) process.exitCode = 1;
}

if (isMainThread) main();
else work(workerData);
