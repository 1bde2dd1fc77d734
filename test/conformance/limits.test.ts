/** A pool's `maxBytes` is exact: it counts the bytes of blocks that callers hold, refuses the next one, and recovers. */
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { Books } from './support/books';
import { failureOf, outcome, thrownBy } from './support/outcome';
import { randomFor } from './support/random';

const KIB = 1024;
const LIMIT = { error: { name: 'HakmemError', code: 'ERR_HAKMEM_LIMIT' } };

interface Limited {
  pool: ReturnType<typeof hakmem.createPool>;
  books: Books;
}

function withLimit(maxBytes: number, use: (limited: Limited) => void): void {
  const pool = hakmem.createPool({ name: 'limited', maxBytes });
  const books = new Books(pool);
  use({ pool, books });
  books.close();
  pool.destroy();
}

/** Takes Buffers until the pool refuses. @returns how many it gave. */
function exhaust({ pool, books }: Limited, size: number): number {
  for (let count = 0; ; count++) {
    const result = outcome(() => books.keep(pool.allocUnsafe(size)));
    if ('error' in result) {
      expect(result).toEqual(LIMIT);
      return count;
    }
  }
}

describe('the limit is exact', () => {
  it.each([
    { size: 16, maxBytes: 100, count: 6 },
    { size: 16, maxBytes: 96, count: 6 },
    { size: 16, maxBytes: 95, count: 5 },
    { size: 4 * KIB, maxBytes: 64 * KIB, count: 16 },
    { size: 4 * KIB, maxBytes: 64 * KIB - 1, count: 15 },
    { size: 64 * KIB, maxBytes: KIB * KIB, count: 16 },
    { size: 1024 * KIB, maxBytes: 4 * KIB * KIB, count: 4 },
    { size: 2048 * KIB, maxBytes: 4 * KIB * KIB, count: 2 },
  ])('$maxBytes bytes are $count blocks of $size, and no more', ({ size, maxBytes, count }) => {
    withLimit(maxBytes, (limited) => {
      expect(exhaust(limited, size)).toBe(count);
      limited.books.check();
      // Freed bytes can be had again, as often as one likes.
      for (let round = 0; round < 3; round++) {
        limited.books.free(limited.books.live[0] as Buffer);
        limited.books.keep(limited.pool.allocUnsafe(size));
        expect(outcome(() => limited.pool.allocUnsafe(size))).toEqual(LIMIT);
      }
      limited.books.check();
    });
  });

  it('counts the block, not the request', () => {
    withLimit(64, ({ pool, books }) => {
      books.keep(pool.allocUnsafe(33)); // a block of 48
      expect(outcome(() => pool.allocUnsafe(17))).toEqual(LIMIT);
      books.keep(pool.allocUnsafe(16));
    });
  });
});

describe('the limit is recoverable', () => {
  it('what one class gave back another can have at once', () => {
    withLimit(256 * KIB, (limited) => {
      for (const size of [4 * KIB, 16, 64 * KIB, 1000, 256 * KIB, 32 * KIB, 48]) {
        const usable = usableSizeOf(limited, size);
        expect(exhaust(limited, size)).toBe(Math.floor((256 * KIB) / usable));
        limited.books.check();
        limited.books.freeAll();
      }
    });
  });

  it('every way to allocate keeps to it, and a failed one leaves nothing behind', () => {
    withLimit(4 * KIB, ({ pool, books }) => {
      const tooMuch = Buffer.alloc(5 * KIB, 1);
      const kept = books.keep(pool.from('kept'));
      const calls = [
        () => pool.allocUnsafe(5 * KIB),
        () => pool.allocUnsafe(16, 4 * KIB * 4),
        () => pool.alloc(5 * KIB, 1),
        () => pool.from(tooMuch),
        () => pool.concat([tooMuch, tooMuch]),
        () => pool.realloc(kept, 5 * KIB),
        () => pool.lease(5 * KIB),
      ];
      // The second asks for an alignment; a backend that can't promise it says so first.
      const codes = calls.map((call) => failureOf(thrownBy(call)).code);
      expect(codes.filter((code) => code !== 'ERR_HAKMEM_LIMIT' && code !== 'ERR_HAKMEM_BACKEND')).toEqual([]);
      books.check();
      expect(kept.toString()).toBe('kept');
    });
  });

  it('a limit that is smaller than the smallest block gives nothing, and says so', () => {
    withLimit(15, ({ pool }) => {
      expect(outcome(() => pool.allocUnsafe(1))).toEqual(LIMIT);
      expect(outcome(() => pool.allocUnsafe(0))).toEqual(LIMIT);
    });
  });

  it('the limit of one pool is nothing to another', () => {
    withLimit(16, (limited) => {
      expect(exhaust(limited, 16)).toBe(1);
      const elsewhere = hakmem.allocUnsafe(16);
      hakmem.free(elsewhere);
    });
  });

  it('live bytes stay within it under random work, and it is used to the last block', () => {
    const random = randomFor('limits');
    const maxBytes = 300_000;
    withLimit(maxBytes, ({ pool, books }) => {
      let refused = 0;
      for (let step = 0; step < 20_000; step++) {
        const { live } = books;
        if (live.length > 0 && random.percent(40)) {
          books.free(random.pick(live));
          continue;
        }
        const size = random.skewed(1, 40_000);
        const heldBefore = books.totals().bytes;
        const result = outcome(() => books.keep(pool.allocUnsafe(size)));
        if ('error' in result) {
          expect(result).toEqual(LIMIT);
          expect(heldBefore + size * 1.25 + 16, 'refused only when full').toBeGreaterThan(maxBytes);
          refused++;
        }
        expect(books.totals().bytes).toBeLessThanOrEqual(maxBytes);
      }
      expect(refused).toBeGreaterThan(0);
      books.check();
    });
  });
});

function usableSizeOf({ pool }: Limited, size: number): number {
  const buffer = pool.allocUnsafe(size);
  const usable = pool.usableSize(buffer);
  pool.free(buffer);
  return usable;
}
