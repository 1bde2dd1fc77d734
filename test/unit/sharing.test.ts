/** The parts of sharing in the ts backend: words, the table of threads, the post; and a handle whose memory was written over. */
import { describe, expect, it } from 'vitest';
import type { SharedToken } from '../../lib/backend/contract';
import { FLIGHT, HELD, HOME, nextRun, packWord, RECALLED, unpackWord } from '../../lib/backend/ts/block-word';
import { makeGrowable } from '../../lib/backend/ts/growable';
import { createTsBackend } from '../../lib/backend/ts/index';
import { Post } from '../../lib/backend/ts/post';
import type { SharedHeap } from '../../lib/backend/ts/shared-heap';
import { NOBODY, STRANGER, Threads } from '../../lib/backend/ts/threads';
import { readTicket } from '../../lib/backend/ts/ticket';

describe('a block word', () => {
  it.each([HOME, FLIGHT, HELD, RECALLED] as const)('keeps what is put in: phase %i', (phase) => {
    for (const run of [0, 1, 2 ** 29, 2 ** 30 - 1]) {
      for (const thread of [0, 1, 70_000, 2 ** 31 - 1, NOBODY, STRANGER]) {
        expect(unpackWord(packWord(phase, run, thread))).toEqual({ phase, run, thread });
      }
    }
  });

  it('has runs that go round', () => {
    expect([nextRun(5), nextRun(2 ** 30 - 1)]).toEqual([6, 0]);
  });
});

describe('the table of threads', () => {
  it('takes a thread for dead once it or one that started it has ended', () => {
    const threads = new Threads(makeGrowable(16, 2 ** 16));
    threads.enter(0, 0);
    threads.enter(3, 0);
    threads.enter(4, 3);
    threads.enter(5000, 4); // more than there is room for at first
    const alive = () => [0, 3, 4, 5000].map((id) => threads.lives(id));
    expect(alive()).toEqual([true, true, true, true]);
    const { ended } = threads;
    threads.end(3);
    threads.end(3);
    expect(threads.ended).toBe(ended + 1);
    expect(alive()).toEqual([true, false, false, false]);
  });

  it('knows nothing of strangers, and that nobody is nobody', () => {
    const threads = new Threads(makeGrowable(16, 32));
    threads.enter(100_000, 0); // no room, ever
    threads.end(100_000);
    expect([STRANGER, 7, 100_000, NOBODY].map((id) => threads.lives(id))).toEqual([true, true, true, false]);
  });
});

describe('the post', () => {
  it('hands every mark over once, and passes over nonsense', () => {
    const post = new Post();
    expect(post.open(5000)).toBe(true);
    const there = new Post(post.memory); // as in another thread
    for (const slab of [0, 31, 32, 5000, 31, -1, 2 ** 31 - 1]) {
      there.mark(slab);
    }
    const taken: number[] = [];
    post.collect(5001, (slab) => taken.push(slab));
    post.collect(5001, (slab) => taken.push(slab));
    expect(taken).toEqual([0, 31, 32, 5000]);
  });
});

describe('a program that writes over what travels with a handle', () => {
  it.each([0, 0x55, 0xff])('hurts no structure: bytes %i', (byte) => {
    const backend = createTsBackend();
    const heaps = [backend.createHeap(true), backend.createHeap(true)] as [SharedHeap, SharedHeap];
    const [owner, other] = heaps;
    const blocks = new Float64Array(40);
    const parcel = new Float64Array(3);
    expect(owner.refill(20, 40, blocks)).toBe(40);
    const tokens = Array.from(blocks, (block) => owner.share(block, 100, owner.memory(block, true)) as SharedToken);
    const held = tokens.slice(0, 20).map((token) => other.adopt(token, 1e9, parcel) && parcel[0]);
    for (const { state, post } of tokens) {
      new Uint8Array(state).fill(byte);
      new Uint8Array(post).fill(byte);
    }
    other.flush(Float64Array.from(held, Number), held.length);
    for (const token of tokens) {
      expect(() => other.adopt(token, 1e9, parcel)).toThrow();
    }
    for (let round = 0; round < 3; round++) {
      owner.refill(20, 40, blocks);
      owner.flush(blocks, 40);
      owner.stats();
      owner.check();
      other.check();
    }
    other.destroy();
    owner.destroy();
    expect(backend.stats().blocks.live).toBe(0);
  });
});

describe('a heap that shares', () => {
  it('believes no free of a block that is under way', () => {
    const backend = createTsBackend();
    const [owner, other] = [backend.createHeap(true), backend.createHeap(true)];
    const [block, parcel] = [new Float64Array(1), new Float64Array(3)];
    owner.refill(5, 1, block);
    const token = owner.share(block[0], 1, owner.memory(block[0], true));
    const ticket = readTicket(token);
    ticket?.state.give(0, 1);
    new Post(ticket?.post).mark(ticket?.state.number ?? -1);
    expect(backend.stats().blocks.live).toBe(1);
    expect(other.adopt(token, 1e9, parcel)).toBe(true);
    other.destroy();
    owner.destroy();
  });

  it('gives back nothing that is elsewhere, and nothing twice', () => {
    const backend = createTsBackend();
    const [owner, other] = [backend.createHeap(true), backend.createHeap(true)];
    const parcel = new Float64Array(3);
    const blocks = new Float64Array(2);
    owner.refill(5, 2, blocks);
    const token = owner.share(blocks[0], 1, owner.memory(blocks[0], true));
    expect(() => owner.share(blocks[0], 1, null)).toThrow('names no block');
    expect(owner.flush(blocks, 2), 'not the one that is lent').toBe(1);
    expect(other.adopt(token, 0, parcel), 'too large').toBe(false);
    expect(other.adopt(token, 1e9, parcel)).toBe(true);
    expect(other.flush(Float64Array.of(parcel[0], parcel[0]), 2)).toBe(1);
    expect([owner.stats().blocks.live, other.stats().blocks.live]).toEqual([0, 0]);
    (owner as SharedHeap).check();
    owner.destroy();
    other.destroy();
  });
});
