/** A magazine's array and its `last` place: no block is lost or doubled as the capacity changes. */
import { describe, expect, it } from 'vitest';
import { createTsBackend } from '../../lib/backend/ts/index';
import { Magazine, NONE } from '../../lib/magazine';

function filled(capacity: number, blocks: number): Magazine {
  const magazine = new Magazine({}, createTsBackend().createHeap(false), 5);
  magazine.resize(capacity);
  for (let id = 1; id <= blocks; id++) {
    expect(magazine.push(id)).toBe(true);
  }
  return magazine;
}

function popAll(magazine: Magazine): number[] {
  const ids: number[] = [];
  for (let id = magazine.pop(); id !== NONE; id = magazine.pop()) {
    ids.push(id);
  }
  return ids;
}

describe('a capacity as large as what it holds', () => {
  it('keeps every block, newest first, where `last` is taken', () => {
    const magazine = filled(8, 4);
    magazine.resize(4);
    expect([magazine.capacity, magazine.cached, magazine.push(9)]).toEqual([4, 4, false]);
    expect(popAll(magazine)).toEqual([4, 3, 2, 1]);
  });

  it('keeps every block, newest first, where `last` is empty', () => {
    const magazine = filled(8, 5);
    expect(magazine.pop()).toBe(5);
    magazine.resize(4);
    expect([magazine.capacity, magazine.cached, magazine.push(9)]).toEqual([4, 4, false]);
    expect(popAll(magazine)).toEqual([4, 3, 2, 1]);
  });
});

describe('without any capacity', () => {
  it('takes nothing in', () => {
    const magazine = filled(8, 0);
    magazine.resize(0);
    expect([magazine.capacity, magazine.push(1), magazine.pop()]).toEqual([0, false, NONE]);
  });
});
