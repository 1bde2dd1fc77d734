import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import * as consumers from 'node:stream/consumers';
import * as streams from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { type ChunkSource, createReadStream, PooledReadable } from '../../lib/io/index';
import { bytesOf, hashOf } from './support/files';
import { codeOf } from './support/outcome';
import { CHUNK_BYTES, LONG, openStreams } from './support/pooled-streams';
import { closed, collectByLoop } from './support/streams';

const { pool, books, directory, file, allocs, pooledSince, open, allBack } = openStreams('readable');

/** Writes slowly, and looks at each chunk only when it says that it is done: what was recycled before shows in the hash. */
class SlowHash extends Writable {
  readonly hash = createHash('sha256');
  chunks = 0;
  readonly #turns: number;
  readonly #failAt: number;

  constructor(turns: number, failAt = Number.POSITIVE_INFINITY) {
    super({ highWaterMark: 1 });
    this.#turns = turns;
    this.#failAt = failAt;
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error) => void): void {
    this.chunks++;
    void this.#later(chunk, callback);
  }

  async #later(chunk: Buffer, callback: (error?: Error) => void): Promise<void> {
    for (let turn = 0; turn < this.#turns; turn++) {
      await fs.promises.stat(directory);
    }
    this.hash.update(chunk);
    callback(this.chunks === this.#failAt ? new Error('the disk is full') : undefined);
  }
}

