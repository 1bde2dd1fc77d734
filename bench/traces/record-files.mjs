/**
 * An HTTP file server (node:http) and its client (undici): real files, read and sent piece by piece.
 *
 *     disk --- piece ---> server --- socket ---> client --- piece ---> its user
 *              lives until written                          lives until used
 *
 * A piece at the server lives from the read until the response has taken it, one at the client from its arrival until its user, who is
 * a little slow, has done with it. A few files are asked for often, most seldom.
 */
import { once } from 'node:events';
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { nextRandom } from '../workloads/random.mjs';
import { Recorder } from './recorder.mjs';

const CLIENTS = 24;
const CONNECTIONS = 16;
const MAX_USE_MS = 4;
const LIMIT_MS = 60_000;
const ROOT = path.join(import.meta.dirname, '../../node_modules');
const MAX_FILES = 4000;

/** @returns `{ events, libraries }`. */
export async function recordFiles(allocations) {
  const recorder = new Recorder(allocations);
  const files = listFiles();
  const server = createServer((incoming, response) => serve(files[Number(incoming.url.slice(1))], response, recorder));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${server.address().port}`;
  const dispatcher = new Agent({ connections: CONNECTIONS });
  const endMs = performance.now() + LIMIT_MS;
  const isOver = () => recorder.full || performance.now() > endMs;
  await Promise.all(
    Array.from({ length: CLIENTS }, (_, n) =>
      download({ origin, dispatcher, count: files.length, seed: n + 1 }, isOver, recorder),
    ),
  );
  await dispatcher.close();
  server.close();
  const { version } = createRequire(import.meta.url)('undici/package.json');
  return { events: recorder.end(), libraries: { undici: version } };
}

/** Sizes of program packages: many small files, few large ones. In an order that has nothing to do with their size. */
function listFiles() {
  const entries = readdirSync(ROOT, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const step = Math.max(1, Math.floor(files.length / MAX_FILES));
  const some = files.sort().filter((_, n) => n % step === 0 && statSync(files[n]).size > 0);
  return some.map((_, n) => some[(n * 7919) % some.length]);
}

function serve(file, response, recorder) {
  response.setHeader('content-length', statSync(file).size);
  const stream = createReadStream(file);
  stream.on('data', (piece) => {
    const id = recorder.born(piece.length);
    const goesOn = response.write(piece, () => recorder.gone(id));
    if (!goesOn) {
      stream.pause();
      response.once('drain', () => stream.resume());
    }
  });
  stream.on('end', () => response.end());
}

async function download({ origin, dispatcher, count, seed }, isOver, recorder) {
  let state = seed;
  while (!isOver()) {
    state = nextRandom(state);
    // Zipf's law, nearly: the n-th file is asked for in proportion to 1/n.
    const file = Math.min(count - 1, Math.floor(count ** ((state >>> 0) / 2 ** 32)) - 1);
    const { body } = await request(`${origin}/${file}`, { dispatcher });
    for await (const piece of body) {
      const id = recorder.born(piece.length);
      await setTimeout(MAX_USE_MS * ((state >>> 8) / 2 ** 24));
      state = nextRandom(state);
      recorder.gone(id);
    }
  }
}
