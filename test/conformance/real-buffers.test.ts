/** A result is a Node Buffer to the last detail: every test and every use that passes with one passes with the other. */
import assert from 'node:assert';
import { Blob, File, isUtf8, transcode } from 'node:buffer';
import { createHash, webcrypto } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { inspect, types } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import zlib from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { createFixedPool } from '../../lib/index';
import { openPool } from './support/books';
import { isFullOf } from './support/bytes';
import { CHECKED } from './support/checked';
import { type Outcome, outcome } from './support/outcome';

const { pool, books } = openPool('real');

/** The methods of this version of Node that take an ArrayBuffer's memory away: none in Node 20. */
const TRANSFERS = Object.getOwnPropertyNames(ArrayBuffer.prototype).filter((name) => name.startsWith('transfer'));
const REFUSED = { error: { name: 'TypeError', code: 'ERR_INVALID_STATE' } };

const SIZES = [0, 1, 64, 5000, 40_000, 2 ** 20 + 1];

function patterned(size: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, (_, n) => (n * 31 + 65) & 0xff));
}

describe.each(SIZES)('a Buffer of %i bytes', (size) => {
  const theirs = patterned(size);
  let ours: Buffer;
  beforeEach(() => {
    books.freeAll();
    ours = books.keep(pool.from(theirs));
  });

  it('is a Buffer in every way to ask', () => {
    expect(Buffer.isBuffer(ours)).toBe(true);
    expect(ours).toBeInstanceOf(Buffer);
    expect(ours).toBeInstanceOf(Uint8Array);
    expect(types.isUint8Array(ours)).toBe(true);
    expect(ours.constructor).toBe(Buffer);
    expect(Object.getPrototypeOf(ours)).toBe(Buffer.prototype);
    expect(Object.prototype.toString.call(ours)).toBe('[object Uint8Array]');
    expect(ArrayBuffer.isView(ours)).toBe(true);
    expect(ours.buffer).toBeInstanceOf(ArrayBuffer);
    expect(types.isProxy(ours)).toBe(false);
  });

  it('is deep-equal to one of Node, in both directions', () => {
    assert.deepStrictEqual(ours, theirs);
    assert.deepStrictEqual(theirs, ours);
    if (size < 5000) {
      expect(ours).toStrictEqual(theirs); // takes seconds for a megabyte
    }
    expect(ours.equals(theirs) && theirs.equals(ours)).toBe(true);
    expect(ours.compare(theirs)).toBe(0);
  });

  // A megabyte has a million keys; they take seconds.
  it.runIf(size < 2 ** 20)('has no property of its own that one of Node lacks', () => {
    assert.deepStrictEqual(Reflect.ownKeys(ours), Reflect.ownKeys(theirs));
    assert.deepStrictEqual(Object.keys(ours), Object.keys(theirs));
    assert.deepStrictEqual(Object.getOwnPropertySymbols(ours), []);
    expect(Object.isExtensible(ours)).toBe(true);
    expect(Object.isFrozen(ours)).toBe(Object.isFrozen(theirs));
  });

  it('is printed alike', () => {
    expect(inspect(ours)).toBe(inspect(theirs));
    expect(inspect({ nested: [ours] })).toBe(inspect({ nested: [theirs] }));
    expect(String(ours)).toBe(String(theirs));
    expect(JSON.stringify(ours)).toBe(JSON.stringify(theirs));
    expect(ours.toLocaleString()).toBe(theirs.toLocaleString());
  });

  it('is cloned, serialised and posted alike', () => {
    assert.deepStrictEqual(structuredClone(ours), structuredClone(theirs));
    assert.deepStrictEqual(deserialize(serialize(ours)), deserialize(serialize(theirs)));
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(ours);
    assert.deepStrictEqual(receiveMessageOnPort(port2)?.message, new Uint8Array(theirs));
    port1.close();
  });

  it('hashes, decodes and compresses alike', async () => {
    const digest = (buffer: Buffer): string => createHash('sha256').update(buffer).digest('hex');
    expect(digest(ours)).toBe(digest(theirs));
    const subtle = await webcrypto.subtle.digest('SHA-256', ours);
    expect(Buffer.from(subtle).toString('hex')).toBe(digest(theirs));
    expect(new TextDecoder('latin1').decode(ours)).toBe(new TextDecoder('latin1').decode(theirs));
    expect(new TextDecoder().decode(ours)).toBe(new TextDecoder().decode(theirs));
    expect(isUtf8(ours)).toBe(isUtf8(theirs));
    assert.deepStrictEqual(transcode(ours, 'latin1', 'utf8'), transcode(theirs, 'latin1', 'utf8'));
    assert.deepStrictEqual(zlib.gunzipSync(zlib.gzipSync(ours)), theirs);
    expect(await new Blob([ours]).text()).toBe(await new Blob([theirs]).text());
    assert.deepStrictEqual(await new Response(ours).arrayBuffer(), await new Response(theirs).arrayBuffer());
    expect(new File([ours], 'a').size).toBe(size);
  });

  it('is written to and read from a file', async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hakmem-'));
    const file = path.join(directory, 'bytes');
    try {
      fs.writeFileSync(file, ours);
      assert.deepStrictEqual(fs.readFileSync(file), theirs);
      const target = books.keep(pool.alloc(size));
      const handle = await fs.promises.open(file);
      const { bytesRead } = await handle.read(target, 0, size, 0);
      await handle.close();
      expect(bytesRead).toBe(size);
      expect(target.equals(theirs)).toBe(true);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });

  it('goes through a stream', async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of Readable.from([ours], { objectMode: false })) {
      chunks.push(chunk as Buffer);
    }
    assert.deepStrictEqual(Buffer.concat(chunks), theirs);
  });

  it('gives views of its own memory', () => {
    const middle = ours.subarray(size >> 2, size >> 1);
    expect(Buffer.isBuffer(middle)).toBe(true);
    assert.deepStrictEqual(middle, theirs.subarray(size >> 2, size >> 1));
    expect(middle.buffer).toBe(ours.buffer);
    middle.fill(0);
    expect(ours.subarray(size >> 2, size >> 1).every((byte) => byte === 0)).toBe(true);
    expect(new DataView(ours.buffer, ours.byteOffset, size).byteLength).toBe(size);
    expect(Buffer.concat([ours, theirs]).length).toBe(2 * size);
  });

  it('can be given properties, as one of Node can', () => {
    const marked = ours as Buffer & { mark?: string };
    marked.mark = 'here';
    expect(Object.keys(marked)).toContain('mark');
  });
});

