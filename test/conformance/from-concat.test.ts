/** `from` and `concat` come to what their namesakes on Buffer come to, errors included; the bytes are pooled copies. */
import assert from 'node:assert';
import { describe, expect, it } from 'vitest';
import { openPool } from './support/books';
import { isFullOf } from './support/bytes';
import { type Outcome, outcome } from './support/outcome';
import { NOT_A_NUMBER } from './support/values';

const { pool, books } = openPool('from');

// The tables hold arguments of every type on purpose, which no signature allows.
type AnyCall = (...values: unknown[]) => Buffer;
const theirFrom = Buffer.from.bind(Buffer) as unknown as AnyCall;
const ourFrom = ((...values: unknown[]) => books.keep((pool.from as AnyCall).apply(pool, values))) as AnyCall;
const theirConcat = Buffer.concat.bind(Buffer) as unknown as AnyCall;
const ourConcat = ((...values: unknown[]) => books.keep((pool.concat as AnyCall).apply(pool, values))) as AnyCall;

/** A copy by Node of the bytes, so that the two can be compared whole. */
function plain(result: Outcome<Buffer>): Outcome<Buffer> {
  return 'value' in result ? { value: Buffer.from(result.value) } : result;
}

/** Leaves bytes in the memory that the next Buffer of that size gets. */
function soil(size: number): void {
  books.free(books.keep(pool.allocUnsafe(size)).fill(0xee));
}

function bytes(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, n) => (n * 7) & 0xff);
}

class Wrapped {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  [Symbol.toPrimitive](): string {
    return this.#value;
  }
}

function withHole(): unknown[] {
  const list: unknown[] = [1, 2, 3];
  delete list[1];
  return list;
}

/** A view whose memory went to somebody else. */
function detached(): Uint8Array {
  const memory = new ArrayBuffer(16);
  const view = new Uint8Array(memory, 4, 8);
  structuredClone(memory, { transfer: [memory] });
  return view;
}

