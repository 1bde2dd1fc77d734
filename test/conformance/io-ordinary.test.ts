/** Streams of hakmem/io for consumers that own what they get: the bytes of fs, and no pooled chunk that could be recycled under them. */
import fs from 'node:fs';
import path from 'node:path';
import { Duplex, PassThrough, pipeline, type Readable, Transform, Writable } from 'node:stream';
import * as consumers from 'node:stream/consumers';
import * as streams from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bytesOf } from './support/files';
import { LONG, openStreams } from './support/pooled-streams';
import { closed, collectByLoop } from './support/streams';

const { directory, allocs, pooledSince, open } = openStreams('io-ordinary');

describe('consumers that own what they get', () => {
  const expected = bytesOf(LONG);

  it.each([
    ['data', (stream: Readable) => collect(stream)],
    ['for await', (stream: Readable) => collectByLoop(stream)],
    ['read()', (stream: Readable) => collectByRead(stream)],
    ['stream/consumers', (stream: Readable) => consumers.buffer(stream)],
    ['toArray', async (stream: Readable) => Buffer.concat((await stream.toArray()) as Buffer[])],
    ['pipe to a PassThrough', (stream: Readable) => consumers.buffer(stream.pipe(new PassThrough()))],
    ['pipe to a Transform', (stream: Readable) => consumers.buffer(stream.pipe(forwarding()))],
    ['pipe to gzip', (stream: Readable) => consumers.buffer(stream.pipe(createGzip()).pipe(createGunzip()))],
  ] as [string, (stream: Readable) => Promise<Buffer>][])('%s', async (_what, read) => {
    const before = allocs();
    const stream = open();
    const all = await read(stream);
    expect(all.equals(expected)).toBe(true);
    expect(stream.bytesRead).toBe(LONG);
    expect(pooledSince(before)).toBe(0);
    await closed(stream);
  });

  it('a Writable that collects, by pipe and by pipeline', async () => {
    const before = allocs();
    for (const start of [(s: Readable, w: Writable) => void s.pipe(w), (s: Readable, w: Writable) => pipe(s, w)]) {
      const kept: Buffer[] = [];
      const stream = open();
      const collecting = new Writable({ write: (chunk, _encoding, callback) => callback(void kept.push(chunk)) });
      start(stream, collecting);
      await streams.finished(collecting);
      expect(Buffer.concat(kept).equals(expected)).toBe(true);
      await closed(stream);
    }
    expect(pooledSince(before)).toBe(0);
  });

  it('a file with a function of its own over write', async () => {
    const before = allocs();
    const kept: Buffer[] = [];
    const stream = open();
    const target = fs.createWriteStream(path.join(directory, 'patched'));
    const write = target.write.bind(target) as (...words: unknown[]) => boolean;
    target.write = ((chunk: Buffer, ...rest: unknown[]) => {
      kept.push(chunk);
      return write(chunk, ...rest);
    }) as typeof target.write;
    await streams.finished(stream.pipe(target));
    expect(Buffer.concat(kept).equals(expected)).toBe(true);
    expect(pooledSince(before)).toBe(0);
    await Promise.all([closed(stream), closed(target)]);
  });

  it('two destinations, and one with a listener', async () => {
    const [one, two, three] = ['one', 'two', 'three'].map((name) => fs.createWriteStream(path.join(directory, name)));
    const shared = open();
    shared.pipe(one);
    shared.pipe(two);
    const heard = open();
    heard.pipe(three);
    const listening = collect(heard);
    await Promise.all([one, two, three].map(closed));
    for (const name of ['one', 'two', 'three']) {
      expect(fs.readFileSync(path.join(directory, name)).equals(expected)).toBe(true);
    }
    expect((await listening).equals(expected)).toBe(true);
    await Promise.all([closed(shared), closed(heard)]);
  });

  it('a stream that is piped nowhere for a while', async () => {
    const stream = open();
    const first = (await onceReadable(stream)).length;
    expect(first + (await collectByLoop(stream)).length).toBe(LONG);
  });
});

function pipe(stream: Readable, destination: Writable): void {
  pipeline(stream, destination, () => undefined);
}

async function onceReadable(stream: Readable): Promise<Buffer> {
  await new Promise((resolve) => stream.once('readable', resolve));
  return stream.read() as Buffer;
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await streams.finished(stream);
  return Buffer.concat(chunks);
}

async function collectByRead(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('readable', () => {
    for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) {
      chunks.push(chunk);
    }
  });
  await streams.finished(stream);
  return Buffer.concat(chunks);
}

/** Calls back at once and keeps the chunk in its own buffer: the worst of destinations. */
function forwarding(): Transform {
  return new Transform({ transform: (chunk, _encoding, callback) => callback(null, chunk) });
}

it('a Duplex that pretends to be a socket is not taken for one', async () => {
  const before = allocs();
  class Socket extends Duplex {
    override _read(): void {}
    override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
      this.push(chunk);
      callback();
    }
    override _final(callback: () => void): void {
      this.push(null);
      callback();
    }
  }
  const stream = open();
  expect((await consumers.buffer(stream.pipe(new Socket()))).equals(bytesOf(LONG))).toBe(true);
  expect(pooledSince(before)).toBe(0);
  await closed(stream);
});
