/** Checked pools: what was given back has no memory any more, errors say where, and what is never freed is told at exit. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { markAsUntransferable } from 'node:worker_threads';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { FREED_BYTE, retiredBytes } from '../../lib/checked-memory';
import type { HakmemError } from '../../lib/errors';
import type { Pool } from '../../lib/index';
import * as hakmem from '../../lib/index';
import { placeOf } from '../../lib/pool-places';
import { misalignment } from './support/alignment';
import { openPool } from './support/books';
import { isFullOf } from './support/bytes';
import { outcome, thrownBy } from './support/outcome';
import { randomFor } from './support/random';

const SIZES = [1, 100, 4096, 40_000, 2 ** 20 + 1];
const { pool, books } = openPool('checked', { checked: true, shared: true });

/** A Buffer and views of it, all of one byte. */
function viewed(size: number): { buffer: Buffer; views: Buffer[] } {
  const buffer = pool.alloc(size, 7);
  return { buffer, views: [buffer, buffer.subarray(0, 1), Buffer.from(buffer.buffer)] };
}

function expectGone(views: Buffer[]): void {
  for (const view of views) {
    expect([view.length, view[0], view.byteOffset]).toEqual([0, undefined, 0]);
    expect(thrownBy(() => view.fill(1))).toBeInstanceOf(TypeError);
  }
}

describe.each(SIZES)('a Buffer of %i bytes', (size) => {
  it('has contents that nobody takes for zeros, unless the pool is one that clears', () => {
    const clean = hakmem.createPool({ checked: true, zero: true });
    for (let round = 0; round < 3; round++) {
      const [dirty, cleared, zeroed] = [pool.allocUnsafe(size), pool.alloc(size), clean.allocUnsafe(size)];
      expect([dirty.includes(0), isFullOf(cleared, 0), isFullOf(zeroed, 0)]).toEqual([false, true, true]);
      zeroed.fill(1);
      pool.free(dirty);
      pool.free(cleared);
      clean.free(zeroed);
    }
    clean.destroy();
  });

  it('has an ArrayBuffer of its own', () => {
    const [one, other] = [books.keep(pool.allocUnsafe(size)), books.keep(pool.allocUnsafe(size))];
    expect([one.byteOffset, one.buffer.byteLength, one.buffer === other.buffer]).toEqual([0, size, false]);
    books.freeAll();
  });

  it.each([
    ['free', (buffer: Buffer) => pool.free(buffer)],
    ['realloc to more', (buffer: Buffer) => pool.free(pool.realloc(buffer, 3 * size))],
    ['realloc in place', (buffer: Buffer) => pool.free(pool.realloc(buffer, size))],
    ['share', (buffer: Buffer) => pool.free(pool.adopt(pool.share(buffer)))],
  ])('is gone after %s, with its slices; its bytes are overwritten', (_, giveBack) => {
    const { buffer, views } = viewed(size);
    giveBack(buffer);
    expectGone(views);
    expect(isFullOf(Buffer.from(retiredBytes(buffer) as ArrayBuffer), FREED_BYTE)).toBe(true);
  });

  it('keeps its contents when it moves', () => {
    const grown = pool.realloc(viewed(size).buffer, 2 * size);
    expect(isFullOf(grown.subarray(0, size), 7)).toBe(true);
    const arrived = pool.adopt(pool.share(pool.realloc(grown, size)));
    expect([arrived.length, isFullOf(arrived, 7)]).toEqual([size, true]);
    pool.free(arrived);
  });

  it('is not given back while somebody else has its memory', () => {
    const robbed = hakmem.createPool({ checked: true, shared: true });
    const buffer = robbed.allocUnsafe(size);
    structuredClone(buffer.buffer as ArrayBuffer, { transfer: [buffer.buffer as ArrayBuffer] });
    for (const call of [() => robbed.free(buffer), () => robbed.realloc(buffer, 5), () => robbed.share(buffer)]) {
      expect(outcome(call)).toEqual({ error: { name: 'TypeError', code: 'ERR_INVALID_STATE' } });
    }
    expect(robbed.stats().blocks.live).toBe(1);
    robbed.destroy();
  });
});

