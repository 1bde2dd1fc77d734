/*
 * register: what Buffer.allocUnsafe costs with hakmem/register and without.
 *
 * For each version of Node, length and way of use: fresh processes, the two contenders in turn, and the median over these pairs of the
 * ratio of register to plain Node (below 1 is better), with its 95% interval. `touch` writes all of each Buffer, as a program would; `none`
 * only allocates. A live heap of plain objects may be added, for a mark-compact collection walks it.
 *
 * --slices compares the two functions themselves, which says more about lengths that are left to Node: both in one process, in slices much
 * shorter than the time between collections, as register, Node, Node, register; of these fours the median is one round's ratio.
 * Collections hit few slices and so drop out; both functions have the same, for they make the same Buffers. Where the compiler
 * puts a loop matters by some per cent, so each round is a process of its own, and the loop that is compiled first changes.
 *
 *   node bench/register.mjs [--node path]... [--sizes 16384,1048576] [--rounds 5] [--heap 0] [--mib 256] [--use touch,none] [--json file]
 *   node bench/register.mjs --slices [--node path]... [--sizes 64,1024] [--rounds 5] [--seconds 1] [--json file]
 *
 * Needs dist/. Time is wall time and processor time of all threads, for each allocation; memory the process's peak.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const SELF = fileURLToPath(import.meta.url);
const REGISTER = join(SELF, '..', '..', 'dist', 'register.js');
const CONTENDERS = ['node', 'register'];
const MOST_ITERATIONS = 200_000;
const SLICE_MILLIS = 0.1;
const WARM_UP = 50_000;

const { values } = parseArgs({
  options: {
    node: { type: 'string', multiple: true, default: [process.execPath] },
    sizes: { type: 'string', default: '64,1024,4096,8192,16384,32768,65536,262144,1048576,4194304,8388608' },
    use: { type: 'string', default: 'none,touch' },
    rounds: { type: 'string', default: '5' },
    heap: { type: 'string', default: '0' },
    mib: { type: 'string', default: '256' },
    slices: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '1' },
    json: { type: 'string' },
    child: { type: 'string' },
  },
});

const sizes = values.sizes.split(',').map(Number);
if (values.child) {
  const task = JSON.parse(values.child);
  console.log(JSON.stringify(task.slices ? compareSlices(task) : churn(task)));
} else {
  const rows = values.slices ? sliceRows() : churnRows();
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 1)}\n`);
}

function churnRows() {
  const rows = [];
  console.log(
    'node      use      bytes    us/alloc  wall                 cpu                  peak MiB: node -> register',
  );
  for (const node of values.node)
    for (const use of values.use.split(','))
      for (const size of sizes) {
        const row = measure(node, { use, size, heapMib: Number(values.heap), mib: Number(values.mib) });
        rows.push(row);
        console.log(line(row));
      }
  return rows;
}

function measure(node, task) {
  const runs = { node: [], register: [] };
  for (let round = 0; round < Number(values.rounds); round++)
    for (const contender of CONTENDERS) runs[contender].push(runChild(node, contender, task));
  return { ...task, version: runs.node[0].version, runs };
}

function runChild(node, contender, task) {
  const loaded = contender === 'register' ? ['--require', REGISTER] : [];
  const text = execFileSync(node, [...loaded, SELF, '--child', JSON.stringify(task)], { encoding: 'utf8' });
  return JSON.parse(text);
}

function churn({ use, size, heapMib, mib }) {
  // About 100 bytes each.
  const heap = Array.from({ length: heapMib * 10_000 }, (_, index) => ({ index, list: [index] }));
  const count = Math.min(MOST_ITERATIONS, Math.ceil((mib * 2 ** 20) / size));
  allocate(use, size, Math.ceil(count / 4));
  const cpu = process.cpuUsage();
  const start = performance.now();
  allocate(use, size, count);
  const wallMicros = (performance.now() - start) * 1000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    version: process.version,
    wallMicros: wallMicros / count,
    cpuMicros: (user + system) / count,
    peakMib: process.resourceUsage().maxRSS / 1024,
    live: heap.length,
  };
}

function allocate(use, size, count) {
  for (let index = 0; index < count; index++) {
    const buffer = Buffer.allocUnsafe(size);
    if (use === 'touch') buffer.fill(index);
  }
}

function line({ version, use, size, runs }) {
  const of = (contender, name) => median(runs[contender].map((run) => run[name]));
  const ratio = (name) => interval(runs.register.map((run, round) => run[name] / runs.node[round][name]));
  return [
    version.padEnd(9),
    use.padEnd(6),
    String(size).padStart(8),
    of('node', 'wallMicros').toFixed(2).padStart(10),
    ratio('wallMicros').padStart(20),
    ratio('cpuMicros').padStart(20),
    `${of('node', 'peakMib').toFixed(0).padStart(8)} -> ${of('register', 'peakMib').toFixed(0)}`,
  ].join(' ');
}

/* ---- slices ---- */

function sliceRows() {
  const rows = [];
  console.log('node         bytes  ns/alloc  register');
  for (const node of values.node)
    for (const size of sizes) {
      const seconds = Number(values.seconds);
      const runs = Array.from({ length: Number(values.rounds) }, (_, round) =>
        runChild(node, 'node', { slices: true, size, seconds, registerFirst: round % 2 === 0 }),
      );
      rows.push({ size, version: runs[0].version, runs });
      console.log(sliceLine(rows.at(-1)));
    }
  return rows;
}

function compareSlices({ size, seconds, registerFirst }) {
  const node = loopOver(Buffer.allocUnsafe);
  createRequire(import.meta.url)(REGISTER);
  const register = loopOver(Buffer.allocUnsafe);
  for (const loop of registerFirst ? [register, node] : [node, register]) loop(WARM_UP, size);
  const count = sliceLength(node, size);
  const ratios = [];
  const nanos = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const outer = timeOf(register, count, size);
    const inner = timeOf(node, count, size) + timeOf(node, count, size);
    ratios.push((outer + timeOf(register, count, size)) / inner);
    nanos.push((inner * 1e6) / (2 * count));
  }
  return { version: process.version, ratio: median(ratios), nanos: median(nanos) };
}

/** A loop for each: one that has seen two functions is compiled worse than one that has seen one. */
function loopOver(allocateUnsafe) {
  return new Function(
    'Buffer',
    'return (count, size) => { for (let i = 0; i < count; i++) Buffer.allocUnsafe(size)[0] = i; };',
  )({ allocUnsafe: allocateUnsafe });
}

function sliceLength(loop, size) {
  const times = Array.from({ length: 101 }, () => timeOf(loop, 100, size));
  return Math.ceil((100 * SLICE_MILLIS) / median(times));
}

function timeOf(loop, count, size) {
  const start = performance.now();
  loop(count, size);
  return performance.now() - start;
}

function sliceLine({ version, size, runs }) {
  const nanos = median(runs.map((run) => run.nanos)).toFixed(1);
  return [
    version.padEnd(9),
    String(size).padStart(8),
    nanos.padStart(9),
    interval(
      runs.map((run) => run.ratio),
      3,
    ),
  ].join(' ');
}

/* ---- numbers ---- */

/** The median and its 95% interval, which lies between two of the numbers however they are distributed. */
function interval(numbers, digits = 2) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const off = (1.96 * Math.sqrt(sorted.length)) / 2;
  const at = (index) => sorted[Math.min(sorted.length - 1, Math.max(0, index))].toFixed(digits);
  return `${median(numbers).toFixed(digits)} [${at(Math.floor(sorted.length / 2 - off))}, ${at(Math.ceil(sorted.length / 2 + off))}]`;
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
