/** A lease frees its Buffer when its scope ends, once, whatever happened in between. */
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { openPool } from './support/books';
import { isFullOf } from './support/bytes';
import { codeOf } from './support/outcome';

const { pool, books } = openPool('lease');

/** What `using lease = pool.lease(size)` compiles to, in words that every version of Node parses. */
function usingLease<T>(size: number, body: (buffer: Buffer) => T): T {
  const lease = pool.lease(size);
  try {
    return body(lease.buffer);
  } finally {
    lease[Symbol.dispose]();
  }
}

describe('lease', () => {
  it.each([0, 1, 100, 5000, 100_000, 2 ** 20 + 1])('of %i bytes has a Buffer of that length', (size) => {
    usingLease(size, (buffer) => {
      expect(Buffer.isBuffer(buffer)).toBe(true);
      expect(buffer.length).toBe(size);
      expect(pool.stats().blocks.live).toBe(1);
    });
    books.check();
  });

  it('frees its Buffer when the scope ends by an error', () => {
    expect(() =>
      usingLease(100, () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    books.check();
  });

  it('nests', () => {
    usingLease(100, (outer) => {
      outer.fill(1);
      usingLease(100, (inner) => inner.fill(2));
      expect(isFullOf(outer, 1)).toBe(true);
    });
    books.check();
  });

  it('disposed twice throws no second time and frees nothing that has a new owner', () => {
    const lease = pool.lease(100);
    lease[Symbol.dispose]();
    const owner = books.keep(pool.allocUnsafe(100));
    lease[Symbol.dispose]();
    books.check();
    books.free(owner);
  });

  it('freed by hand inside its scope ends quietly', () => {
    usingLease(100, (buffer) => {
      pool.free(buffer);
      expect(codeOf(() => pool.free(buffer))).toBe('ERR_HAKMEM_DOUBLE_FREE');
    });
    books.check();
  });

  it('of a checked pool throws nothing where the memory was transferred away', () => {
    const checked = hakmem.createPool({ checked: true });
    const lease = checked.lease(100);
    const { buffer: memory } = lease.buffer;
    structuredClone(memory, { transfer: [memory] });
    expect(lease.buffer.length).toBe(0);
    lease[Symbol.dispose]();
    expect(codeOf(() => checked.free(lease.buffer))).toBe('ERR_INVALID_STATE');
    expect(checked.stats().blocks.live).toBe(1);
    checked.destroy();
  });

  it('is there on the module too', () => {
    const lease = hakmem.lease(64);
    expect(hakmem.usableSize(lease.buffer)).toBe(64);
    lease[Symbol.dispose]();
    expect(codeOf(() => hakmem.free(lease.buffer))).toBe('ERR_HAKMEM_DOUBLE_FREE');
  });
});