describe('an error about a Buffer that is gone', () => {
  const here = 'checked.test.ts';

  it('names its length, and where it was freed', () => {
    const buffer = pool.from('hello');
    pool.free(buffer);
    const error = thrownBy(() => pool.free(buffer)) as HakmemError;
    expect(error.message).toContain('This Buffer of 5 bytes');
    expect((error.cause as Error).message).toBe('It was freed here');
    expect((error.cause as Error).stack?.split('\n')[1]).toContain(here);
  });

  it('says so of one that was reallocated, shared, or released', () => {
    const [reallocated, shared] = [pool.allocUnsafe(10), pool.allocUnsafe(10)];
    pool.free(pool.realloc(reallocated, 20));
    pool.free(pool.adopt(pool.share(shared)));
    const fixed = hakmem.createFixedPool({ size: 64, checked: true });
    const released = fixed.acquire();
    fixed.release(released);
    const causes = [() => pool.free(reallocated), () => pool.free(shared), () => fixed.release(released)].map(
      (call) => {
        const { cause } = thrownBy(call) as HakmemError;
        expect((cause as Error).stack).toContain(here);
        return (cause as Error).message;
      },
    );
    expect(causes).toEqual(['It was given back by realloc here', 'It was shared here', 'It was freed here']);
    fixed.destroy();
  });
});

describe('nothing is half-done', () => {
  const { Error: plainError } = globalThis;
  const [refused, beyond] = ['ERR_HAKMEM_OUT_OF_MEMORY', 'ERR_HAKMEM_LIMIT'].map((code) => ({
    error: { name: 'HakmemError', code },
  }));
  const refuseMemory = () =>
    vi.stubGlobal(
      'ArrayBuffer',
      class {
        constructor() {
          throw new RangeError('Array buffer allocation failed');
        }
      },
    );
  afterEach(() => {
    vi.unstubAllGlobals();
    Reflect.deleteProperty(plainError, 'prepareStackTrace');
    plainError.stackTraceLimit = 10;
  });

  it.each([
    ['keeps stacks in a form of its own', () => Object.assign(plainError, { prepareStackTrace: () => [] })],
    ['keeps no stacks', () => Object.assign(plainError, { stackTraceLimit: undefined })],
    ['keeps none either', () => Object.assign(plainError, { stackTraceLimit: 0 })],
  ])('where the program %s', (_, prepare) => {
    prepare();
    const buffer = books.keep(pool.alloc(100, 1));
    const limit = plainError.stackTraceLimit;
    books.replace(buffer, pool.realloc(buffer, 200));
    books.check();
    books.freeAll();
    books.check();
    expect([buffer.length, plainError.stackTraceLimit]).toEqual([0, limit]);
  });

  it('where its way to keep stacks throws', () => {
    const buffer = books.keep(pool.alloc(100, 1));
    const failing = new RangeError('no stack');
    plainError.prepareStackTrace = () => {
      throw failing;
    };
    for (const call of [() => pool.allocUnsafe(5), () => pool.free(buffer), () => pool.realloc(buffer, 5)]) {
      expect(call).toThrow(failing);
    }
    Reflect.deleteProperty(plainError, 'prepareStackTrace');
    books.check();
    expect(isFullOf(buffer, 1)).toBe(true);
    books.freeAll();
  });

  it('where there is no memory: what was to be adopted can be still', () => {
    const [source, there] = [false, true].map((checked) => hakmem.createPool({ shared: true, checked })) as [
      Pool,
      Pool,
    ];
    const handle = source.share(source.alloc(100, 7));
    const buffer = books.keep(pool.alloc(100, 1));
    refuseMemory();
    for (const call of [() => there.adopt(handle), () => pool.allocUnsafe(5), () => pool.realloc(buffer, 5)]) {
      expect(outcome(call)).toEqual(refused);
    }
    vi.unstubAllGlobals();
    books.check();
    expect(isFullOf(buffer, 1)).toBe(true);
    expect(isFullOf(there.adopt(handle), 7)).toBe(true);
    books.freeAll();
    source.destroy();
    there.destroy();
  });

  it('where there is no memory, and no room within the limit either: it is the limit that tells', () => {
    const limited = hakmem.createPool({ checked: true, maxBytes: 4096 });
    const buffer = limited.alloc(3000, 1);
    refuseMemory();
    const errors = [4096, 50_000].map((size) => outcome(() => limited.realloc(buffer, size)));
    const shrunk = outcome(() => limited.realloc(buffer, 10));
    vi.unstubAllGlobals();
    expect(errors).toEqual([beyond, beyond]);
    expect(shrunk).toEqual(refused);
    expect([isFullOf(buffer, 1), limited.stats().blocks.live]).toEqual([true, 1]);
    limited.free(buffer);
    limited.destroy();
  });

  it('where the program has marked the memory as its own: it keeps it', () => {
    const buffer = pool.alloc(100, 1);
    markAsUntransferable(buffer.buffer);
    pool.free(buffer);
    expect(isFullOf(buffer, FREED_BYTE)).toBe(true);
    expect(outcome(() => pool.free(buffer))).toEqual({
      error: { name: 'HakmemError', code: 'ERR_HAKMEM_DOUBLE_FREE' },
    });
    books.check();
  });

  it('where the memory of a released Buffer was taken', () => {
    const fixed = hakmem.createFixedPool({ size: 64, maxBuffers: 1, checked: true });
    const buffer = fixed.acquire();
    structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
    for (let time = 0; time < 3; time++) {
      expect(outcome(() => fixed.release(buffer))).toEqual({ error: { name: 'TypeError', code: 'ERR_INVALID_STATE' } });
    }
    expect(fixed.stats()).toMatchObject({ capacity: 1, live: 1, cached: 0, acquired: 1, released: 0 });
    expect(outcome(() => fixed.acquire())).toEqual(beyond);
    fixed.destroy();
  });
});