describe('every method of the prototypes', () => {
  type Method = (this: Buffer, ...values: unknown[]) => unknown;

  /** Arguments with which a method does something; the others are called without any. */
  const ARGUMENTS: Record<string, unknown[][]> = {
    at: [[0], [-1], [99]],
    compare: [[Buffer.from('b')], ['no buffer']],
    copy: [[Buffer.alloc(8), 1, 2, 6], ['no buffer']],
    copyWithin: [[0, 8, 12]],
    entries: [[]],
    equals: [[Buffer.from('x')], [5]],
    every: [[(byte: number) => byte > 0]],
    fill: [[7], ['ab'], ['zz', 'hex'], [1, 2, 5], [1, -1]],
    filter: [[(byte: number) => byte % 2 === 0]],
    find: [[(byte: number) => byte > 100]],
    findIndex: [[(byte: number) => byte > 100]],
    findLast: [[(byte: number) => byte > 100]],
    findLastIndex: [[(byte: number) => byte > 100]],
    forEach: [[(): void => undefined]],
    includes: [['A'], [Buffer.from('A')]],
    indexOf: [['A'], [300], [{}]],
    join: [['-']],
    lastIndexOf: [[65]],
    map: [[(byte: number) => byte ^ 1]],
    reduce: [[(sum: number, byte: number) => sum + byte, 0]],
    reduceRight: [[(sum: number, byte: number) => sum - byte, 0]],
    set: [
      [[1, 2, 3], 4],
      [[1, 2, 3], 99],
    ],
    slice: [[2, 9], [-4]],
    some: [[(byte: number) => byte === 66]],
    sort: [[]],
    subarray: [[2, 9], [-4]],
    toReversed: [[]],
    toSorted: [[]],
    toString: [[], ['hex'], ['base64', 3, 9], ['nope']],
    with: [
      [3, 4],
      [99, 4],
    ],
    write: [['abc'], ['ff', 4, 'hex'], ['abc', 99], [5]],
  };

  function argumentsOf(name: string): unknown[][] {
    if (/^(read|write)(U?Int|UInt)(LE|BE)$/i.test(name)) {
      return name.startsWith('read')
        ? [
            [0, 3],
            [4, 6],
            [0, 7],
            [40, 2],
          ]
        : [
            [5, 0, 3],
            [5, 4, 6],
            [5, 0, 7],
            [5, 40, 2],
          ];
    }
    if (/^(read|write)Big/i.test(name)) {
      return name.startsWith('read')
        ? [[0], [8], [40]]
        : [
            [5n, 0],
            [5n, 8],
            [5n, 40],
            [5, 0],
          ];
    }
    if (/^read/i.test(name)) {
      return [[0], [3], [40], ['0']];
    }
    if (/^write/i.test(name) && name !== 'write') {
      return [
        [5, 0],
        [5, 3],
        [5, 40],
        [1e20, 0],
      ];
    }
    return Object.hasOwn(ARGUMENTS, name) ? ARGUMENTS[name] : [[]];
  }

  const prototypes = [Buffer.prototype, Uint8Array.prototype, Object.getPrototypeOf(Uint8Array.prototype) as object];
  const names = [...new Set(prototypes.flatMap((prototype) => Reflect.ownKeys(prototype)))].filter(
    (name): name is string => typeof name === 'string' && name !== 'constructor',
  );

  function isMethod(name: string): boolean {
    return typeof (Buffer.alloc(1) as unknown as Record<string, unknown>)[name] === 'function';
  }

  /** Iterators by what they give, everything else as it is. */
  function settled(value: unknown): unknown {
    return typeof value === 'object' && value !== null && 'next' in value
      ? [...(value as unknown as Iterable<unknown>)]
      : value;
  }

  function call(buffer: Buffer, name: string, values: unknown[]): Outcome<unknown> {
    const method = (buffer as unknown as Record<string, Method>)[name];
    return outcome(() => settled(method.apply(buffer, values)));
  }

  it.each(names.filter(isMethod))('%s', (name) => {
    for (const values of argumentsOf(name)) {
      // `copy`, `set` and the like may write into what they are given: each side gets its own.
      const [forTheirs, forOurs] = [values, values].map((list) =>
        list.map((v) => (Buffer.isBuffer(v) ? Buffer.from(v) : v)),
      );
      const theirs = patterned(32);
      const ours = books.keep(pool.from(theirs));
      expect(call(ours, name, forOurs), `${name}(${String(values)})`).toEqual(call(theirs, name, forTheirs));
      expect(forOurs).toEqual(forTheirs);
      expect(ours).toEqual(theirs);
      books.free(ours);
    }
  });

  it('and every property', () => {
    const theirs = patterned(32);
    const ours = books.keep(pool.from(theirs));
    const values = (buffer: Buffer): unknown[] =>
      names
        .filter((name) => !isMethod(name) && !['buffer', 'parent', 'byteOffset', 'offset'].includes(name))
        .map((name) => [name, (buffer as unknown as Record<string, unknown>)[name]]);
    expect(values(ours)).toEqual(values(theirs));
    expect((ours as Buffer & { parent?: unknown }).parent).toBe(ours.buffer);
    expect([...ours]).toEqual([...theirs]);
    expect((ours as unknown as Record<symbol, unknown>)[Symbol.toStringTag]).toBe('Uint8Array');
  });
});

