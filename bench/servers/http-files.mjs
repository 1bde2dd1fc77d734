/**
 * A file server, as an example of hakmem/io and to be measured:
 *
 *     node bench/servers/http-files.mjs <directory> [--port 8080] [--chunk <bytes>] [--plain]
 *
 * The two versions differ in one function: `createReadStream` of hakmem/io, or of `node:fs`.
 */
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createPool } from '../../dist/index.mjs';
import { createReadStream } from '../../dist/io/index.mjs';
import { listen } from './measured.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    plain: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
    chunk: { type: 'string', default: '65536' },
  },
});
const root = path.resolve(positionals[0] ?? '.');
const chunkBytes = Number(values.chunk);
const pool = createPool({ name: 'files', maxBytes: 256 * 2 ** 20 });

const open = values.plain
  ? (file, end) => fs.createReadStream(file, { end, highWaterMark: chunkBytes })
  : (file, end) => createReadStream(file, { end, chunkBytes, pool });

const server = http.createServer((request, response) => {
  const file = path.join(root, path.normalize(decodeURI(request.url)));
  fs.stat(file, (error, stats) => {
    if (error || !stats.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': stats.size });
    if (stats.size === 0) {
      response.end();
      return;
    }
    const stream = open(file, stats.size - 1);
    // The headers are gone already, so a broken connection is all that is left to say it by.
    stream.once('error', () => response.destroy());
    response.once('close', () => stream.destroy());
    stream.pipe(response);
  });
});

listen(server, { port: Number(values.port), live: () => pool.stats().blocks.live });
