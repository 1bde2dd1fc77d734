/**
 * redis-server under redis-benchmark: the server alone runs under the malloc that is measured.
 *
 *     node redis.mjs <folder of redis's programs> <requests>
 *
 * The server must be built without a malloc of its own (make MALLOC=libc). The time is that of the benchmark's requests, the
 * memory the server's peak; the output that must be the same is the digest of a data set written at the end.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { folder, startServer } from './measured-server.mjs';

const [programs, requests] = process.argv.slice(2);
const socket = path.join(folder, 'socket');
const START_LIMIT_MS = 10_000;

/** @returns what one of redis's programs prints. */
function client(program, words, input = '') {
  const run = spawnSync(path.join(programs, program), ['-s', socket, ...words], { encoding: 'utf8', input });
  if (run.status !== 0) {
    throw new Error(`${program} ${words.join(' ')}: ${run.error?.message ?? run.stderr}`);
  }
  return run.stdout;
}

function startRedis() {
  const settings = { '--port': '0', '--unixsocket': socket, '--save': '', '--appendonly': 'no', '--dir': folder };
  const words = [...Object.entries(settings).flat(), '--enable-debug-command', 'yes'];
  const { stdout, ended } = startServer([path.join(programs, 'redis-server'), ...words]);
  stdout.resume();
  return ended;
}

async function untilListening() {
  for (let waitedMs = 0; !existsSync(socket); waitedMs += 10) {
    if (waitedMs > START_LIMIT_MS) {
      throw new Error('redis-server does not start');
    }
    await setTimeout(10);
  }
}

/** Lists and strings of many lengths. @returns the digest of all data. */
function digest() {
  const lines = Array.from(
    { length: 2000 },
    (_, n) => `SET key:${n} ${'v'.repeat((n * 7) % 900)}x\nRPUSH list:${n % 50} ${n}`,
  );
  client('redis-cli', ['flushall']);
  client('redis-cli', [], lines.join('\n'));
  return client('redis-cli', ['debug', 'digest']).trim();
}

async function measure() {
  const ended = startRedis();
  await untilListening();
  const startMs = performance.now();
  client('redis-benchmark', ['-r', '1000000', '-n', requests, '-q', '-P', '16', '-t', 'set,get,lpush,lpop,sadd,hset']);
  client('redis-benchmark', ['-r', '1000000', '-n', requests, '-q', '-P', '16', 'lpush', 'a', '1', '2', '3', '4', '5']);
  const elapsedMs = performance.now() - startMs;
  const output = digest();
  client('redis-cli', ['shutdown', 'nosave']);
  return { ...(await ended), elapsedMs, output };
}

console.log(JSON.stringify(await measure()));
