/**
 * Steady churn without a full collection: a live set of Buffers of which one is replaced at each turn, for some seconds.
 *
 *     node bench/no-collections.mjs [--seconds <n>] [--live <Buffers>]
 *
 * Both backends at 64 KiB and 1 MiB, each in a process of its own, and Buffer.allocUnsafe beside them to show what is avoided.
 * Collections are counted by perf_hooks after the live set stands and the loop is compiled. Exit code 1 where hakmem had a
 * mark-compact ('major') collection or an incremental mark.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { countCollections } from './measure/collections.mjs';

const SIZES = [65_536, 2 ** 20];
const CONTENDERS = ['native', 'ts', 'node'];
const WARM_SHARE = 0.2;
/** Between two turns of the event loop, where finalizers run. */
const SLICE = 2000;

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
  const ms = Number(values.seconds) * 1000;
  await churn(pair, size, live, ms * WARM_SHARE);
  const collections = countCollections();
  const turns = await churn(pair, size, live, ms);
  return { turns, ...(await collections.stop()) };
}

function inChild(contender, size) {
  const args = ['--contender', contender, '--size', String(size), '--seconds', values.seconds, '--live', values.live];
  const env = { ...process.env, HAKMEM_BACKEND: contender === 'node' ? '' : contender };
  const { stdout, stderr } = spawnSync(process.execPath, [import.meta.filename, ...args], { env, encoding: 'utf8' });
  if (stdout === '') {
    throw new Error(stderr);
  }
  return JSON.parse(stdout);
}

if (values.contender) {
  process.stdout.write(JSON.stringify(await measure(values.contender, Number(values.size))));
} else {
  console.log(`Node ${process.versions.node}: ${values.seconds} s of churn, ${values.live} Buffers live`);
  for (const size of SIZES) {
    for (const contender of CONTENDERS) {
      const { turns, minor, major, incremental } = inChild(contender, size);
      const counts = `mark-compact ${major.count}, incremental ${incremental.count}, minor ${minor.count} (${minor.ms.toFixed(0)} ms)`;
      console.log(
        `${`${size / 1024} KiB`.padEnd(10)}${contender.padEnd(8)}${counts}, ${(turns / 1e6).toFixed(2)} million turns`,
      );
      if (contender !== 'node' && major.count + incremental.count > 0) {
        process.exitCode = 1;
      }
    }
  }
}
