/** `alloc` is zeroed, also on memory that was used before, and fills exactly as `Buffer.alloc` does. */
import assert from 'node:assert';
import { describe, expect, it } from 'vitest';
import { openPool } from './support/books';
import { outcome } from './support/outcome';

const { pool, books } = openPool('zeroed');

const SIZES = [0, 1, 16, 100, 1000, 4096, 30_000, 40_000, 100_000, 2 ** 20, 2 ** 20 + 1, 4 * 2 ** 20];

function isZero(buffer: Buffer): boolean {
  return buffer.equals(Buffer.alloc(buffer.length));
}

describe.each(SIZES)('%i bytes', (size) => {
  it('are zero when fresh', () => {
    expect(isZero(books.keep(pool.alloc(size)))).toBe(true);
    books.freeAll();
  });

  it('are zero on recycled memory, to the end of the block', () => {
    for (let round = 0; round < 20; round++) {
      const used = books.keep(pool.allocUnsafe(size));
      const wholeBlock = Buffer.from(used.buffer, used.byteOffset, pool.usableSize(used));
      wholeBlock.fill(0xff);
      books.free(used);
      const again = books.keep(pool.alloc(size));
      expect(isZero(again)).toBe(true);
      books.free(again);
    }
  });

  it('are zero after trim gave the memory back', () => {
    books.keep(pool.allocUnsafe(size)).fill(0xff);
    books.freeAll();
    pool.trim();
    expect(isZero(books.keep(pool.alloc(size)))).toBe(true);
    books.freeAll();
  });
});

describe('fills', () => {
  type Arguments = [fill?: unknown, encoding?: unknown];
  const fills: [string, Arguments][] = [
    ['undefined', [undefined]],
    ['null', [null]],
    ['0', [0]],
    ['1', [1]],
    ['255', [255]],
    ['256', [256]],
    ['257', [257]],
    ['-1', [-1]],
    ['3.7', [3.7]],
    ['NaN', [Number.NaN]],
    ['Infinity', [Number.POSITIVE_INFINITY]],
    ['true', [true]],
    ['false', [false]],
    ['an empty string', ['']],
    ["'a'", ['a']],
    ["'abc'", ['abc']],
    ['a letter of two bytes', ['é']],
    ['an emoji', ['🦔']],
    ['hex', ['ff00', 'hex']],
    ['bad hex', ['zz', 'hex']],
    ['half hex', ['f', 'hex']],
    ['base64', ['aGFrbWVt', 'base64']],
    ['base64url', ['aGFrbWVt', 'base64url']],
    ['latin1', ['é', 'latin1']],
    ['binary', ['é', 'binary']],
    ['utf16le', ['ab', 'utf16le']],
    ['UCS2 in capitals', ['ab', 'UCS2']],
    ['an unknown encoding', ['a', 'nope']],
    ['an unknown encoding with a number', [1, 'nope']],
    ['an empty encoding', ['ab', '']],
    ['encoding null', ['ab', null]],
    ['encoding 5', ['ab', 5]],
    ['encoding {}', ['ab', {}]],
    ['encoding true', ['ab', true]],
    ['an encoding without a fill', [undefined, 'hex']],
    ['a Buffer', [Buffer.from('xyz')]],
    ['a Uint8Array', [new Uint8Array([1, 2])]],
    ['a Uint16Array', [new Uint16Array([258, 3])]],
    ['an empty Buffer', [Buffer.alloc(0)]],
    ['an ArrayBuffer', [new ArrayBuffer(3)]],
    ['an array', [[1, 2]]],
    ['an array of one', [[9]]],
    ['an object', [{}]],
    ['an object with valueOf', [{ valueOf: () => 66 }]],
    ['a function', [(): number => 1]],
    ['a symbol', [Symbol('fill')]],
    ['a bigint', [1n]],
  ];
  const cases = fills.flatMap(([what, values]) => [0, 1, 5, 64, 40_000].map((size) => ({ what, values, size })));

  it.each(cases)('$size bytes of $what are as Buffer.alloc makes them', ({ values, size }) => {
    const [fill, encoding] = values as [string, BufferEncoding];
    const theirs = outcome(() => Buffer.alloc(size, fill, encoding));
    const ours = outcome(() => books.keep(pool.alloc(size, fill, encoding)));
    assert.deepStrictEqual('error' in ours ? ours : { value: Buffer.from(ours.value) }, theirs);
    books.check(); // a fill that failed left no block behind
    books.freeAll();
  });
});
