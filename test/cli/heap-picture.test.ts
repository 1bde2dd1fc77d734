/** The heap drawn in characters. */
import { describe, expect, it } from 'vitest';
import type { ChunkPicture } from '../../lib/backend/contract';
import { chunkCells, heapPicture } from '../../lib/cli/heap-picture';

const KIB = 1024;

function slab(unit: number, units: number, used: number, blocks: number, blockSizeBytes = 4 * KIB) {
  return { unit, units, used, blocks, blockSizeBytes };
}

function huge(units: number): ChunkPicture {
  return { units, slabs: [slab(0, units, 1, 1, units * 64 * KIB)] };
}

const CHUNK: ChunkPicture = {
  units: 32,
  slabs: [slab(0, 1, 16, 16), slab(1, 1, 0, 16), slab(2, 1, 1, 16), slab(3, 1, 15, 16), slab(8, 4, 3, 3, 80 * KIB)],
};

describe('a chunk', () => {
  it('has a cell for each unit, as full as its slab', () => {
    expect(chunkCells(CHUNK, 32)).toBe(`█_░▓····████${'·'.repeat(20)}`);
  });

  it('shows only what is wholly full as full', () => {
    const nearly = { units: 1, slabs: [slab(0, 1, 4094, 4095)] };
    expect(chunkCells(nearly, 1)).toBe('▓');
    expect(chunkCells({ units: 1, slabs: [slab(0, 1, 1, 4095)] }, 1)).toBe('░');
  });

  it('is drawn smaller where there is no room: a cell for several units', () => {
    expect(chunkCells(CHUNK, 8)).toBe('▒·█·····');
    expect(chunkCells(CHUNK, 1)).toHaveLength(1);
  });

  it('without a slab is all free', () => {
    expect(chunkCells({ units: 32, slabs: [] }, 4)).toBe('····');
  });
});

describe('a picture', () => {
  const chunks = [
    ...Array.from({ length: 200 }, () => CHUNK),
    huge(48),
    huge(1500),
    ...Array.from({ length: 9 }, () => huge(32)),
  ];

  it.each([20, 30, 40, 60, 80, 120, 200])('keeps to %i columns', (width) => {
    const lines = heapPicture(chunks, width);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(lines.length).toBeLessThan(80);
  });

  it('tells what it leaves out', () => {
    const text = heapPicture(chunks, 80).join('\n');
    expect(text).toContain('200 chunks, 400 MiB');
    expect(text).toContain('... and 176 chunks more');
    expect(text).toContain('11 huge mappings');
    expect(text).toContain('... and 5 more');
  });

  it('counts every class over all of its slabs', () => {
    const text = heapPicture([CHUNK, CHUNK], 80).join('\n');
    expect(text).toMatch(/4 KiB .* 50% {2}64 of 128 in 8 slabs/);
    expect(text).toMatch(/80 KiB .*100% {2}6 of 6 in 2 slabs/);
  });

  it('of an empty heap is nothing', () => {
    expect(heapPicture([], 80)).toEqual([]);
  });
});
