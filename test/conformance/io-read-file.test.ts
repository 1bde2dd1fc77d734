/** `readFile` of hakmem/io: what fs reads, in a pooled Buffer, and nothing kept when it fails. */
import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { readFile } from '../../lib/io/index';
import { failureOf } from './support/outcome';
import { openPooledFiles } from './support/pooled-files';

const { pool, books, directory, file } = openPooledFiles('read-file');

async function failure(reading: Promise<unknown>): Promise<{ name: string; code: string | undefined }> {
  return reading.then(
    () => assert.fail('it was expected to fail'),
    (error: unknown) => failureOf(error),
  );
}

describe.each([0, 1, 4096, 65_535, 65_536, 65_537, 300_000, 2 ** 21, 5_000_001])(
  'a file of %i bytes',
  (lengthBytes) => {
    it('is read as fs reads it, in a Buffer of its length', async () => {
      const buffer = books.keep(await readFile(file(lengthBytes), { pool }));
      expect(buffer.length).toBe(lengthBytes);
      expect(buffer.equals(fs.readFileSync(file(lengthBytes)))).toBe(true);
      books.check();
      books.free(buffer);
    });
  },
);

it('takes a URL, a Buffer for a path, and a flag', async () => {
  for (const name of [pathToFileURL(file(1000)), Buffer.from(file(1000))]) {
    const buffer = books.keep(await readFile(name, { pool, flag: 'r+' }));
    expect(buffer.equals(fs.readFileSync(name))).toBe(true);
    books.free(buffer);
  }
});

it('uses the default pool without a pool, and takes the module for one', async () => {
  for (const options of [undefined, {}, { pool: hakmem }]) {
    const before = hakmem.stats().operations.allocs;
    const buffer = await readFile(file(1000), options);
    expect(hakmem.stats().operations.allocs).toBeGreaterThan(before);
    hakmem.free(buffer);
  }
});

describe.runIf(process.platform === 'linux')('a file that does not know its size', () => {
  it.each(['/proc/self/maps', '/proc/cpuinfo', '/sys/kernel/mm/transparent_hugepage/enabled'])('%s', async (name) => {
    if (!fs.existsSync(name)) {
      return;
    }
    const buffer = books.keep(await readFile(name, { pool }));
    expect(fs.statSync(name).size === buffer.length || buffer.length > 0).toBe(true);
    expect(buffer.includes(0)).toBe(false);
    if (name !== '/proc/self/maps') {
      expect(buffer.length).toBeCloseTo(fs.readFileSync(name).length, -2);
    }
    books.free(buffer);
  });

  it('a pipe, longer than the first Buffer', async () => {
    const pipe = path.join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const bytes = fs.readFileSync(file(300_000));
    const [buffer] = await Promise.all([readFile(pipe, { pool }), fs.promises.writeFile(pipe, bytes)]);
    expect(books.keep(buffer).equals(bytes)).toBe(true);
    books.free(buffer);
  });
});

describe('a file that changes while it is read', () => {
  /** Changes the file between the look at its size and the first read. */
  function changing(change: () => void): Pick<typeof pool, 'allocUnsafe' | 'realloc' | 'free'> {
    return {
      allocUnsafe(size) {
        change();
        return pool.allocUnsafe(size);
      },
      realloc: (buffer, size) => pool.realloc(buffer, size),
      free: (buffer) => pool.free(buffer),
    };
  }

  it.each([
    ['shorter', 1000],
    ['empty', 0],
    ['longer', 300_000],
  ])('and gets %s', async (_what, nextBytes) => {
    const name = path.join(directory, `changing-${nextBytes}`);
    fs.copyFileSync(file(100_000), name);
    const changed = changing(() => fs.truncateSync(name, nextBytes));
    const buffer = books.keep(await readFile(name, { pool: changed }));
    expect(buffer.length).toBe(Math.min(nextBytes, 100_000));
    expect(buffer.equals(fs.readFileSync(file(100_000)).subarray(0, buffer.length))).toBe(true);
    books.free(buffer);
  });
});

describe('what goes wrong', () => {
  it.each([
    ['a file that is not there', () => path.join(directory, 'none')],
    ['a directory', () => directory],
    ['a path with a zero byte', () => 'a\0b'],
    ['no path', () => 5 as unknown as string],
  ])('%s fails as with fs', async (_what, name) => {
    expect(await failure(readFile(name(), { pool }))).toEqual(await failure(fs.promises.readFile(name())));
  });

  it.runIf(process.platform === 'linux')('a read that fails gives the Buffer back', async () => {
    expect((await failure(readFile('/proc/self/mem', { pool }))).code).toBe('EIO');
  });

  it('a pool at its limit is said, and the file closed', async () => {
    const small = hakmem.createPool({ maxBytes: 1000 });
    expect((await failure(readFile(file(65_537), { pool: small }))).code).toBe('ERR_HAKMEM_LIMIT');
    expect(small.stats().blocks.live).toBe(0);
    small.destroy();
  });

  it('a pool that grows into its limit keeps nothing', async () => {
    const small = hakmem.createPool({ maxBytes: 100_000 });
    const pipe = path.join(directory, 'limit-pipe');
    execFileSync('mkfifo', [pipe]);
    const writing = fs.promises.writeFile(pipe, fs.readFileSync(file(300_000))).catch(() => undefined);
    expect((await failure(readFile(pipe, { pool: small }))).code).toBe('ERR_HAKMEM_LIMIT');
    await writing;
    expect(small.stats().blocks.live).toBe(0);
    small.destroy();
  });

  it('a destroyed pool is said', async () => {
    const gone = hakmem.createPool();
    gone.destroy();
    expect((await failure(readFile(file(1000), { pool: gone }))).code).toBe('ERR_HAKMEM_DESTROYED');
  });

  it('wrong options are refused', async () => {
    for (const options of [null, 5, { pool: 5 }, { pool: {} }, { pool: null }, { signal: 'now' }]) {
      expect((await failure(readFile(file(1), options as object))).code).toBe('ERR_INVALID_ARG_TYPE');
    }
    const unknown = await failure(readFile(file(1), { encoding: 'utf8' } as object));
    expect(unknown).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
  });
});

describe('a signal', () => {
  it('that was given before', async () => {
    const reason = new Error('enough');
    const error = await readFile(file(1000), { pool, signal: AbortSignal.abort(reason) }).catch((e: Error) => e);
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
  });

  it.each([0, 1, 2, 3, 5, 8])('that comes after %i turns of the event loop leaves nothing', async (turns) => {
    const control = new AbortController();
    const reading = readFile(file(5_000_001), { pool, signal: control.signal });
    const settled = reading.then(
      (buffer) => books.free(books.keep(buffer)),
      (error: Error) => expect(error.name).toBe('AbortError'),
    );
    for (let turn = 0; turn < turns; turn++) {
      await new Promise(setImmediate);
    }
    control.abort();
    await settled;
  });
});
