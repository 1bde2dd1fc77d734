/**
 * What growing a large Buffer costs: 1 MiB to 64 MiB by `realloc`, against a new Buffer and a copy. Whoever grows writes the new part.
 *
 *     node bench/realloc.mjs          both backends, and Node's own Buffers, one after the other in each round
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

const MIB = 2 ** 20;
const FROM = MIB;
const TO = 64 * MIB;
const ROUNDS = 7;
const STEPS = {
  doubling: (size) => 2 * size,
  'by a quarter': (size) => size + (size >> 2),
  'by 1 MiB': (size) => size + MIB,
};

/** @returns ms that growing from FROM to TO takes. */
function grow(pair, step) {
  const start = performance.now();
  let buffer = pair.alloc(FROM);
  buffer.fill(1);
  while (buffer.length < TO) {
    const { length } = buffer;
    buffer = pair.grow(buffer, Math.min(TO, step(length)));
    buffer.fill(1, length);
  }
  const ms = performance.now() - start;
  if (buffer[0] !== 1 || buffer[TO / 2] !== 1 || buffer[TO - 1] !== 1) {
    throw new Error('bytes were lost');
  }
  pair.free(buffer);
  return ms;
}

/** Copies by hand, as programs do where there is no `realloc`. */
function copying({ alloc, free }) {
  return {
    alloc,
    free,
    grow(buffer, size) {
      const next = alloc(size);
      next.set(buffer);
      free(buffer);
      return next;
    },
  };
}

function measure(backend, step) {
  if (backend === 'node') {
    return grow(copying({ alloc: (size) => Buffer.allocUnsafe(size), free() {} }), step);
  }
  const pool = createRequire(import.meta.url)('../dist/index.js').createPool({ name: 'bench' });
  const alloc = (size) => pool.allocUnsafe(size);
  const free = (buffer) => pool.free(buffer);
  const pair = backend.endsWith('copy')
    ? copying({ alloc, free })
    : { alloc, free, grow: (buffer, size) => pool.realloc(buffer, size) };
  const ms = grow(pair, step);
  pool.destroy();
  return ms;
}

/** Each measurement in a process of its own, so that no one pays for another's garbage. */
function inChild(backend, step) {
  const env = { ...process.env, HAKMEM_BACKEND: backend === 'node' ? '' : backend.split(' ')[0] };
  const { stdout, stderr } = spawnSync(process.execPath, [import.meta.filename, backend, step], {
    env,
    encoding: 'utf8',
  });
  if (stdout === '') {
    throw new Error(stderr);
  }
  return Number(stdout);
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

const [, , childBackend, childStep] = process.argv;
if (childBackend) {
  process.stdout.write(String(measure(childBackend, STEPS[childStep])));
} else {
  console.log(
    `realloc from 1 MiB to 64 MiB, new bytes written; ms, medians of ${ROUNDS} processes; Node ${process.versions.node}`,
  );
  for (const step of Object.keys(STEPS)) {
    const contenders = ['node', 'native', 'native copy', 'ts', 'ts copy'];
    const times = contenders.map(() => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [at, contender] of contenders.entries()) {
        times[at].push(inChild(contender, step));
      }
    }
    const line = contenders.map((contender, at) => `${contender} ${median(times[at]).toFixed(0)}`).join('   ');
    console.log(`${step.padEnd(14)}${line}`);
  }
}
