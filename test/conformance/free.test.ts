/** `free` takes exactly what this pool handed out, once; everything else is refused and changes nothing. */
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { openPool } from './support/books';
import { codeOf, failureOf, outcome, thrownBy } from './support/outcome';
import { NOT_A_BUFFER } from './support/values';

const { pool, books } = openPool('free');
const { pool: other, books: otherBooks } = openPool('other');

/** A small block, one of a slab of several units, a large one with an ArrayBuffer of its own, a huge one. */
const SIZES = [0, 1, 100, 4096, 20_000, 40_000, 300_000, 2 ** 20, 3 * 2 ** 20];

const NOT_OWNED = { name: 'HakmemError', code: 'ERR_HAKMEM_NOT_OWNED' };
const DOUBLE_FREE = { name: 'HakmemError', code: 'ERR_HAKMEM_DOUBLE_FREE' };

function refusesToFree(buffer: Uint8Array): void {
  expect(outcome(() => pool.free(buffer as Buffer))).toEqual({ error: NOT_OWNED });
  expect(outcome(() => pool.usableSize(buffer as Buffer))).toEqual({ error: NOT_OWNED });
  expect(outcome(() => pool.realloc(buffer as Buffer, 10))).toEqual({ error: NOT_OWNED });
  books.check();
}

describe.each(SIZES)('a Buffer of %i bytes', (size) => {
  it('is freed once, and returns nothing', () => {
    const buffer = pool.allocUnsafe(size);
    expect(pool.free(buffer)).toBeUndefined();
    books.check();
  });

  it('freed twice throws, every time', () => {
    const buffer = pool.allocUnsafe(size);
    pool.free(buffer);
    for (let time = 0; time < 3; time++) {
      expect(outcome(() => pool.free(buffer))).toEqual({ error: DOUBLE_FREE });
    }
    books.check();
  });

  it('freed twice throws even when its block has a new owner, who keeps it', () => {
    const stale = pool.allocUnsafe(size);
    pool.free(stale);
    const owner = books.keep(pool.allocUnsafe(size));
    expect(owner.byteOffset).toBe(stale.byteOffset);
    expect(outcome(() => pool.free(stale))).toEqual({ error: DOUBLE_FREE });
    books.check();
    books.free(owner);
  });

  it('is no longer usable by realloc and usableSize once freed', () => {
    const buffer = pool.allocUnsafe(size);
    pool.free(buffer);
    expect(outcome(() => pool.realloc(buffer, 10))).toEqual({ error: DOUBLE_FREE });
    expect(outcome(() => pool.usableSize(buffer))).toEqual({ error: DOUBLE_FREE });
    books.check();
  });

  it('is not freed through a view of it', () => {
    const buffer = books.keep(pool.allocUnsafe(size));
    refusesToFree(buffer.subarray());
    refusesToFree(buffer.subarray(0, size >> 1));
    refusesToFree(buffer.slice());
    refusesToFree(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length));
    refusesToFree(Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length));
    books.free(buffer);
  });

  it('is not freed through a copy of it', () => {
    const buffer = books.keep(pool.alloc(size));
    refusesToFree(Buffer.from(buffer));
    refusesToFree(structuredClone(buffer.subarray(0, 16)) as Uint8Array);
    refusesToFree(Uint8Array.from(buffer.subarray(0, 16)));
    books.free(buffer);
  });

  it('of another pool stays with that pool', () => {
    const foreign = otherBooks.keep(other.allocUnsafe(size));
    refusesToFree(foreign);
    expect(outcome(() => hakmem.free(foreign))).toEqual({ error: NOT_OWNED });
    otherBooks.check();
    otherBooks.free(foreign);
  });
});

describe('what no pool handed out', () => {
  it.each([
    ['Buffer.alloc', Buffer.alloc(64)],
    ['Buffer.allocUnsafe, from the pool of Node', Buffer.allocUnsafe(64)],
    ['Buffer.allocUnsafeSlow', Buffer.allocUnsafeSlow(64)],
    ['Buffer.from', Buffer.from('64')],
    ['an empty Buffer', Buffer.alloc(0)],
    ['a plain Uint8Array', new Uint8Array(64)],
    ['a Buffer over shared memory', Buffer.from(new SharedArrayBuffer(64))],
    [
      'a Buffer with the prototype of a class',
      Object.setPrototypeOf(Buffer.alloc(4), class extends Uint8Array {}.prototype),
    ],
  ] as [string, Uint8Array][])('%s is refused', (_what, buffer) => {
    refusesToFree(buffer);
  });

  it.each(NOT_A_BUFFER)('$what is refused as the wrong type', ({ value }) => {
    const buffer = value as Buffer;
    for (const call of [() => pool.free(buffer), () => pool.usableSize(buffer), () => pool.realloc(buffer, 1)]) {
      expect(failureOf(thrownBy(call))).toEqual({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    }
    books.check();
  });

  it('a proxy of a Buffer is refused, and its target stays valid', () => {
    const buffer = books.keep(pool.allocUnsafe(64));
    const proxy = new Proxy(buffer, {});
    expect(['ERR_INVALID_ARG_TYPE', 'ERR_HAKMEM_NOT_OWNED']).toContain(codeOf(() => pool.free(proxy)));
    books.check();
    books.free(buffer);
  });
});

describe('freed twice', () => {
  it('throws for each of many, also those that no cache had room for', () => {
    const buffers = Array.from({ length: 5000 }, (_, n) => pool.allocUnsafe(n % 2 === 0 ? 64 : 20_000));
    for (const buffer of buffers) {
      pool.free(buffer);
    }
    expect(buffers.filter((buffer) => codeOf(() => pool.free(buffer)) !== DOUBLE_FREE.code)).toEqual([]);
    books.check();
  });

  it('throws for a block too large for any cache', () => {
    const buffer = pool.allocUnsafe(64 * 2 ** 20);
    pool.free(buffer);
    expect(outcome(() => pool.free(buffer))).toEqual({ error: DOUBLE_FREE });
    books.check();
  });
});

describe('order', () => {
  it.each(['first in first out', 'last in first out', 'every other one first'])('frees %s', (order) => {
    const buffers = Array.from({ length: 1000 }, (_, n) => books.keep(pool.allocUnsafe((n * 37) % 9000)));
    const inOrder = {
      'first in first out': buffers,
      'last in first out': [...buffers].reverse(),
      'every other one first': [...buffers.filter((_, n) => n % 2 === 0), ...buffers.filter((_, n) => n % 2 === 1)],
    }[order] as Buffer[];
    for (const buffer of inOrder) {
      books.free(buffer);
    }
    books.check();
  });
});
