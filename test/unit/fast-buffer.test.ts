/** The room for stamps: Buffers take no more memory with a stamp than room was made for, and nothing of Node's class is changed. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { FastBuffer } from '../../lib/fast-buffer';
import '../../lib/stamp';

/** Bytes of the engine's heap that each of many Buffers takes, the array that holds them not counted. */
const MEASURE = `
const { createPool } = require(process.argv[1]);
const pool = createPool();
const count = 100_000;
const buffers = new Array(count).fill(null);
const used = () => { gc(); gc(); return process.memoryUsage().heapUsed; };
const fill = () => { for (let n = 0; n < count; n++) buffers[n] = pool.allocUnsafe(64); };
fill();
for (let n = 0; n < count; n++) { pool.free(buffers[n]); buffers[n] = null; }
const before = used();
fill();
console.log((used() - before) / count);
`;

test('a Buffer of a pool is one object, its stamp inside', () => {
  const dist = path.resolve('dist/index.js');
  const output = execFileSync(process.execPath, ['--expose-gc', '--eval', MEASURE, dist], { encoding: 'utf8' });
  // With a second object behind each it would be 136 and more.
  expect(Number(output)).toBeLessThan(128);
});

test('the class of Buffers has its parent, and makes Buffers', () => {
  expect(Object.getPrototypeOf(FastBuffer)).toBe(Uint8Array);
  const buffer = new FastBuffer(new ArrayBuffer(8), 2, 4);
  expect(buffer).toStrictEqual(Buffer.alloc(4));
  expect(buffer.constructor).toBe(Buffer);
  expect(Reflect.ownKeys(buffer)).toEqual(['0', '1', '2', '3']);
});
