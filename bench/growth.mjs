/**
 * One class grown to 1 GiB live and back: how many chunks were chained and released, and what the process keeps.
 *
 *     node bench/growth.mjs [--backend native|ts] [--size <bytes>] [--total <MiB>]
 *
 * Exit code 1 where the process keeps more than a tenth above its start after everything is freed and trimmed: of
 * resident memory with the native backend; with ts of ArrayBuffers, for what the C library's malloc keeps of memory that
 * the engine has freed is not in anybody's hand.
 *
 * The start is measured when the engine has held as many views once, so that its own heap does not count. What it and
 * malloc keep of the bookkeeping for ArrayBuffers does count: about 1 KiB for each, and a class up to 64 KiB has 16 of them
 * for each MiB. With --size 4096 that alone is more than a tenth of a process this small.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MIB = 2 ** 20;
const TOLERANCE = 0.1;

const { values } = parseArgs({
  options: {
    backend: { type: 'string', default: process.env.HAKMEM_BACKEND ?? '' },
    size: { type: 'string', default: '1048576' },
    total: { type: 'string', default: '1024' },
  },
});
process.env.HAKMEM_BACKEND = values.backend;
const { backend, createPool } = createRequire(import.meta.url)('../dist/index.js');

const size = Number(values.size);
const count = Math.floor((Number(values.total) * MIB) / size);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const pool = createPool({ name: 'growth' });

/** Collects garbage until ArrayBuffers that nobody sees any more are gone too; their memory is freed on other threads. */
async function settle() {
  for (let turn = 0; turn < 5; turn++) {
    collect();
    await setTimeout(50);
  }
}

/** Memory of the process that no file stands behind: what it holds, without the pages of its program. */
function anonymousBytes() {
  try {
    const [, kib] = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return Number(kib) * 1024;
  } catch {
    return null;
  }
}

/** Allocates `wanted` Buffers and writes all of each. @returns what was seen at the top. */
function grow(wanted) {
  const buffers = new Array(wanted);
  for (let n = 0; n < wanted; n++) {
    buffers[n] = pool.allocUnsafe(size).fill(n);
  }
  const top = measure();
  for (const [n, buffer] of buffers.entries()) {
    if (buffer[size - 1] !== (n & 255)) {
      throw new Error(`Buffer ${n} has ${buffer[size - 1]} where ${n & 255} was written`);
    }
    pool.free(buffer);
  }
  return top;
}

/** Lets the engine's heap grow to what so many views need. */
function makeViews(wanted) {
  const memory = new ArrayBuffer(64);
  return Array.from({ length: wanted }, () => Buffer.from(memory, 0, 8)).length;
}

function measure() {
  const { rss, arrayBuffers, heapTotal } = process.memoryUsage();
  return { resident: rss, arrayBuffers, heapTotal, anonymous: anonymousBytes(), stats: pool.stats() };
}

function mib(bytes) {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

makeViews(count);
grow(Math.min(count, 1000));
pool.trim();
await settle();
pool.trim();
const start = measure();

const top = grow(count);
const given = pool.trim();
await settle();
// Chunks that ArrayBuffers still showed at the first trim: the engine has collected these by now.
pool.trim();
const end = measure();

const { grown: grownBefore, shrunk: shrunkBefore } = start.stats.components.superslab;
const { grown, shrunk } = end.stats.components.superslab;
const lines = [
  `backend ${backend.name}, Node ${process.version}: ${count} Buffers of ${size} bytes`,
  `live at the top   ${mib(top.stats.bytes.live)} in ${top.stats.components.superslab.used} units of 64 KiB`,
  `chunks            ${grown - grownBefore} chained, ${shrunk - shrunkBefore} released`,
  `trim gave back    ${mib(given)}; committed now ${mib(end.stats.bytes.committed)}`,
  course('resident memory', 'resident'),
  ...(start.anonymous === null ? [] : [course('of it anonymous', 'anonymous')]),
  course("engine's heap", 'heapTotal'),
  course('ArrayBuffers', 'arrayBuffers'),
];
process.stdout.write(`${lines.join('\n')}\n`);

const judged = backend.name === 'native' ? 'resident' : 'arrayBuffers';
if (end[judged] > start[judged] * (1 + TOLERANCE) || end.stats.bytes.live !== 0) {
  process.stderr.write(`growth: ${mib(end[judged])} at the end, more than a tenth above ${mib(start[judged])}\n`);
  process.exitCode = 1;
}

function course(title, field) {
  const ratio = end[field] / start[field];
  const ratioText = Number.isFinite(ratio) ? ` (${ratio.toFixed(3)} of the start)` : '';
  return `${title.padEnd(18)}start ${mib(start[field])}, top ${mib(top[field])}, end ${mib(end[field])}${ratioText}`;
}
