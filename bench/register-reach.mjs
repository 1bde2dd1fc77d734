/*
 * What register reaches: which operations of Node get their large Buffers from the public Buffer.allocUnsafe and allocUnsafeSlow, which
 * register patches, and which have a way of their own. Prints the rows of the table in the README, for one version of Node each.
 *
 *   node bench/register-reach.mjs [path of a node]...
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer as consume } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

/** Shorter Buffers are bookkeeping. */
const LARGE = 16_384;
const CHILD = 'HAKMEM_REACH_CHILD';

if (process.env[CHILD]) {
  console.log(JSON.stringify(await observe()));
  process.exit();
} else {
  await report(process.argv.length > 2 ? process.argv.slice(2) : [process.execPath]);
}

async function report(nodes) {
  const env = { ...process.env, [CHILD]: '1' };
  const children = nodes.map((node) =>
    promisify(execFile)(node, ['--no-warnings', fileURLToPath(import.meta.url)], { env }),
  );
  const results = (await Promise.all(children)).map(({ stdout }) => JSON.parse(stdout));
  console.log(`| | ${results.map(({ version }) => version).join(' | ')} |`);
  console.log(`|---|${'---|'.repeat(results.length)}`);
  for (const name of Object.keys(results[0].reached)) {
    console.log(`| ${name} | ${results.map(({ reached }) => reached[name] || '-').join(' | ')} |`);
  }
}

async function observe() {
  let calls = new Set();
  for (const name of ['allocUnsafe', 'allocUnsafeSlow']) {
    const node = Buffer[name];
    Buffer[name] = (size, alignment) => {
      if (size >= LARGE) calls.add(name);
      return node(size, alignment);
    };
  }
  const reached = {};
  for (const [name, operation] of Object.entries(await operations())) {
    calls = new Set();
    await operation();
    reached[name] = [...calls].sort().join(', ');
  }
  return { version: process.version, reached };
}

async function drain(stream) {
  for await (const _ of stream);
}

async function operations() {
  const file = join(fs.mkdtempSync(join(tmpdir(), 'hakmem-reach-')), 'file');
  const large = randomBytes(2 ** 20);
  const text = 'x'.repeat(2 ** 20);
  fs.writeFileSync(file, large);
  const zipped = zlib.gzipSync(large);
  const compressed = zlib.brotliCompressSync(large);
  const server = http
    .createServer((request, response) => request.resume().on('end', () => response.end(large)))
    .listen(0);
  const echo = net.createServer((socket) => socket.end(large)).listen(0);
  await Promise.all([once(server, 'listening'), once(echo, 'listening')]);
  const { port } = server.address();
  const head = ['-c', '1000000', '/dev/zero'];
  return {
    'fs.readFileSync': () => fs.readFileSync(file),
    'fs.readFile': () => promisify(fs.readFile)(file),
    'fs.promises.readFile': () => fs.promises.readFile(file),
    'fs.createReadStream': () => drain(fs.createReadStream(file)),
    'zlib streams': () => drain(Readable.from([zipped]).pipe(zlib.createGunzip())),
    'zlib, brotli in one call': () => [zlib.gunzipSync(zipped), zlib.brotliDecompressSync(compressed)],
    'readable.read(n)': () => {
      const readable = new Readable({ read() {} });
      for (let count = 0; count < 8; count++) readable.push(large.subarray(0, 30_000));
      return readable.read(100_000);
    },
    'fetch: response.arrayBuffer()': async () => (await fetch(`http://localhost:${port}`)).arrayBuffer(),
    'fetch: response.text()': async () => (await fetch(`http://localhost:${port}`)).text(),
    'Buffer.from(string)': () => Buffer.from(text),
    'Buffer.concat': () => Buffer.concat([large, large]),
    'Buffer.from(Buffer), Buffer.alloc': () => [Buffer.from(large), Buffer.alloc(2 ** 20)],
    TextEncoder: () => new TextEncoder().encode(text),
    'net: reads': () => drain(net.connect(echo.address().port)),
    'http: bodies': async () => {
      const request = http.request({ port, method: 'POST' }).end(large);
      const [response] = await once(request, 'response');
      await drain(response);
    },
    'child process output': async () => {
      await drain(spawn('head', head).stdout);
      execFileSync('head', head, { maxBuffer: 2 ** 24 });
    },
    'filehandle.read() without a Buffer': async () => {
      const handle = await fs.promises.open(file);
      await handle.read();
      await handle.close();
    },
    'stream/consumers: buffer()': () => consume(Readable.from([large, large])),
    'crypto: randomBytes, digests, ciphers': () => {
      randomBytes(2 ** 20);
      createHash('sha256').update(large).digest();
      createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(large);
    },
    'Blob, structuredClone, postMessage': async () => [await new Blob([large]).arrayBuffer(), structuredClone(large)],
  };
}