describe('pooled chunks', () => {
  it.each([0, 1, CHUNK_BYTES, LONG])('a file of %i bytes to a file, by pipe and by pipeline', async (lengthBytes) => {
    const before = allocs();
    for (const by of ['pipe', 'pipeline']) {
      const target = fs.createWriteStream(path.join(directory, `copy-${by}`));
      const stream = open(lengthBytes);
      const ends = streams.finished(stream);
      await (by === 'pipe' ? streams.finished(stream.pipe(target)) : streams.pipeline(stream, target));
      await ends;
      expect(stream.bytesRead).toBe(lengthBytes);
      expect(fs.readFileSync(path.join(directory, `copy-${by}`)).equals(bytesOf(lengthBytes))).toBe(true);
      await Promise.all([closed(stream), closed(target)]);
    }
    expect(pooledSince(before)).toBeGreaterThan(0);
    expect(pooledSince(before), 'two Buffers for each stream').toBeLessThanOrEqual(4);
  });

  it.each([0, 1, 5])('are not recycled while a slow Writable has them (%i waits)', async (turns) => {
    const before = allocs();
    const slow = new SlowHash(turns);
    const stream = open();
    await stream.pipeTo(slow);
    expect(slow.hash.digest('hex')).toBe(hashOf(bytesOf(LONG)));
    expect(pooledSince(before)).toBe(2);
    expect(slow.writableFinished).toBe(true);
    await closed(stream);
  });

  it('to zlib, where the caller vouches for it', async () => {
    const before = allocs();
    const zip = createGzip();
    const [, zipped] = await Promise.all([open().pipeTo(zip), consumers.buffer(zip)]);
    const unzip = createGunzip();
    unzip.end(zipped);
    expect((await consumers.buffer(unzip)).equals(bytesOf(LONG))).toBe(true);
    expect(pooledSince(before)).toBe(2);
  });

  it('leave a destination open on demand', async () => {
    const slow = new SlowHash(0);
    await open(1000).pipeTo(slow, { end: false });
    expect(slow.writableEnded).toBe(false);
    await open(CHUNK_BYTES).pipeTo(slow);
    expect(slow.hash.digest('hex')).toBe(hashOf(Buffer.concat([bytesOf(1000), bytesOf(CHUNK_BYTES)])));
  });

  it('of chunks(), each valid until the next step', async () => {
    const before = allocs();
    const stream = open();
    const hash = createHash('sha256');
    for await (const chunk of stream.chunks()) {
      await fs.promises.stat(directory);
      hash.update(chunk);
    }
    expect(hash.digest('hex')).toBe(hashOf(bytesOf(LONG)));
    expect(pooledSince(before)).toBe(2);
    expect(stream.destroyed).toBe(true);
    await closed(stream);
  });

  it('late listeners get copies', async () => {
    const stream = open();
    const target = fs.createWriteStream(path.join(directory, 'late'));
    const kept: Buffer[] = [];
    target.once('pipe', () => stream.on('data', (chunk: Buffer) => kept.push(chunk)));
    await streams.finished(stream.pipe(target));
    expect(Buffer.concat(kept).equals(bytesOf(LONG))).toBe(true);
    await Promise.all([closed(stream), closed(target)]);
  });

  it('unpipe loses nothing: the next consumer gets the rest', async () => {
    const stream = open();
    const name = path.join(directory, 'unpiped');
    const target = fs.createWriteStream(name);
    stream.pipe(target);
    await new Promise((resolve) => target.once('pipe', resolve));
    while (stream.bytesRead < 3 * CHUNK_BYTES) {
      await new Promise(setImmediate);
    }
    stream.unpipe(target);
    const rest = await collectByLoop(stream);
    target.end();
    await closed(target);
    expect(Buffer.concat([fs.readFileSync(name), rest]).equals(bytesOf(LONG))).toBe(true);
  });

  it.each([1, 2, 3])('unpipe loses nothing, also while fill %i is under way', async (at) => {
    let fills = 0;
    const source: ChunkSource = {
      leftBytes: Number.POSITIVE_INFINITY,
      async fill(buffer, mostBytes) {
        if (++fills === at) {
          stream.unpipe(target);
        }
        buffer.fill(fills);
        return fills > 6 ? 0 : mostBytes;
      },
      close: () => Promise.resolve(),
    };
    const stream = new PooledReadable(source, { pool, chunkBytes: 100 });
    const name = path.join(directory, `unpiped-${at}`);
    const target = fs.createWriteStream(name);
    const unpiped = new Promise((resolve) => target.once('unpipe', resolve));
    stream.pipe(target);
    await unpiped;
    const rest = await collectByLoop(stream);
    target.end();
    await closed(target);
    const expected = Buffer.concat([1, 2, 3, 4, 5, 6].map((byte) => Buffer.alloc(100, byte)));
    expect(Buffer.concat([fs.readFileSync(name), rest]).equals(expected)).toBe(true);
    expect(stream.bytesRead).toBe(600);
  });

  it('refuse a second consumer', async () => {
    const stream = open();
    const target = fs.createWriteStream(path.join(directory, 'first'));
    stream.pipe(target);
    await new Promise((resolve) => target.once('pipe', resolve));
    expect(() => stream.pipe(new PassThrough())).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
    await expect(stream.pipeTo(new PassThrough())).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    await expect(stream.chunks().next()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    await Promise.all([closed(target), closed(stream)]);
  });

  it('a pool without a Buffer destroys the stream', async () => {
    const fixed = hakmem.createFixedPool({ size: 1000, maxBuffers: 0 });
    const stream = createReadStream(file(1000), { pool: fixed });
    await expect(stream.pipeTo(new SlowHash(0))).rejects.toMatchObject({ code: 'ERR_HAKMEM_LIMIT' });
    expect(stream.destroyed).toBe(true);
  });
});

describe('all Buffers come back', () => {
  it.each([1, 2, 5])('when the destination fails at write %i', async (failAt) => {
    const stream = open();
    await expect(stream.pipeTo(new SlowHash(1, failAt))).rejects.toThrow('the disk is full');
    await closed(stream);
    books.check();
  });

  it('when the source cannot be opened', async () => {
    const target = new SlowHash(0);
    const stream = createReadStream(path.join(directory, 'none'), { pool });
    await expect(stream.pipeTo(target)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(target.destroyed).toBe(true);
    const piped = createReadStream(path.join(directory, 'none'), { pool });
    const failed = new Promise((resolve) => piped.once('error', resolve));
    const file = fs.createWriteStream(path.join(directory, 'target'));
    piped.pipe(file);
    expect(await failed).toMatchObject({ code: 'ENOENT' });
    file.destroy();
    await closed(file);
  });

  it('when a fill fails while the chunk before is being written', async () => {
    let fills = 0;
    const source: ChunkSource = {
      leftBytes: Number.POSITIVE_INFINITY,
      async fill(buffer, mostBytes) {
        if (++fills === 3) {
          throw new Error('the line is dead');
        }
        buffer.fill(fills);
        return mostBytes;
      },
      async close() {
        fills = -1;
      },
    };
    const slow = new SlowHash(3);
    await expect(new PooledReadable(source, { pool }).pipeTo(slow)).rejects.toThrow('the line is dead');
    expect(slow.chunks).toBe(2);
    expect(fills, 'closed').toBe(-1);
  });

  it.each([0, 1, 2, 4, 8, 16])(
    'when it is destroyed after %i turns, but none before its write is over',
    async (turns) => {
      const slow = new SlowHash(20);
      const stream = open();
      const done = stream.pipeTo(slow).catch((error: Error) => error);
      for (let turn = 0; turn < turns; turn++) {
        await fs.promises.stat(directory);
      }
      const error = new Error('enough');
      stream.destroy(error);
      expect(await done).toBe(error);
      await closed(stream);
      await allBack();
      expect(slow.chunks).toBeLessThanOrEqual(2);
    },
  );

  it('when a signal ends it', async () => {
    const control = new AbortController();
    const stream = createReadStream(file(LONG), { pool, chunkBytes: CHUNK_BYTES, signal: control.signal });
    const done = stream.pipeTo(new SlowHash(3));
    setImmediate(() => control.abort());
    await expect(done).rejects.toMatchObject({ name: 'AbortError' });
    await closed(stream);
    await allBack();
    const gone = createReadStream(file(LONG), { pool, signal: AbortSignal.abort() });
    await expect(streams.finished(gone)).rejects.toMatchObject({ name: 'AbortError' });
    await closed(gone);
  });

  it('when chunks() is left, or the stream destroyed in it', async () => {
    const left = open();
    for await (const _chunk of left.chunks()) {
      break;
    }
    await closed(left);
    const destroyed = open();
    const loop = (async () => {
      for await (const _chunk of destroyed.chunks()) {
        destroyed.destroy();
      }
    })();
    await expect(loop).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    await closed(destroyed);
  });

  it('when nothing was ever read', async () => {
    const stream = open();
    stream.destroy();
    await closed(stream);
    const piped = open();
    const target = fs.createWriteStream(path.join(directory, 'never'));
    piped.pipe(target);
    piped.destroy();
    await closed(piped);
    target.destroy();
    await closed(target);
  });
});

describe('a source', () => {
  const source = { leftBytes: 1, fill: async () => 0, close: async () => undefined };

  it.each([
    undefined,
    null,
    5,
    'a path',
    {},
    { ...source, fill: undefined },
    { ...source, close: 5 },
    { ...source, leftBytes: undefined },
    { ...source, leftBytes: '1' },
  ])('that is none is refused at once: %j', (value) => {
    expect(codeOf(() => new PooledReadable(value as unknown as ChunkSource, { pool }))).toBe('ERR_INVALID_ARG_TYPE');
  });

  it.each([-1, Number.NaN])('with %d bytes left is refused', (leftBytes) => {
    expect(codeOf(() => new PooledReadable({ ...source, leftBytes }, { pool }))).toBe('ERR_OUT_OF_RANGE');
  });

  it('with options that are none, or that nobody knows, is refused', () => {
    expect(codeOf(() => new PooledReadable(source, null as unknown as object))).toBe('ERR_INVALID_ARG_TYPE');
    expect(codeOf(() => new PooledReadable(source, { start: 1 } as object))).toBe('ERR_INVALID_ARG_VALUE');
    expect(codeOf(() => createReadStream('x', null as unknown as object))).toBe('ERR_INVALID_ARG_TYPE');
    expect(codeOf(() => createReadStream('x', { encoding: 'utf8' } as object))).toBe('ERR_INVALID_ARG_VALUE');
  });

  it('is piped by pipeTo after wrong options as if there had been none', async () => {
    const slow = new SlowHash(0);
    const stream = open();
    for (const [options, code] of [
      [null, 'ERR_INVALID_ARG_TYPE'],
      [5, 'ERR_INVALID_ARG_TYPE'],
      [{ ende: false }, 'ERR_INVALID_ARG_VALUE'],
    ] as [object, string][]) {
      await expect(stream.pipeTo(slow, options)).rejects.toMatchObject({ name: 'TypeError', code });
    }
    await stream.pipeTo(slow);
    expect(slow.hash.digest('hex')).toBe(hashOf(bytesOf(LONG)));
  });

  it('may say that it does not know', async () => {
    const stream = new PooledReadable({ ...source, leftBytes: Number.POSITIVE_INFINITY }, { pool });
    expect(await stream.toArray()).toEqual([]);
  });
});
