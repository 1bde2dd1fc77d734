/**
 * Node's file server (file-server.cjs) under requests: eight clients fetch files of 16 KiB to 8 MiB.
 *
 *     node files.mjs <node> <requests>
 *
 * The time is that of all requests, the memory the server's: its peak, and what it has after three seconds of rest.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { folder, startServer } from './measured-server.mjs';

const CLIENTS = 8;
const SIZES = Array.from({ length: 10 }, (_, power) => 16_384 * 2 ** power);

const [node, requests] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });

async function get(port, name) {
  const request = http.get({ agent, port, host: '127.0.0.1', path: `/${name}` });
  const [response] = await once(request, 'response');
  if (response.statusCode !== 200) {
    throw new Error(`GET /${name}: status ${response.statusCode}`);
  }
  return response;
}

/** The bytes follow from nothing but the size. */
function makeFiles() {
  for (const size of SIZES) {
    const bytes = Buffer.alloc(size, `${size} bytes of a file, again and again. `);
    writeFileSync(path.join(folder, String(size)), bytes);
  }
}

/** Half ask for the smallest, half of the rest for the next one, and so on. @returns what the n-th request asks for. */
const nameOf = (n) => String(SIZES[Math.min(Math.clz32(Math.imul(n, 0x9e3779b1)), SIZES.length - 1)]);

async function client(port, first) {
  const hash = createHash('sha256');
  for (let n = first; n < Number(requests); n += CLIENTS) {
    for await (const bytes of await get(port, nameOf(n))) {
      hash.update(bytes);
    }
  }
  return hash.digest('hex');
}

async function measure() {
  makeFiles();
  const { stdout, ended } = startServer([node, path.join(import.meta.dirname, 'file-server.cjs'), folder]);
  const [line] = await once(stdout, 'data');
  const port = Number(line);
  const startMs = performance.now();
  const digests = await Promise.all(Array.from({ length: CLIENTS }, (_, first) => client(port, first)));
  const elapsedMs = performance.now() - startMs;
  const idleBytes = Number(await text(await get(port, 'resident')));
  await text(await get(port, 'stop'));
  agent.destroy();
  return { ...(await ended), elapsedMs, idleBytes, output: digests.join(' ') };
}

console.log(JSON.stringify(await measure()));
