/** Files over HTTP and sockets by hakmem/io: every answer right, also where clients leave, and every Buffer back. */
import assert from 'node:assert';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import * as consumers from 'node:stream/consumers';
import { createGunzip, createGzip } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createReadStream } from '../../lib/io/index';
import { bytesOf, hashOf } from './support/files';
import { LONG, openStreams } from './support/pooled-streams';
import { closed } from './support/streams';

const { pool, books, directory, file, allocs, pooledSince, open } = openStreams('io-http');

describe('over HTTP', () => {
  interface Answer {
    body: Buffer;
    headers: http.IncomingHttpHeaders;
  }

  async function serve<T>(handler: http.RequestListener, client: (port: number) => Promise<T>): Promise<T> {
    const server = http.createServer(handler);
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const address = server.address() as net.AddressInfo;
    try {
      return await client(address.port);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  function get(port: number, method = 'GET'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = http.request({ port, method, agent: false }, (response) => {
        consumers.buffer(response).then((body) => resolve({ body, headers: response.headers }), reject);
      });
      request.once('error', reject);
      request.end();
    });
  }

  it.each(['chunked', 'with a length'])('a response is served by pipe, %s', async (kind) => {
    const before = allocs();
    const done: Promise<void>[] = [];
    const handler: http.RequestListener = (_request, response) => {
      if (kind === 'with a length') {
        response.setHeader('Content-Length', LONG);
      }
      const stream = open();
      stream.pipe(response);
      done.push(closed(stream));
    };
    const answers = await serve(handler, (port) => Promise.all([get(port), get(port), get(port)]));
    await Promise.all(done);
    for (const { body } of answers) {
      expect(hashOf(body)).toBe(hashOf(bytesOf(LONG)));
    }
    expect(pooledSince(before)).toBeGreaterThan(0);
    expect(pooledSince(before)).toBeLessThanOrEqual(6);
  });

  it('a response without a body', async () => {
    const done: Promise<void>[] = [];
    const handler: http.RequestListener = (_request, response) => {
      const stream = open();
      stream.pipe(response);
      done.push(closed(stream));
    };
    expect((await serve(handler, (port) => get(port, 'HEAD'))).body.length).toBe(0);
    await Promise.all(done);
  });

  it('a response whose write compresses, as middleware does it', async () => {
    const before = allocs();
    const handler: http.RequestListener = (_request, response) => {
      const zip = createGzip();
      const plainEnd = response.end.bind(response) as () => void;
      const plainWrite = response.write.bind(response) as (chunk: Buffer) => boolean;
      zip.on('data', (chunk: Buffer) => plainWrite(chunk)).once('end', () => plainEnd());
      response.write = ((chunk: Buffer) => zip.write(chunk)) as typeof response.write;
      response.end = (() => zip.end()) as unknown as typeof response.end;
      zip.on('drain', () => response.emit('drain'));
      open().pipe(response);
    };
    const { body } = await serve(handler, get);
    const unzip = createGunzip();
    unzip.end(body);
    expect((await consumers.buffer(unzip)).equals(bytesOf(LONG))).toBe(true);
    expect(pooledSince(before)).toBe(0);
  });

  it.each([0, 1, 5, 20])('a client that leaves after %i chunks keeps nothing', async (chunks) => {
    const done: Promise<void>[] = [];
    const handler: http.RequestListener = (_request, response) => {
      const stream = createReadStream(file(20_000_000), { pool });
      stream.pipe(response);
      done.push(closed(stream));
    };
    await serve(handler, (port) => leaveAfter(port, chunks));
    expect(done).toHaveLength(1);
    await Promise.all(done);
    books.check();
  });

  function leaveAfter(port: number, chunks: number): Promise<void> {
    return new Promise((resolve) => {
      const socket = net.connect({ port }, () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
      let seen = 0;
      socket.once('close', () => resolve());
      socket.on('data', () => {
        if (seen++ >= chunks) {
          socket.destroy();
        }
      });
    });
  }

  it('responses in a pipeline of requests each get their own bytes', async () => {
    const done: Promise<void>[] = [];
    const handler: http.RequestListener = (request, response) => {
      const lengthBytes = Number(request.url?.slice(1));
      response.setHeader('Content-Length', lengthBytes);
      const stream = open(lengthBytes);
      stream.pipe(response);
      done.push(closed(stream));
    };
    const lengths = [50_000, 1000, 30_001];
    const requests = lengths.map(
      (length, n) => `GET /${length} HTTP/1.1\r\nHost: x\r\n${n === 2 ? 'Connection: close\r\n' : ''}\r\n`,
    );
    const all = await serve(handler, (port) => {
      const socket = net.connect({ port }, () => socket.write(requests.join('')));
      return consumers.buffer(socket);
    });
    await Promise.all(done);
    let at = 0;
    for (const length of lengths) {
      at = all.indexOf('\r\n\r\n', at) + 4;
      assert.ok(all.subarray(at, at + length).equals(bytesOf(length)), `${length} bytes`);
      at += length;
    }
    expect(at).toBe(all.length);
  });

  it('a socket that is slow to read gets what was sent', async () => {
    const done: Promise<void>[] = [];
    const server = net.createServer((socket) => {
      const stream = createReadStream(file(20_000_000), { pool });
      stream.pipe(socket);
      done.push(closed(stream));
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const socket = net.connect((server.address() as net.AddressInfo).port);
    const hash = createHash('sha256');
    for await (const chunk of socket) {
      hash.update(chunk as Buffer);
      await fs.promises.stat(directory);
    }
    expect(hash.digest('hex')).toBe(hashOf(fs.readFileSync(file(20_000_000))));
    await Promise.all(done);
    server.close();
  });
});
