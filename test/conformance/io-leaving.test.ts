/** Streams of hakmem/io that stop being pooled, before their first chunk or in the middle: the bytes of fs, none lost, none twice. */
import fs from 'node:fs';
import path from 'node:path';
import { type Readable, Writable } from 'node:stream';
import * as streams from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { type ChunkSource, createReadStream, PooledReadable } from '../../lib/io/index';
import { bytesOf } from './support/files';
import { CHUNK_BYTES, LONG, openStreams } from './support/pooled-streams';
import { closed, collectByLoop, heldFile } from './support/streams';

const { pool, directory, file, allocs, pooledSince, open } = openStreams('io-leaving');
const expected = bytesOf(LONG);
const HEADER = Buffer.from('HEADER ');

function target(name: string): fs.WriteStream {
  return fs.createWriteStream(path.join(directory, name));
}

function contents(stream: fs.WriteStream): Buffer {
  return fs.readFileSync(stream.path);
}

/** Pipes, and waits until pooled chunks flow. */
async function pipeSome(stream: PooledReadable, to: Writable): Promise<void> {
  stream.pipe(to);
  while (stream.bytesRead < 3 * CHUNK_BYTES) {
    await new Promise(setImmediate);
  }
}

function collectData(stream: Readable): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => resolve(Buffer.concat(chunks)));
    stream.resume();
  });
}

