/** Streams of hakmem/io that are destroyed while a consumer has a chunk: the error and the close at once, the chunk when it is done with. */
import fs from 'node:fs';
import path from 'node:path';
import { type Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type ChunkSource, createReadStream, PooledReadable } from '../../lib/io/index';
import { bytesOf, openBelow } from './support/files';
import { CHUNK_BYTES, LONG, openStreams } from './support/pooled-streams';
import { closed, heldFile } from './support/streams';

const { pool, directory, file, open, allBack } = openStreams('io-destroyed');

function errorOf(stream: Readable): Promise<Error> {
  return new Promise((resolve) => stream.once('error', resolve));
}

describe('a stream that is destroyed', () => {
  it.each(['signal', 'destroy'])('by %s while a piped chunk is being written', async (by) => {
    const control = new AbortController();
    const stream = createReadStream(file(LONG), { pool, chunkBytes: CHUNK_BYTES, signal: control.signal });
    const { to, writing } = heldFile(path.join(directory, `held-${by}`));
    to.once('error', () => undefined);
    const failed = errorOf(stream);
    stream.pipe(to);
    const end = await writing;
    const reason = new Error('enough');
    if (by === 'signal') {
      control.abort();
    } else {
      stream.destroy(reason);
    }
    expect(await failed).toMatchObject(by === 'signal' ? { name: 'AbortError' } : reason);
    await closed(stream);
    expect(openBelow(directory), 'files open: the one that is written').toBeLessThanOrEqual(1);
    expect(pool.stats().blocks.live, 'the chunk that is being written').toBeGreaterThan(0);
    end(new Error('the disk is full'));
    await Promise.all([closed(to), allBack()]);
  });

  it('by a signal in pipeTo', async () => {
    const control = new AbortController();
    let end = (): void => undefined;
    let chunk: Buffer = Buffer.alloc(0);
    const held = new Writable({
      write(given: Buffer, _encoding, callback) {
        chunk = given;
        end = callback;
        control.abort();
      },
    });
    await expect(open().pipeTo(held, { signal: control.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(pool.stats().blocks.live, 'the chunk that is being written').toBeGreaterThan(0);
    expect(chunk.equals(bytesOf(LONG).subarray(0, CHUNK_BYTES))).toBe(true);
    end();
    await allBack();
  });

  it('in chunks(), where the chunk is good until the next step', async () => {
    const stream = open();
    const reason = new Error('enough');
    const failed = errorOf(stream);
    const loop = (async () => {
      for await (const chunk of stream.chunks()) {
        stream.destroy(reason);
        expect(await failed).toBe(reason);
        await closed(stream);
        expect(openBelow(directory)).toBe(0);
        expect(chunk.equals(bytesOf(LONG).subarray(0, CHUNK_BYTES))).toBe(true);
      }
    })();
    await expect(loop).rejects.toBe(reason);
  });

  it.each([1, 2, 3])('during fill %i closes its source after that, and fills no more', async (at) => {
    const log: string[] = [];
    const source: ChunkSource = {
      leftBytes: Number.POSITIVE_INFINITY,
      async fill(buffer, mostBytes) {
        log.push('fill');
        if (log.length === at) {
          stream.destroy();
        }
        await fs.promises.stat(directory);
        buffer.fill(1);
        if (stream.destroyed) {
          log.push('filled');
        }
        return mostBytes;
      },
      close: async () => void log.push('close'),
    };
    const stream = new PooledReadable(source, { pool, chunkBytes: 100 });
    const target = fs.createWriteStream(path.join(directory, `fill-${at}`));
    stream.pipe(target);
    await closed(stream);
    await allBack();
    expect(log).toEqual([...Array(at).fill('fill'), 'filled', 'close']);
    target.destroy();
    await closed(target);
  });
});
