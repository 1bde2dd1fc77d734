/** No two live Buffers share a byte, whatever is allocated, reallocated and freed in whatever order. */
import { describe, expect, it } from 'vitest';
import type { Random } from '../parity/random';
import { openPool } from './support/books';
import { randomFor } from './support/random';

const { pool, books } = openPool('overlap');

const STEPS = 30_000;
const LIVE_BYTES_LIMIT = 64 * 2 ** 20;

/** Each live Buffer is full of one byte, which is written down here. */
const contents = new Map<Buffer, number>();
let liveBytes = 0;

function own(buffer: Buffer, byte: number): void {
  contents.set(buffer, byte);
  liveBytes += buffer.length;
  buffer.fill(byte);
}

function disown(buffer: Buffer): void {
  contents.delete(buffer);
  liveBytes -= buffer.length;
}

function expectIntact(buffer: Buffer): void {
  const byte = contents.get(buffer) as number;
  const expected = Buffer.alloc(buffer.length, byte);
  if (!buffer.equals(expected)) {
    const at = buffer.findIndex((value) => value !== byte);
    throw new Error(`a Buffer of ${buffer.length} bytes full of ${byte} has ${buffer[at]} at ${at}`);
  }
}

function take(random: Random): void {
  const size = random.percent(2) ? random.between(2 ** 18, 3 * 2 ** 20) : random.skewed(1, 2 ** 17) - 1;
  own(books.keep(pool.allocUnsafe(size)), random.below(256));
}

function give(buffer: Buffer): void {
  expectIntact(buffer);
  disown(buffer);
  books.free(buffer);
}

function resize(buffer: Buffer, random: Random): void {
  const byte = contents.get(buffer) as number;
  const size = random.skewed(1, 2 ** 16) - 1;
  disown(buffer);
  const next = books.replace(buffer, pool.realloc(buffer, size));
  contents.set(next, byte);
  liveBytes += next.length;
  const kept = Math.min(buffer.length, size);
  expect(next.subarray(0, kept).equals(Buffer.alloc(kept, byte))).toBe(true);
  next.fill(byte);
}

/** Compares where the blocks lie: within one ArrayBuffer they must follow each other. */
function expectDisjoint(): void {
  const byMemory = new Map<ArrayBufferLike, Buffer[]>();
  for (const buffer of contents.keys()) {
    const sharing = byMemory.get(buffer.buffer) ?? [];
    sharing.push(buffer);
    byMemory.set(buffer.buffer, sharing);
  }
  for (const sharing of byMemory.values()) {
    sharing.sort((a, b) => a.byteOffset - b.byteOffset);
    sharing.reduce((before, next) => {
      expect(before.byteOffset + pool.usableSize(before)).toBeLessThanOrEqual(next.byteOffset);
      return next;
    });
  }
}

describe('live Buffers', () => {
  it('never overlap under random work', { timeout: 120_000 }, () => {
    const random = randomFor('overlap');
    for (let step = 0; step < STEPS; step++) {
      const live = [...(contents.size > 0 && random.percent(55) ? contents.keys() : [])];
      if (live.length === 0 && liveBytes < LIVE_BYTES_LIMIT) {
        take(random);
      } else {
        const buffer = random.pick(live.length > 0 ? live : [...contents.keys()]);
        random.percent(20) ? resize(buffer, random) : give(buffer);
      }
      if (step % 3000 === 0) {
        for (const buffer of contents.keys()) {
          expectIntact(buffer);
        }
        expectDisjoint();
        books.check();
      }
    }
    for (const buffer of [...contents.keys()]) {
      give(buffer);
    }
    books.check();
  });
});
