/*
 * register: what Buffer.allocUnsafe costs with hakmem/register and without.
 *
 * For each version of Node, length and way of use: fresh processes, the two contenders in turn, and the median over these pairs of the
 * ratio of register to plain Node (below 1 is better). `touch` writes all of each Buffer, as a program would; `none` only allocates. A live heap of plain
 * objects may be added, for a mark-compact collection walks it.
 *
 *   node bench/register.mjs [--node path]... [--sizes 16384,1048576] [--rounds 5] [--heap 0] [--mib 256] [--use touch,none] [--json file]
 *
 * Needs dist/. Time is wall time and processor time of all threads, for each allocation; memory the process's peak.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const SELF = fileURLToPath(import.meta.url);
const REGISTER = join(SELF, '..', '..', 'dist', 'register.js');
const CONTENDERS = ['node', 'register'];
const MOST_ITERATIONS = 200_000;

const { values } = parseArgs({
  options: {
    node: { type: 'string', multiple: true, default: [process.execPath] },
    sizes: { type: 'string', default: '64,1024,4096,16384,32768,65536,262144,1048576,4194304,8388608' },
    use: { type: 'string', default: 'none,touch' },
    rounds: { type: 'string', default: '5' },
    heap: { type: 'string', default: '0' },
    mib: { type: 'string', default: '256' },
    json: { type: 'string' },
    child: { type: 'string' },
  },
});

if (values.child) {
  console.log(JSON.stringify(churn(JSON.parse(values.child))));
} else {
  compare();
}

function compare() {
  const rows = [];
  console.log('node      use      bytes    us/alloc  wall   cpu    peak MiB: node -> register');
  for (const node of values.node)
    for (const use of values.use.split(','))
      for (const size of values.sizes.split(',').map(Number)) {
        const row = measure(node, { use, size, heapMib: Number(values.heap), mib: Number(values.mib) });
        rows.push(row);
        console.log(line(row));
      }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 1)}\n`);
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
  const pairs = (name) => runs.register.map((run, round) => run[name] / runs.node[round][name]);
  const ratio = (name) => median(pairs(name)).toFixed(2).padStart(5);
  return [
    version.padEnd(9),
    use.padEnd(6),
    String(size).padStart(8),
    of('node', 'wallMicros').toFixed(2).padStart(10),
    ratio('wallMicros'),
    ratio('cpuMicros'),
    `${of('node', 'peakMib').toFixed(0).padStart(12)} -> ${of('register', 'peakMib').toFixed(0)}`,
  ].join(' ');
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