describe('an alignment', () => {
  it.runIf(hakmem.backend.capabilities.maxAlignment >= 4096)('outlives a realloc in place', () => {
    const buffer = pool.realloc(pool.allocUnsafe(5000, 4096), 4990);
    expect(misalignment(buffer, 4096)).toBe(0);
    pool.free(buffer);
  });
});

describe('a fixed pool', () => {
  it('takes the memory of what is released, and recycles no Buffer', () => {
    const fixed = hakmem.createFixedPool({ size: 1000, maxBuffers: 1, checked: true });
    for (let turn = 0; turn < 10; turn++) {
      const buffer = fixed.acquire();
      const slice = buffer.subarray(5);
      fixed.release(buffer);
      expectGone([buffer, slice]);
    }
    expect(fixed.stats()).toMatchObject({ live: 0, acquired: 10, released: 10 });
    fixed.destroy();
  });

  it('is as HAKMEM_CHECK says unless it says otherwise', () => {
    const fixed = hakmem.createFixedPool({ size: 10, checked: false });
    const buffer = fixed.acquire();
    fixed.release(buffer);
    expect(fixed.acquire()).toBe(buffer);
    fixed.destroy();
  });
});

describe('everything else', () => {
  const [plain, checked] = [false, true].map((flag) => hakmem.createPool({ checked: flag, maxBytes: 4 * 2 ** 20 }));
  afterAll(() => {
    plain.destroy();
    checked.destroy();
  });

  it('is as in a pool without checks: places, limits and numbers, at every step', () => {
    const random = randomFor('checked');
    const held: [Buffer, Buffer][] = [];
    const both = (call: (of: hakmem.Pool, at: 0 | 1) => Buffer | undefined) => {
      const results = [outcome(() => call(plain, 0)), outcome(() => call(checked, 1))];
      expect(Object.keys(results[1] as object)).toEqual(Object.keys(results[0] as object));
      return results.map((result) => (result as { value?: Buffer }).value) as [Buffer, Buffer];
    };
    for (let step = 0; step < 1500; step++) {
      const size = Math.floor(2 ** (random.next() * 20));
      const index = Math.floor(random.next() * held.length);
      const pair = held[index];
      if (pair === undefined || random.next() < 0.5) {
        held.push(both((of) => of.allocUnsafe(size)));
      } else if (random.next() < 0.3) {
        held[index] = both((of, at) => of.realloc(pair[at], size));
      } else {
        both((of, at) => of.free(pair[at]) as undefined);
        held.splice(index, 1);
      }
      if (held.at(-1)?.[0] === undefined) {
        held.pop();
      }
      for (const [one, other] of held.slice(-1)) {
        expect(placeOf(checked, other)).toEqual(placeOf(plain, one));
      }
    }
    const { name: _one, ...numbers } = plain.stats();
    const { name: _other, ...same } = checked.stats();
    expect(same).toEqual(numbers);
  });
});

