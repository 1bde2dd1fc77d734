/**
 * Steady churn without a full collection: a live set of Buffers of which one is replaced at each turn, for some seconds.
 *
 *     node bench/no-collections.mjs [--seconds <n>] [--live <Buffers>]
 *
 * Both backends at 64 KiB and 1 MiB, each in a process of its own; beside them views of one ArrayBuffer, which no Buffer can
 * beat, and Buffer.allocUnsafe, to show what is avoided. Exit code 1 where hakmem had a mark-compact collection.
 *
 * Collections are read from the engine's --trace-gc, from when the live set stands and the loop is compiled. Not from perf_hooks: an
 * observer of 'gc' entries keeps so many of them for a while that they cause a full collection themselves (measured: one in 3 s,
 * with bare views too).
 *
 * A process may have one at its start, "background allocation failure", when its heap first comes to 6 to 9 MB. Seen on Node 24, several
 * processes at a time on two processors: 8 of 10 with ts, 1 of 6 with native, none of 6 with the bare view, all within 1.2 s;
 * none of 8 with ts and --initial-old-space-size=64. So it has to do with the size that the engine begins with. Why the view's heap does not
 * come to that, nobody has looked into. The warm-up is long enough for it.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const SIZES = [65_536, 2 ** 20];
const CONTENDERS = ['view', 'native', 'ts', 'node'];
const OURS = ['native', 'ts'];
const WARM_MS = 4000;
/** Between two turns of the event loop, where finalizers run. */
const SLICE = 2000;
const OUTPUT_BYTES_MAX = 2 ** 28;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    live: { type: 'string', default: '32' },
    contender: { type: 'string' },
    size: { type: 'string' },
  },
});

function pairOf(contender) {
  if (contender === 'node') {
    return { alloc: (size) => Buffer.allocUnsafe(size), free() {} };
  }
  if (contender === 'view') {
    const memory = new ArrayBuffer(2 ** 20);
    return { alloc: (size) => new Uint8Array(memory, 0, size), free() {} };
  }
  const pool = createRequire(import.meta.url)('../dist/index.js').createPool({ name: 'bench' });
  return { alloc: (size) => pool.allocUnsafe(size), free: (buffer) => pool.free(buffer) };
}

async function churn({ alloc, free }, size, live, ms) {
  const end = performance.now() + ms;
  let turns = 0;
  while (performance.now() < end) {
    for (let n = 0; n < SLICE; n++) {
      const at = turns++ % live.length;
      free(live[at]);
      live[at] = alloc(size);
      live[at][turns % size] = turns;
    }
    await setImmediate();
  }
  return turns;
}

async function measure(contender, size) {
  const pair = pairOf(contender);
  const live = Array.from({ length: Number(values.live) }, () => pair.alloc(size));
  await churn(pair, size, live, WARM_MS);
  const startMs = performance.now();
  const turns = await churn(pair, size, live, Number(values.seconds) * 1000);
  return { turns, startMs, endMs: performance.now() };
}

function inChild(contender, size) {
  const args = ['--contender', contender, '--size', String(size), '--seconds', values.seconds, '--live', values.live];
  const env = { ...process.env, HAKMEM_BACKEND: OURS.includes(contender) ? contender : '' };
  const command = ['--trace-gc', import.meta.filename, ...args];
  const options = { env, encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX };
  const { stdout, stderr } = spawnSync(process.execPath, command, options);
  const answer = /\{"turns".*\}/.exec(stdout)?.[0];
  if (answer === undefined) {
    throw new Error(stderr || stdout);
  }
  const { turns, startMs, endMs } = JSON.parse(answer);
  // "[pid:isolate]     2645 ms: Scavenge 14.4 (24.2) -> 8.0 (24.2) MB, ... (average mu = ...) allocation failure; ..."
  const traced = [...stdout.matchAll(/ (\d+) ms: (Scavenge|Mark-Compact|Minor Mark-Sweep)(.*)/g)];
  const counted = traced.filter(([, ms]) => ms >= startMs && ms <= endMs);
  const reasons = counted
    .filter(([, , kind]) => kind === 'Mark-Compact')
    .map(([, , , rest]) => rest.split(') ').at(-1));
  return { turns, reasons, minor: counted.length - reasons.length };
}

if (values.contender) {
  process.stdout.write(JSON.stringify(await measure(values.contender, Number(values.size))));
} else {
  console.log(`Node ${process.versions.node}: ${values.seconds} s of churn, ${values.live} Buffers live`);
  for (const size of SIZES) {
    for (const contender of CONTENDERS) {
      const { turns, minor, reasons } = inChild(contender, size);
      const major = reasons.length;
      const why = OURS.includes(contender) ? reasons.map((reason) => ` (${reason})`).join('') : '';
      const who = `${size / 1024} KiB`.padEnd(10) + contender.padEnd(8);
      console.log(`${who}mark-compact ${major}${why}, minor ${minor}, ${(turns / 1e6).toFixed(2)} million turns`);
      if (OURS.includes(contender) && major > 0) {
        process.exitCode = 1;
      }
    }
  }
}
