/*
 * A storm of workers: they start, load, send each other shared Buffers and end at random moments: by themselves, by process.exit, by an
 * error that nobody catches, by terminate() in the middle of their work. At the end nothing may be left: no block, no memory.
 *
 *     main  <- handles -  worker, worker, ...      main adopts some and sends others on; what a worker had not adopted at its end,
 *           -  handles ->                          main takes back, as a program would that notes what it has sent to whom
 *
 * Every Buffer's bytes say what they have to be, so a block with two owners shows.
 *
 * Use: node test/workers/storm.mjs --workers 1000 [--seed 1] [--lanes 6]        HAKMEM_BACKEND=ts for the other backend
 * The seed replays the choices, though not the moments. Prints a step for each tenth of the workers, then a line of JSON; the exit code
 * is 1 if anything is left or was wrong, or, with 300 workers or more, if resident memory went on growing.
 */
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

// The last hand-overs of workers that were terminated reach nobody; let them go back soon.
process.env.HAKMEM_SHARE_GRACE_MS ??= '300';
const hakmem = createRequire(import.meta.url)('../../dist/index.js');
const { make, randomFrom, tryAdopt } = await import('./storm-buffers.mjs');

const ENDINGS = ['return', 'exit', 'throw', 'terminate', 'terminate', 'terminate', 'terminate'];
/** How long the last blocks may take to come back, which is far longer than they need. */
const PATIENCE_MS = 60_000;
/** From so many on, the resident memory of the last third is compared with that of the second. */
const ENOUGH_WORKERS = 300;
const ALLOWED_GROWTH = 1.25;
const MIB = 2 ** 20;

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    lanes: { type: 'string', default: '6' },
  },
});
const [total, seed, lanes] = [values.workers, values.seed, values.lanes].map(Number);

const random = randomFrom(seed);
const pool = hakmem.createPool({ name: 'storm', shared: true });
const counts = { started: 0, received: 0, adopted: 0, sentOn: 0, takenBack: 0, wrong: 0 };
/** Worker -> what was sent to it. */
const running = new Map();
const steps = [];

function send(handle) {
  const workers = [...running.keys()];
  if (workers.length === 0) return false;
  const worker = workers[random(workers.length)];
  worker.postMessage(handle);
  running.get(worker).push(handle);
  return true;
}

function sendOwn(buffer) {
  const handle = pool.share(buffer);
  if (!send(handle)) takeBack([handle]);
}

function receive(handle) {
  counts.received++;
  if (random(3) === 0 && send(handle)) {
    counts.sentOn++;
    return;
  }
  const buffer = tryAdopt(pool, handle);
  if (!buffer) return;
  counts.adopted++;
  if (random(2) === 0) pool.free(buffer);
  else sendOwn(buffer);
}

function takeBack(handles) {
  for (const handle of handles) {
    const buffer = tryAdopt(pool, handle);
    if (!buffer) continue;
    pool.free(buffer);
    counts.takenBack++;
  }
}

function start(ending) {
  const worker = new Worker(new URL('./storm-worker.mjs', import.meta.url), {
    workerData: { seed: random(2 ** 31), ending },
  });
  counts.started++;
  worker.on('message', receive);
  worker.on('error', (error) => {
    if (error.message === 'on purpose') return;
    counts.wrong++;
    console.error(error);
  });
  return worker;
}

/** The life of one worker. */
async function live() {
  const ending = ENDINGS[random(ENDINGS.length)];
  const worker = start(ending);
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  running.set(worker, []);
  for (let n = random(10); n > 0; n--) sendOwn(make(pool, random));
  if (ending === 'terminate') {
    await sleep(random(4) === 0 ? random(40) : random(250));
    await worker.terminate();
  }
  await exited;
  const sent = running.get(worker);
  running.delete(worker);
  takeBack(sent);
  note();
}

/** Writes a step down at each tenth. */
function note() {
  const every = Math.max(1, Math.floor(total / 10));
  const ended = counts.started - running.size;
  if (ended % every !== 0) return;
  const { bytes, blocks } = hakmem.stats();
  const step = {
    workers: ended,
    rssMiB: mib(process.memoryUsage().rss),
    liveMiB: mib(bytes.live),
    blocks: blocks.live,
  };
  steps.push({ ...step, committedMiB: mib(bytes.committed) });
  console.error(
    Object.entries(steps.at(-1))
      .map(([name, value]) => `${name} ${value}`)
      .join('   '),
  );
}

async function lane() {
  while (counts.started < total) await live();
}

function left(before) {
  hakmem.trim();
  const { blocks, bytes } = hakmem.stats();
  return { blocks: blocks.live - before.blocks.live, bytes: bytes.live - before.bytes.live };
}

/** Waits until nothing is left, or much longer than that can take. */
async function settle(before) {
  const end = Date.now() + PATIENCE_MS;
  while (left(before).blocks !== 0 && Date.now() < end) await sleep(20);
  return left(before);
}

function isFlat() {
  const rss = steps.map(({ rssMiB }) => rssMiB);
  const third = Math.floor(rss.length / 3);
  return Math.max(...rss.slice(2 * third)) <= ALLOWED_GROWTH * Math.max(...rss.slice(third, 2 * third));
}

function mib(bytes) {
  return Math.round(bytes / MIB);
}

console.error(`--seed ${seed} replays the choices of this run`);
const before = hakmem.stats();
const startedAt = Date.now();
await Promise.all(Array.from({ length: lanes }, lane));
const remains = await settle(before);
const after = hakmem.stats();
console.log(
  JSON.stringify({
    node: process.version,
    backend: hakmem.backend.name,
    seed,
    ...counts,
    seconds: Math.round((Date.now() - startedAt) / 1000),
    left: remains,
    committedMiB: mib(after.bytes.committed),
    rssMiB: steps.map(({ rssMiB }) => rssMiB),
  }),
);
const grew = total >= ENOUGH_WORKERS && !isFlat();
if (remains.blocks !== 0 || remains.bytes !== 0 || counts.wrong !== 0 || grew) process.exitCode = 1;