describe('hand-off attempts', () => {
  // On some versions of Node a transfer is refused, on others it makes a copy. In none may it take the pool's memory away.
  it.skipIf(CHECKED).each([64, 40_000, 2 ** 20 + 1])('a transfer of %i bytes leaves the pool its memory', (size) => {
    const buffer = books.keep(pool.alloc(size, 1));
    const neighbour = books.keep(pool.alloc(size, 2));
    outcome(() => structuredClone(buffer, { transfer: [buffer.buffer as ArrayBuffer] }));
    expect(buffer.length).toBe(size);
    expect(isFullOf(buffer, 1)).toBe(true);
    expect(isFullOf(neighbour, 2)).toBe(true);
    books.free(buffer);
    const again = books.keep(pool.alloc(size, 3));
    expect(again.length).toBe(size);
    books.freeAll();
  });

  // Node 22 and Bun would let `transfer()` take memory away that was marked as not to be transferred.
  it.each([64, 40_000, 2 ** 20 + 1])('memory of %i bytes cannot be taken away', (size) => {
    const fixed = createFixedPool({ size });
    const recycled = fixed.acquire();
    const buffer = books.keep(pool.alloc(size, 1));
    for (const { buffer: memory } of [buffer, recycled]) {
      for (const name of TRANSFERS) {
        expect(outcome(() => (memory as unknown as Record<string, () => unknown>)[name]())).toEqual(REFUSED);
      }
      expect(Object.keys(memory)).toEqual([]);
    }
    fixed.release(recycled);
    expect(fixed.acquire().length).toBe(size);
    fixed.destroy();
    expect(isFullOf(buffer, 1)).toBe(true);
    books.free(buffer);
    expect(books.keep(pool.alloc(size, 3)).length).toBe(size);
    books.check();
    books.freeAll();
  });
});