describe('at exit', () => {
  const root = join(__dirname, '..', '..');

  /** Runs a program with `hakmem` and `assert` at hand. @returns what it wrote to standard error. */
  function errorsOf(program: string, HAKMEM_CHECK = '1'): string {
    const file = join(root, 'dist', 'index.js');
    const source = `const hakmem = require(${JSON.stringify(file)});\n${program}`;
    const child = spawnSync(process.execPath, ['--expose-gc', '-e', source], {
      encoding: 'utf8',
      env: { ...process.env, HAKMEM_CHECK },
    });
    expect(child.status, child.stderr).toBe(0);
    return child.stderr;
  }

  it('tells what was never freed, places together, the most bytes first', () => {
    const told = errorsOf(`
      function small() { return hakmem.allocUnsafe(10); }
      function large() { return hakmem.createPool({ name: 'images' }).alloc(70000); }
      small(); large();
      for (let n = 0; n < 3; n++) small();
      hakmem.free(small());
      let kept = small(); kept = hakmem.realloc(kept, 20); hakmem.free(kept);`);
    const lines = told.split('\n').filter((line) => !/^ {4}at (?!small|large)/.test(line));
    expect(lines).toEqual([
      'hakmem: 5 Buffers (70040 bytes) never freed',
      "  1 Buffer (70000 bytes) of the pool 'images', allocated",
      expect.stringMatching(/^ {4}at large \(\[eval]:\d+:\d+\)$/),
      "  3 Buffers (30 bytes) of the pool 'default', allocated",
      expect.stringMatching(/^ {4}at small /),
      "  1 Buffer (10 bytes) of the pool 'default', allocated",
      expect.stringMatching(/^ {4}at small /),
      '',
    ]);
  });

  it('tells nothing where all is freed, or its pool destroyed, or nothing checked', () => {
    expect(errorsOf('hakmem.free(hakmem.allocUnsafe(10))')).toBe('');
    expect(errorsOf('const pool = hakmem.createPool(); pool.allocUnsafe(10); pool.destroy();')).toBe('');
    expect(errorsOf('hakmem.allocUnsafe(10)', '0')).toBe('');
    expect(errorsOf('hakmem.createPool({ checked: false }).allocUnsafe(10)')).toBe('');
    expect(errorsOf('hakmem.createPool({ checked: true }).allocUnsafe(10)', '')).toContain('1 Buffer (10 bytes)');
  });

  it("comes after the program's own listeners, whenever they were added", () => {
    const program = (last: string) => `
      const [first, second] = [hakmem.allocUnsafe(10), hakmem.allocUnsafe(20)];
      process.on('exit', () => hakmem.free(first));
      setImmediate(() => { process.once('exit', () => hakmem.free(second)); ${last} });`;
    expect(errorsOf(program(''))).toBe('');
    expect(errorsOf(program('setImmediate(() => process.exit(0));'))).toBe('');
    expect(errorsOf("hakmem.allocUnsafe(30); process.on('exit', () => {});")).toContain('1 Buffer (30 bytes)');
  });

  it('says so where there is no stack to tell', () => {
    expect(errorsOf('Error.stackTraceLimit = 0; hakmem.allocUnsafe(3)')).toContain('(the program keeps no stacks');
  });

  it('tells it of a worker too', () => {
    const told = errorsOf(`
      const { Worker } = require('node:worker_threads');
      new Worker('require(process.argv[2]).allocUnsafe(12345)', { eval: true, argv: [${JSON.stringify(join(root, 'dist', 'index.js'))}] });`);
    expect(told).toContain('1 Buffer (12345 bytes)');
  });

  it('a read that is under way into a freed Buffer ends no process', () => {
    const told = errorsOf(`
      const fs = require('node:fs');
      const { pbkdf2 } = require('node:crypto');
      const fd = fs.openSync(${JSON.stringify(__filename)});
      const busy = 2e5; // all of Node's threads, until the Buffers are freed
      for (let n = 0; n < 8; n++) pbkdf2('a', 'b', busy, 64, 'sha512', () => {});
      let left = 20;
      for (let n = left; n > 0; n--) {
        const buffer = hakmem.allocUnsafe(2 ** 20);
        fs.read(fd, buffer, 0, 4096, 0, (error) => { if (error) throw error; left--; });
        hakmem.free(buffer);
      }
      for (let n = 0; n < 5; n++) gc();
      process.once('exit', () => require('node:assert').equal(left, 0));`);
    expect(told).toBe('');
  });
});
