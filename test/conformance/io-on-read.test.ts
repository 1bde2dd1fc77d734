/** `onread` of hakmem/io: what a socket receives, in Buffers of a fixed pool that come back whatever becomes of the socket. */
import { createHash } from 'node:crypto';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { type OnReadCallback, onread } from '../../lib/io/index';
import { bytesOf, hashOf } from './support/files';
import { codeOf, failureOf, thrownBy } from './support/outcome';

const SIZE = 4096;
const SENT = bytesOf(1_000_003);

let fixed: hakmem.FixedPool;
let server: net.Server;
let serve: (socket: net.Socket) => void;

beforeEach(async () => {
  fixed = hakmem.createFixedPool({ size: SIZE, maxBuffers: 1000 });
  serve = (socket) => socket.end(SENT);
  server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
});

afterEach(async () => {
  expect(fixed.stats().live, 'Buffers that did not come back').toBe(0);
  fixed.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function connect(callback: OnReadCallback, pool = fixed): net.Socket {
  const reading = onread(pool, callback);
  const { port } = server.address() as net.AddressInfo;
  return reading.attach(net.connect({ port, onread: reading as net.OnReadOpts }));
}

function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

describe('a socket', () => {
  it('delivers every byte in one Buffer that is used again', async () => {
    const hash = createHash('sha256');
    const seen = new Set<Buffer>();
    const socket = connect((bytesRead, buffer) => {
      expect(buffer.length).toBe(SIZE);
      seen.add(buffer);
      hash.update(buffer.subarray(0, bytesRead));
    });
    await closed(socket);
    expect(hash.digest('hex')).toBe(hashOf(SENT));
    expect(seen.size).toBe(1);
  });

  it('leaves alone what the callback keeps', async () => {
    const kept: { buffer: Buffer; bytesRead: number }[] = [];
    const socket = connect((bytesRead, buffer, reading) => {
      // Every third is used at once, and its Buffer again.
      const own = kept.length % 3 === 2 ? Buffer.from(buffer) : reading.keep();
      expect(own === buffer || kept.length % 3 === 2).toBe(true);
      kept.push({ buffer: own, bytesRead });
    });
    await closed(socket);
    const all = Buffer.concat(kept.map(({ buffer, bytesRead }) => buffer.subarray(0, bytesRead)));
    expect(hashOf(all)).toBe(hashOf(SENT));
    const ours = kept.filter((_, n) => n % 3 !== 2);
    expect(fixed.stats().live).toBe(ours.length);
    for (const { buffer } of ours) {
      fixed.release(buffer);
    }
  });

  it('is paused by false, and goes on with resume', async () => {
    const hash = createHash('sha256');
    let pauses = 0;
    const socket = connect((bytesRead, buffer) => {
      hash.update(buffer.subarray(0, bytesRead));
      pauses++;
      setImmediate(() => socket.resume());
      return false;
    });
    await closed(socket);
    expect(pauses).toBeGreaterThan(1);
    expect(hash.digest('hex')).toBe(hashOf(SENT));
  });

  it('can be used for writing as ever', async () => {
    serve = (socket) => socket.pipe(socket);
    const chunks: Buffer[] = [];
    const socket = connect((bytesRead, buffer) => {
      chunks.push(Buffer.from(buffer.subarray(0, bytesRead)));
    });
    socket.end(SENT);
    await closed(socket);
    expect(hashOf(Buffer.concat(chunks))).toBe(hashOf(SENT));
  });
});

describe('the Buffer comes back', () => {
  it.each([1, 2, 5])('from a socket that is destroyed in callback %i', async (at) => {
    let calls = 0;
    const socket = connect(() => {
      if (++calls === at) {
        socket.destroy();
      }
    });
    await closed(socket);
    expect(calls).toBe(at);
  });

  it('from a socket that is destroyed in the callback that keeps its Buffer', async () => {
    let kept: Buffer | undefined;
    const socket = connect((_bytesRead, _buffer, reading) => {
      kept = reading.keep();
      socket.destroy();
    });
    await closed(socket);
    fixed.release(kept as Buffer);
  });

  it('from a socket that never receives a byte', async () => {
    serve = (socket) => socket.end();
    await closed(connect(() => undefined));
  });

  it('from a socket that is destroyed before it is connected, and one that the peer resets', async () => {
    const early = connect(() => undefined);
    early.destroy();
    await closed(early);
    serve = (socket) => socket.resetAndDestroy();
    const reset = connect(() => undefined);
    reset.on('error', () => undefined);
    await closed(reset);
  });

  it('from a socket that cannot connect', async () => {
    const free = net.createServer();
    await new Promise<void>((resolve) => free.listen(0, resolve));
    const { port } = free.address() as net.AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const reading = onread(fixed, () => undefined);
    const socket = reading.attach(net.connect({ port, onread: reading as net.OnReadOpts }));
    socket.on('error', () => undefined);
    await closed(socket);
  });

  it('from a socket that is closed before it is attached', async () => {
    const reading = onread(fixed, () => undefined);
    const { port } = server.address() as net.AddressInfo;
    const socket = net.connect({ port, onread: reading as net.OnReadOpts });
    socket.destroy();
    await closed(socket);
    expect(fixed.stats().live).toBe(1);
    reading.attach(socket);
  });

  it('or goes with its pool', async () => {
    const doomed = hakmem.createFixedPool({ size: SIZE });
    const socket = connect(() => doomed.destroy(), doomed);
    await closed(socket);
  });
});

describe('a pool at its limit', () => {
  it('is met where the socket is made', () => {
    const empty = hakmem.createFixedPool({ size: SIZE, maxBuffers: 0 });
    expect(codeOf(() => connect(() => undefined, empty))).toBe('ERR_HAKMEM_LIMIT');
  });

  it('is met in keep(), and the socket goes on with the Buffer that it has', async () => {
    const small = hakmem.createFixedPool({ size: SIZE, maxBuffers: 3 });
    const kept: Buffer[] = [];
    const hash = createHash('sha256');
    let refused = 0;
    const socket = connect((bytesRead, buffer, reading) => {
      hash.update(buffer.subarray(0, bytesRead));
      try {
        kept.push(reading.keep());
      } catch (error) {
        expect(failureOf(error).code).toBe('ERR_HAKMEM_LIMIT');
        refused++;
      }
    }, small);
    await closed(socket);
    expect(kept).toHaveLength(2);
    expect(refused).toBeGreaterThan(0);
    expect(hash.digest('hex')).toBe(hashOf(SENT));
    expect(small.stats().live).toBe(2);
    small.destroy();
  });
});

describe('mistakes', () => {
  it('keep() outside the callback, or twice, is refused', async () => {
    const outside = onread(fixed, () => undefined);
    expect(codeOf(() => outside.keep())).toBe('ERR_INVALID_STATE');
    let second: string | undefined;
    const kept: Buffer[] = [];
    const socket = connect((_bytesRead, _buffer, reading) => {
      kept.push(reading.keep());
      second = codeOf(() => reading.keep());
      socket.destroy();
    });
    await closed(socket);
    expect(second).toBe('ERR_INVALID_STATE');
    kept.forEach((buffer) => {
      fixed.release(buffer);
    });
  });

  it('wrong arguments are refused', () => {
    const wrong = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
    for (const pool of [undefined, null, 5, {}, hakmem]) {
      const error = thrownBy(() => onread(pool as unknown as typeof fixed, () => undefined));
      expect(failureOf(error)).toEqual(wrong);
      expect(error.message).toContain('The "pool" argument must be a fixed pool');
    }
    expect(failureOf(thrownBy(() => onread(fixed, 5 as unknown as OnReadCallback)))).toEqual(wrong);
  });
});