/** A view of memory that has shrunk to less. */
function outOfBounds(): Uint8Array {
  const Resizable = ArrayBuffer as unknown as new (
    lengthBytes: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer & { resize(lengthBytes: number): void };
  const memory = new Resizable(16, { maxByteLength: 16 });
  const view = new Uint8Array(memory, 4, 8);
  memory.resize(2);
  return view;
}

/** An item whose length can be read twice: then it throws. */
function throwing(): Uint8Array {
  const item = bytes(100);
  let readings = 0;
  Object.defineProperty(item, 'length', {
    get: () => {
      if (readings++ > 1) {
        throw Object.assign(new Error('no'), { code: 'ERR_NO' });
      }
      return 100;
    },
  });
  return item;
}

/** Views that say something else of themselves than is so. */
class Longer extends Uint8Array {
  override get length(): number {
    return 16;
  }
}
class Shorter extends Uint8Array {
  override get length(): number {
    return 2;
  }
}
class OtherBytes extends Uint8Array {
  override get byteLength(): number {
    return 2;
  }
}
class Lengthless extends Uint8Array {
  override get length(): number {
    throw Object.assign(new Error('no'), { code: 'ERR_NO' });
  }
}
/** Says that its parts are empty. */
class Partless extends Uint8Array {
  override subarray(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(0);
  }
}
const LIARS = [Longer, Shorter, Lengthless, Partless];

const shared = new SharedArrayBuffer(16);
new Uint8Array(shared).set(bytes(16));

const sources: [string, unknown[]][] = [
  ['an empty string', ['']],
  ['a string', ['hedgehog']],
  ['a string of all planes', ['aé€🦔\ud800']],
  ['a long string', ['é'.repeat(50_000)]],
  ...['utf8', 'utf-8', 'UTF8', 'hex', 'base64', 'base64url', 'latin1', 'binary', 'ascii', 'utf16le', 'ucs2'].map(
    (encoding): [string, unknown[]] => [`a string as ${encoding}`, ['aGVkZ2Vob2c0ff', encoding]],
  ),
  ['bad hex', ['zz', 'hex']],
  ['half hex', ['abc', 'hex']],
  ['base64 with blanks', ['aG Vk\nZ2 Vo', 'base64']],
  ['an unknown encoding', ['a', 'nope']],
  ['encoding 5', ['a', 5]],
  ['encoding null', ['a', null]],
  ['encoding {}', ['a', {}]],
  ['an empty encoding', ['a', '']],
  ['a String object', [Object('boxed')]],
  ['an object with Symbol.toPrimitive', [new Wrapped('primitive')]],
  ['an object with valueOf', [{ valueOf: () => 'value' }]],
  ['an array', [[1, 2, 300, -1, 2.7, Number.NaN, '8', null]]],
  ['an empty array', [[]]],
  ['an array with a hole', [withHole()]],
  ['an array-like', [{ length: 3, 0: 1, 1: 2, 2: 3 }]],
  ['an array-like of length 0', [{ length: 0 }]],
  ['a negative length', [{ length: -1 }]],
  ['a length that is no number', [{ length: '3', 0: 1 }]],
  ['what Buffer.toJSON gives', [{ type: 'Buffer', data: [1, 2, 3] }]],
  ['a Buffer', [Buffer.from('bytes')]],
  ['a Uint8Array', [bytes(5000)]],
  ['a Uint8Array of length 0', [bytes(0)]],
  ['a detached Uint8Array', [detached()]],
  ['a Uint8Array out of bounds', [outOfBounds()]],
  ['a Uint16Array', [new Uint16Array([1, 258])]],
  ['a Float64Array', [new Float64Array([1.5, 300])]],
  ['a DataView', [new DataView(new ArrayBuffer(4))]],
  ['an ArrayBuffer', [bytes(16).buffer]],
  ['an ArrayBuffer from 4', [bytes(16).buffer, 4]],
  ['an ArrayBuffer from 4, 5 long', [bytes(16).buffer, 4, 5]],
  ['an ArrayBuffer from its end', [bytes(16).buffer, 16]],
  ['an ArrayBuffer past its end', [bytes(16).buffer, 17]],
  ['an ArrayBuffer too long', [bytes(16).buffer, 4, 13]],
  ['an ArrayBuffer from -1', [bytes(16).buffer, -1]],
  ['an ArrayBuffer from a string', [bytes(16).buffer, '4']],
  ['an ArrayBuffer from no number', [bytes(16).buffer, 'x']],
  ['an ArrayBuffer of negative length', [bytes(16).buffer, 0, -3]],
  ['a SharedArrayBuffer', [shared]],
  ['a SharedArrayBuffer from 3, 4 long', [shared, 3, 4]],
  ['nothing', []],
  ...NOT_A_NUMBER.filter(({ what }) => !what.startsWith("'")).map(({ what, value }): [string, unknown[]] => [
    what,
    [value],
  ]),
  ['a number', [5]],
  ['NaN', [Number.NaN]],
];

describe('from', () => {
  it.each(sources)('%s', (_what, values) => {
    const theirs = outcome(() => theirFrom(...values));
    assert.deepStrictEqual(plain(outcome(() => ourFrom(...values))), plain(theirs));
    books.check();
    books.freeAll();
  });

  it.each([...LIARS, OtherBytes].map((Liar) => ({ name: Liar.name, Liar })))('a $name', ({ Liar }) => {
    soil(16);
    const theirs = outcome(() => theirFrom(new Liar([7, 7, 7, 7])));
    if ('value' in theirs) {
      theirs.value.fill(0, 4); // which Node 24 and 26 leave as they were
    }
    assert.deepStrictEqual(plain(outcome(() => ourFrom(new Liar([7, 7, 7, 7])))), plain(theirs));
    books.check();
    books.freeAll();
  });

  it('copies an ArrayBuffer, where Buffer.from shares it: the block is ours to free', () => {
    const memory = new ArrayBuffer(8);
    const buffer = books.keep(pool.from(memory));
    new Uint8Array(memory).fill(9);
    expect(isFullOf(buffer, 0)).toBe(true);
    books.free(buffer);
  });

  it('makes copies that do not share bytes with their source', () => {
    const source = Buffer.from('source');
    const buffer = books.keep(pool.from(source));
    buffer.fill(0);
    expect(source.toString()).toBe('source');
    books.free(buffer);
  });
});

const abc = Buffer.from('abc');
const lists: [string, unknown[]][] = [
  ['an empty list', [[]]],
  ['an empty list with a length', [[], 5]],
  ['one', [[abc]]],
  ['several', [[abc, bytes(5000), Buffer.alloc(0), abc]]],
  ['several, more than a megabyte', [[bytes(700_000), abc, bytes(700_000)]]],
  ['exactly the length', [[abc, abc], 6]],
  ['cut within an item', [[abc, abc], 4]],
  ['cut before an item', [[abc, abc], 3]],
  ['a detached item', [[abc, detached(), abc]]],
  ['a detached item alone', [[detached()]]],
  ['a detached item, padded', [[detached(), abc], 10]],
  ['an item out of bounds', [[outOfBounds(), abc]]],
  ['length 0', [[abc], 0]],
  ['padded with zeros', [[abc], 50_000]],
  ['length undefined', [[abc], undefined]],
  ['length null', [[abc], null]],
  ['length as a string', [[abc], '3']],
  ['length -1', [[abc], -1]],
  ['length 1.5', [[abc], 1.5]],
  ['length NaN', [[abc], Number.NaN]],
  ['length Infinity', [[abc], Number.POSITIVE_INFINITY]],
  ['length true', [[abc], true]],
  ['length 2^53', [[abc], 2 ** 53]],
  ['a number in the list', [[abc, 5]]],
  ['a string in the list', [['abc']]],
  ['undefined in the list', [[undefined]]],
  ['null in the list', [[abc, null]]],
  ['a Uint16Array in the list', [[new Uint16Array(2)]]],
  ['an array in the list', [[[1, 2]]]],
  ['an ArrayBuffer in the list', [[new ArrayBuffer(2)]]],
  ['no list', []],
  ['a Buffer for a list', [abc]],
  ['a string for a list', ['abc']],
  ['a Set for a list', [new Set([abc])]],
  ['an array-like for a list', [{ length: 1, 0: abc }]],
  ...NOT_A_NUMBER.filter(({ value }) => !Array.isArray(value)).map(({ what, value }): [string, unknown[]] => [
    `${what} for a list`,
    [value],
  ]),
];

describe('concat', () => {
  it.each(lists)('%s', (_what, values) => {
    const theirs = outcome(() => theirConcat(...values));
    assert.deepStrictEqual(plain(outcome(() => ourConcat(...values))), plain(theirs));
    books.check();
    books.freeAll();
  });

  it.each(LIARS.flatMap((Liar) => [undefined, 20, 3].map((total) => ({ name: Liar.name, Liar, total }))))(
    'a $name to $total bytes',
    ({ Liar, total }) => {
      const list = () => [[new Liar([7, 7, 7, 7]), abc], total];
      soil(20);
      const theirs = outcome(() => theirConcat(...list()));
      assert.deepStrictEqual(plain(outcome(() => ourConcat(...list()))), plain(theirs));
      books.check();
      books.freeAll();
    },
  );

  it('pads with zeros on recycled memory too', () => {
    books.free(books.keep(pool.allocUnsafe(1000)).fill(0xff));
    const buffer = books.keep(pool.concat([abc], 1000));
    expect(buffer.subarray(3).equals(Buffer.alloc(997))).toBe(true);
    books.free(buffer);
  });

  it('gives the block back where an item throws', () => {
    const result = outcome(() => ourConcat([abc, throwing()]));
    // From Node 24 on Buffer.concat asks no item for its length.
    expect(result).toEqual(
      'value' in result ? { value: theirConcat([abc, bytes(100)]) } : { error: { name: 'Error', code: 'ERR_NO' } },
    );
    books.check();
    books.freeAll();
  });

  it('takes Buffers of this pool', () => {
    const list = [books.keep(pool.from('pooled ')), books.keep(pool.from('bytes'))];
    expect(books.keep(pool.concat(list)).toString()).toBe('pooled bytes');
    books.freeAll();
  });
});