describe('setEncoding', () => {
  it.each(['pipe', 'pipeline'])('before %s', async (by) => {
    const before = allocs();
    const stream = open();
    const to = target(`hex-${by}`);
    stream.setEncoding('hex');
    await (by === 'pipe' ? streams.finished(stream.pipe(to)) : streams.pipeline(stream, to));
    expect(contents(to).equals(Buffer.from(expected.toString('hex')))).toBe(true);
    expect(pooledSince(before)).toBe(0);
    await Promise.all([closed(stream), closed(to)]);
  });

  it('after pipe', async () => {
    const before = allocs();
    const stream = open();
    const to = stream.pipe(target('hex-after'));
    stream.setEncoding('hex');
    await streams.finished(to);
    expect(contents(to).equals(Buffer.from(expected.toString('hex')))).toBe(true);
    expect(pooledSince(before)).toBe(0);
    await Promise.all([closed(stream), closed(to)]);
  });

  it('when the pipe has begun', async () => {
    const stream = open();
    const to = target('hex-begun');
    to.once('pipe', () => stream.setEncoding('hex'));
    await streams.pipeline(stream, to);
    expect(contents(to).equals(Buffer.from(expected.toString('hex')))).toBe(true);
    await Promise.all([closed(stream), closed(to)]);
  });

  it('in the middle: what was not handed over yet is decoded', async () => {
    const stream = open();
    const to = target('hex-middle');
    await pipeSome(stream, to);
    const rawBytes = stream.bytesRead;
    stream.setEncoding('hex');
    await streams.finished(to);
    const rest = Buffer.from(expected.subarray(rawBytes).toString('hex'));
    expect(contents(to).equals(Buffer.concat([expected.subarray(0, rawBytes), rest]))).toBe(true);
    expect(stream.bytesRead).toBe(LONG);
    await Promise.all([closed(stream), closed(to)]);
  });

  it('and what gives nothing but Buffers do not go together', async () => {
    const stream = open();
    stream.setEncoding('hex');
    await expect(stream.pipeTo(new Writable())).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    await expect(stream.chunks().next()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    stream.destroy();
    await closed(stream);
    const chunked = open();
    const chunks = chunked.chunks();
    await chunks.next();
    for (const call of [() => chunked.setEncoding('hex'), () => chunked.unshift(HEADER)]) {
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
    }
    await chunks.return();
    await closed(chunked);
  });
});

describe('unshift', () => {
  const withHeader = Buffer.concat([HEADER, expected]);

  it.each(['before', 'after'])('%s pipe', async (when) => {
    const before = allocs();
    const stream = open();
    const to = target(`header-${when}`);
    if (when === 'before') {
      stream.unshift(HEADER);
      stream.pipe(to);
    } else {
      stream.pipe(to);
      stream.unshift(HEADER);
    }
    await streams.finished(to);
    expect(contents(to).equals(withHeader)).toBe(true);
    expect(pooledSince(before)).toBe(0);
    await Promise.all([closed(stream), closed(to)]);
  });

  it('when the pipe has begun', async () => {
    const stream = open();
    const to = target('header-begun');
    to.once('pipe', () => stream.unshift(HEADER));
    await streams.pipeline(stream, to);
    expect(contents(to).equals(withHeader)).toBe(true);
    await Promise.all([closed(stream), closed(to)]);
  });

  it.each(['alone', 'by a listener'])('in the middle, %s', async (how) => {
    const stream = open();
    const to = target(`header-middle-${how}`);
    let at = 0;
    const unshift = (): void => {
      at = stream.bytesRead;
      stream.unshift(HEADER);
    };
    await pipeSome(stream, to);
    if (how === 'alone') {
      unshift();
    } else {
      stream.once('data', unshift);
    }
    await streams.finished(to);
    expect(at).toBeGreaterThan(0);
    const whole = Buffer.concat([expected.subarray(0, at), HEADER, expected.subarray(at)]);
    expect(contents(to).equals(whole)).toBe(true);
    await Promise.all([closed(stream), closed(to)]);
  });

  it('after the end is an error, as everywhere', async () => {
    const stream = open(1000);
    const to = target('header-late');
    const failed = new Promise((resolve) => stream.once('error', resolve));
    stream.once('end', () => stream.unshift(HEADER));
    stream.pipe(to);
    expect(await failed).toMatchObject({ code: 'ERR_STREAM_UNSHIFT_AFTER_END_EVENT' });
    await Promise.all([closed(stream), closed(to)]);
    expect(contents(to).equals(bytesOf(1000))).toBe(true);
  });
});

describe('unpipe, and in the same turn', () => {
  it.each(['pipe', 'data', 'for await', 'setEncoding'])('%s', async (how) => {
    const stream = open();
    const first = target(`first-${how}`);
    await pipeSome(stream, first);
    stream.unpipe(first);
    let rest: Buffer;
    if (how === 'pipe') {
      const second = stream.pipe(target('second'));
      await streams.finished(second);
      rest = contents(second);
    } else if (how === 'data') {
      rest = await collectData(stream);
    } else if (how === 'for await') {
      rest = await collectByLoop(stream);
    } else {
      stream.setEncoding('hex');
      rest = Buffer.from((await stream.toArray()).join(''), 'hex');
    }
    first.end();
    await closed(first);
    expect(Buffer.concat([contents(first), rest]).equals(expected)).toBe(true);
    expect(stream.bytesRead).toBe(LONG);
    await closed(stream);
  });

  it.each([1, 2])('data, with %i Buffers in all', async (maxBuffers) => {
    const fixed = hakmem.createFixedPool({ size: CHUNK_BYTES, maxBuffers });
    const stream = createReadStream(file(LONG), { pool: fixed });
    const first = target(`fixed-${maxBuffers}`);
    await pipeSome(stream, first);
    stream.unpipe(first);
    const rest = await collectData(stream);
    first.end();
    await closed(first);
    expect(Buffer.concat([contents(first), rest]).equals(expected)).toBe(true);
    await closed(stream);
    fixed.destroy();
  });

  it('pipe to the same again', async () => {
    const stream = open();
    const to = target('again');
    await pipeSome(stream, to);
    stream.unpipe(to);
    stream.pipe(to);
    await streams.finished(to);
    expect(contents(to).equals(expected)).toBe(true);
    await Promise.all([closed(stream), closed(to)]);
  });

  it('nobody: the stream waits, as every Readable does', async () => {
    const stream = open();
    const to = target('waiting');
    await pipeSome(stream, to);
    stream.unpipe(to);
    expect(stream.isPaused()).toBe(true);
    stream.destroy();
    to.end();
    await Promise.all([closed(stream), closed(to)]);
  });

  it.each([0, 1, 2, 3])('data, of a source of short reads, while fill %i is under way', async (at) => {
    const shortBytes = 10;
    let fills = 0;
    const source: ChunkSource = {
      leftBytes: Number.POSITIVE_INFINITY,
      async fill(buffer) {
        if (fills++ === at) {
          stream.unpipe(to);
          rest = collectData(stream);
        }
        await new Promise(setImmediate);
        buffer.fill(fills);
        return fills > 6 ? 0 : shortBytes;
      },
      close: () => Promise.resolve(),
    };
    let rest: Promise<Buffer> = Promise.resolve(Buffer.alloc(0));
    const stream = new PooledReadable(source, { pool, chunkBytes: 100 });
    const to = target(`short-${at}`);
    const left = new Promise((resolve) => to.once('unpipe', resolve));
    stream.pipe(to);
    await left;
    const all = await rest;
    to.end();
    await closed(to);
    const whole = Buffer.concat([1, 2, 3, 4, 5, 6].map((byte) => Buffer.alloc(shortBytes, byte)));
    expect(Buffer.concat([contents(to), all]).equals(whole)).toBe(true);
    expect(fills, 'asked once at the end').toBe(7);
    await closed(stream);
  });

  it('data, of a source of short reads, while a chunk is being written', async () => {
    let fills = 0;
    const source: ChunkSource = {
      leftBytes: Number.POSITIVE_INFINITY,
      async fill(buffer) {
        buffer[0] = ++fills;
        return fills > 3 ? 0 : 1;
      },
      close: () => Promise.resolve(),
    };
    const stream = new PooledReadable(source, { pool, chunkBytes: 100 });
    const { to, writing } = heldFile(path.join(directory, 'short-held'));
    stream.pipe(to);
    const end = await writing;
    stream.unpipe(to);
    const rest = collectData(stream);
    // Until the stream has asked for more.
    await new Promise(setImmediate);
    end(null, 1);
    expect([...(await rest)]).toEqual([2, 3]);
    to.end();
    await Promise.all([closed(stream), closed(to)]);
  });

  it('data: a destination that fails when it was left is no concern of the stream', async () => {
    const { to, writing } = heldFile(path.join(directory, 'fails'));
    to.once('error', () => undefined);
    const stream = open();
    stream.pipe(to);
    const fail = await writing;
    stream.unpipe(to);
    const rest = collectData(stream);
    fail(new Error('the disk is full'));
    expect((await rest).equals(expected.subarray(CHUNK_BYTES))).toBe(true);
    await Promise.all([closed(stream), closed(to)]);
  });
});
