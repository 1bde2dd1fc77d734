/** `fileChunks` of hakmem/io: the bytes that fs gives, in Buffers that are used again, and that always come back. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { createReadStream, type FileChunksOptions, fileChunks, onread } from '../../lib/io/index';
import { codeOf, thrownBy } from './support/outcome';
import { openPooledFiles } from './support/pooled-files';
import { BAD_NUMBERS, NOT_A_NUMBER } from './support/values';

const { pool, books, directory, file } = openPooledFiles('file-chunks');

async function contents(name: string, options: FileChunksOptions): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const chunk of fileChunks(name, options)) {
    copies.push(Buffer.from(chunk));
  }
  return Buffer.concat(copies);
}

async function codeOfStep(steps: AsyncIterable<unknown>): Promise<string | undefined> {
  try {
    for await (const _chunk of steps);
  } catch (error) {
    return (error as { code?: string }).code;
  }
  throw new Error('it was expected to fail');
}

describe.each([0, 1, 999, 1000, 1001, 65_536, 200_000])('a file of %i bytes', (lengthBytes) => {
  it.each([1000, 4096, 65_536, undefined])('in chunks of %s', async (chunkBytes) => {
    const all = await contents(file(lengthBytes), { pool, chunkBytes });
    expect(all.equals(fs.readFileSync(file(lengthBytes)))).toBe(true);
  });

  it('out of a fixed pool', async () => {
    const fixed = hakmem.createFixedPool({ size: 4096, maxBuffers: 2 });
    expect((await contents(file(lengthBytes), { pool: fixed })).length).toBe(lengthBytes);
    const all = await contents(file(lengthBytes), { pool: fixed, chunkBytes: 1000 });
    expect(all.equals(fs.readFileSync(file(lengthBytes)))).toBe(true);
    expect(fixed.stats().live).toBe(0);
    fixed.destroy();
  });
});

describe('a range', () => {
  it.each([
    [0, 0],
    [5, 5],
    [100, 65_999],
    [65_536, 131_071],
    [199_999, 300_000],
    [300_000, 400_000],
    [150_000, undefined],
    [undefined, 70_000],
    [undefined, Number.POSITIVE_INFINITY],
  ])('from %s to %s', async (start, end) => {
    const all = await contents(file(200_000), { pool, start, end, chunkBytes: 10_000 });
    const expected = fs.readFileSync(file(200_000)).subarray(start ?? 0, (end ?? Number.POSITIVE_INFINITY) + 1);
    expect(all.equals(expected)).toBe(true);
  });
});

describe('recycling', () => {
  it('takes two Buffers at most, however long the file', async () => {
    const places = new Set<string>();
    const addresses = new Map<ArrayBuffer, number>();
    for await (const chunk of fileChunks(file(200_000), { pool, chunkBytes: 1000 })) {
      addresses.set(chunk.buffer, addresses.get(chunk.buffer) ?? addresses.size);
      places.add(`${addresses.get(chunk.buffer)}:${chunk.byteOffset}`);
      expect(pool.stats().blocks.live).toBeLessThanOrEqual(2);
    }
    expect(places.size).toBeLessThanOrEqual(2);
  });

  it('takes one where there is no second', async () => {
    const fixed = hakmem.createFixedPool({ size: 1000, maxBuffers: 1 });
    const all = await contents(file(200_000), { pool: fixed });
    expect(all.equals(fs.readFileSync(file(200_000)))).toBe(true);
    fixed.destroy();
  });

  it('leaves a chunk alone until the next step', async () => {
    let at = 0;
    const expected = fs.readFileSync(file(200_000));
    for await (const chunk of fileChunks(file(200_000), { pool, chunkBytes: 10_000 })) {
      // Ample time for a read ahead into the wrong Buffer.
      for (let turn = 0; turn < 20; turn++) {
        await fs.promises.stat(directory);
      }
      expect(chunk.equals(expected.subarray(at, at + chunk.length))).toBe(true);
      at += chunk.length;
    }
    expect(at).toBe(expected.length);
  });

  it('yields nothing that could be freed', async () => {
    for await (const chunk of fileChunks(file(200_000), { pool })) {
      expect(codeOf(() => pool.free(chunk))).toBe('ERR_HAKMEM_NOT_OWNED');
    }
  });
});

describe('leaving early gives everything back', () => {
  it.each([1, 2, 3])('by break in step %i', async (steps) => {
    let seen = 0;
    for await (const _chunk of fileChunks(file(200_000), { pool, chunkBytes: 1000 })) {
      if (++seen === steps) {
        break;
      }
    }
    books.check();
  });

  it('by an error of the consumer', async () => {
    const failing = (async () => {
      for await (const _chunk of fileChunks(file(200_000), { pool, chunkBytes: 1000 })) {
        throw new Error('mine');
      }
    })();
    await expect(failing).rejects.toThrow('mine');
    books.check();
  });

  it('by return, before the first step and with steps under way', async () => {
    await fileChunks(file(1000), { pool }).return();
    const chunks = fileChunks(file(200_000), { pool, chunkBytes: 1000 });
    const steps = [chunks.next(), chunks.next()];
    await chunks.return();
    await Promise.all(steps);
    expect(await chunks.next()).toEqual({ done: true, value: undefined });
    books.check();
  });

  it('by a signal', async () => {
    const control = new AbortController();
    const chunks = fileChunks(file(200_000), { pool, chunkBytes: 1000, signal: control.signal });
    await chunks.next();
    control.abort();
    await expect(chunks.next()).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    books.check();
  });

  it('by the end of the pool', async () => {
    const doomed = hakmem.createPool();
    const chunks = fileChunks(file(200_000), { pool: doomed, chunkBytes: 1000 });
    await chunks.next();
    doomed.destroy();
    await chunks.return();
  });

  it('of a pipe, without waiting for more', async () => {
    const pipe = path.join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const keepsOpen = fs.openSync(pipe, 'r+');
    fs.writeSync(keepsOpen, 'hello');
    for await (const chunk of fileChunks(pipe, { pool })) {
      expect(chunk.toString()).toBe('hello');
      break;
    }
    fs.closeSync(keepsOpen);
  });
});

describe('what goes wrong', () => {
  it('a file that is not there, a directory', async () => {
    expect(await codeOfStep(fileChunks(path.join(directory, 'none'), { pool }))).toBe('ENOENT');
    expect(await codeOfStep(fileChunks(directory, { pool }))).toBe('EISDIR');
    expect(await codeOfStep(fileChunks(5 as unknown as string, { pool }))).toBe('ERR_INVALID_ARG_TYPE');
  });

  it.runIf(process.platform === 'linux')('a read that fails', async () => {
    expect(await codeOfStep(fileChunks('/proc/self/mem', { pool }))).toBe('EIO');
  });

  it('a pool without a single Buffer left', async () => {
    const fixed = hakmem.createFixedPool({ size: 1000, maxBuffers: 0 });
    expect(await codeOfStep(fileChunks(file(1000), { pool: fixed }))).toBe('ERR_HAKMEM_LIMIT');
  });

  it.each(NOT_A_NUMBER.filter(({ value }) => value !== undefined))('refuses $what for a number', ({ value }) => {
    for (const name of ['start', 'end', 'chunkBytes']) {
      expect(codeOf(() => fileChunks('x', { pool, [name]: value }))).toBe('ERR_INVALID_ARG_TYPE');
    }
  });

  it.each(BAD_NUMBERS)('refuses $what for a start and for a chunk', ({ value }) => {
    expect(codeOf(() => fileChunks('x', { start: value as number }))).toBe('ERR_OUT_OF_RANGE');
    if (value !== 2 ** 53) {
      expect(codeOf(() => fileChunks('x', { chunkBytes: value as number }))).toBe('ERR_OUT_OF_RANGE');
    }
  });

  it('refuses other nonsense', () => {
    expect(codeOf(() => fileChunks('x', { start: 5, end: 4 }))).toBe('ERR_OUT_OF_RANGE');
    expect(codeOf(() => fileChunks('x', { start: 1.5 }))).toBe('ERR_OUT_OF_RANGE');
    expect(codeOf(() => fileChunks('x', { chunkBytes: 0 }))).toBe('ERR_OUT_OF_RANGE');
    expect(codeOf(() => fileChunks('x', { pool: {} as typeof pool }))).toBe('ERR_INVALID_ARG_TYPE');
    expect(codeOf(() => fileChunks('x', null as unknown as object))).toBe('ERR_INVALID_ARG_TYPE');
    expect(codeOf(() => fileChunks('x', { highWaterMark: 1 } as object))).toBe('ERR_INVALID_ARG_VALUE');
    const fixed = hakmem.createFixedPool({ size: 1000 });
    expect(codeOf(() => fileChunks('x', { pool: fixed, chunkBytes: 1001 }))).toBe('ERR_OUT_OF_RANGE');
  });

  it('refuses a fixed pool whose Buffers have no room: every file would look empty', () => {
    const empty = hakmem.createFixedPool({ size: 0 });
    const error = thrownBy(() => fileChunks(file(1000), { pool: empty }));
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_RANGE', message: expect.stringContaining('"options.pool.size"') });
    expect(codeOf(() => fileChunks(file(1000), { pool: empty, chunkBytes: 1 }))).toBe('ERR_OUT_OF_RANGE');
    expect(codeOf(() => createReadStream(file(1000), { pool: empty }))).toBe('ERR_OUT_OF_RANGE');
    expect(codeOf(() => onread(empty, () => undefined))).toBe('ERR_OUT_OF_RANGE');
  });
});
