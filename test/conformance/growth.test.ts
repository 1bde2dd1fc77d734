/**
 * One class grows without a limit: past 32 slabs, past one chunk, and back. Chunks are chained one by one as they are
 * needed, and released when they are empty.
 *
 * The same to 1 GiB, with resident memory measured in a process of its own, is `node bench/growth.mjs`;
 * HAKMEM_LONG=1 makes it part of this suite.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { classSizeBytes, SLAB_CLASSES, sizeClassOf, slabBlocks, slabUnits, UNIT_BYTES } from '../../lib/size-class';
import { openPool } from './support/books';

const MIB = 2 ** 20;
const LIVE_BYTES = 200 * MIB;
const CHUNK_BYTES = 2 * MIB;

const { pool, books } = openPool('growth');

function grow(size: number): Buffer[] {
  const buffers: Buffer[] = [];
  for (let bytes = 0; bytes < LIVE_BYTES; bytes += size) {
    const buffer = books.keep(pool.allocUnsafe(size));
    buffer.writeUInt32LE(buffers.length, 0);
    buffer.writeUInt32LE(buffers.length, size - 4);
    buffers.push(buffer);
  }
  return buffers;
}

describe.each([1024, 4096, 20_000, 65_536, 300_000])('a class of %i bytes', (size) => {
  it('grows to 200 MiB live and back', { timeout: 120_000 }, () => {
    const before = pool.stats();
    const buffers = grow(size);
    const intact = buffers.every((buffer, n) => buffer.readUInt32LE(0) === n && buffer.readUInt32LE(size - 4) === n);
    expect(intact).toBe(true);

    const grown = pool.stats();
    const chained = grown.components.superslab.grown - before.components.superslab.grown;
    const slabs = buffers.length / slabBlocks(sizeClassOf(size));
    expect(slabs).toBeGreaterThan(32);
    expect(chained).toBeGreaterThan(1);
    // Slabs of several units leave a rest in a chunk: allow for it, and for what else is cached.
    expect(grown.bytes.committed).toBeLessThan(LIVE_BYTES * 1.45 + 4 * CHUNK_BYTES);
    expect(grown.bytes.live).toBeGreaterThanOrEqual(LIVE_BYTES);
    books.check();

    books.freeAll();
    pool.trim();
    const after = pool.stats();
    const released = after.components.superslab.shrunk - before.components.superslab.shrunk;
    expect(released).toBeGreaterThanOrEqual(chained);
    expect(after.bytes).toMatchObject({ live: 0, cached: 0, committed: 0 });
    books.check();
  });
});

describe('all classes at once', () => {
  it('grow side by side and leave nothing behind', () => {
    for (let round = 0; round < 3; round++) {
      for (let sizeClass = 0; sizeClass < SLAB_CLASSES; sizeClass++) {
        const count = Math.min(2 * slabBlocks(sizeClass), Math.ceil((4 * slabUnits(sizeClass) * UNIT_BYTES) / 65_536));
        for (let n = 0; n < count; n++) {
          books.keep(pool.allocUnsafe(classSizeBytes(sizeClass)));
        }
      }
      books.check();
      books.freeAll();
    }
    pool.trim();
    expect(pool.stats().bytes).toMatchObject({ live: 0, cached: 0, committed: 0, reserved: 0 });
  });
});

describe.runIf(process.env.HAKMEM_LONG === '1')('1 GiB', () => {
  it('live and back: resident memory within a tenth of where it began', { timeout: 300_000 }, () => {
    const script = path.join(__dirname, '../../bench/growth.mjs');
    const run = spawnSync(process.execPath, [script, '--backend', hakmem.backend.name], { encoding: 'utf8' });
    process.stdout.write(run.stdout);
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
  });
});
