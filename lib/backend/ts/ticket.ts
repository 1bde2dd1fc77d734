/**
 * Tickets: what of a handle names the block, within the slab whose state travels beside it.
 *
 *     '2f-1a-400-9c3e5d0f17b2a864'      block, run, length of the Buffer, seal; hexadecimal
 *
 * The seal tells a ticket that was altered or made up from a real one. It is against mistakes, not against attackers: who has a
 * handle has the secret too.
 *
 * Pure functions.
 */
import { types } from 'node:util';
import type { SharedToken } from '../contract';
import { readState, type SlabState } from './slab-state';

/** A handle that was read: everything in it fits together. Whether it is still good the block's word says. */
export interface Ticket {
  readonly state: SlabState;
  readonly index: number;
  readonly run: number;
  readonly lengthBytes: number;
  readonly memory: SharedArrayBuffer;
  readonly post: SharedArrayBuffer;
}

/** @returns what travels. */
export function writeTicket({ state, index, run, lengthBytes, memory, post }: Ticket): SharedToken {
  return { text: textOf(state, index, run, lengthBytes), memory, state: state.memory, post };
}

/** @returns null where the token is none of this backend's. */
export function readTicket(token: unknown): Ticket | null {
  if (typeof token !== 'object' || token === null) {
    return null;
  }
  const { text, memory, post, state: stateMemory } = token as Partial<SharedToken>;
  const fields = /^([\da-f]{1,3})-([\da-f]{1,8})-([\da-f]{1,14})-[\da-f]{16}$/.exec(text ?? '');
  const state = readState(stateMemory);
  if (fields === null || state === null || !fits(memory, state) || !types.isSharedArrayBuffer(post)) {
    return null;
  }
  const [index, run, lengthBytes] = fields.slice(1).map((digits) => Number.parseInt(digits, 16));
  const real = index < state.blocks && lengthBytes <= state.blockSizeBytes;
  return real && textOf(state, index, run, lengthBytes) === text
    ? { state, index, run, lengthBytes, memory, post }
    : null;
}

/** The memory of the block alone, or of its whole slab. */
function fits(memory: unknown, { blockSizeBytes, sizeBytes }: SlabState): memory is SharedArrayBuffer {
  return types.isSharedArrayBuffer(memory) && (memory.byteLength === blockSizeBytes || memory.byteLength === sizeBytes);
}

function textOf(state: SlabState, index: number, run: number, lengthBytes: number): string {
  const numbers = [index, run, lengthBytes];
  const seal = [0, 1].map((salt) =>
    hex(hash([state.secret, salt, index, run, lengthBytes >>> 0, lengthBytes / 2 ** 32])),
  );
  return `${numbers.map((number) => number.toString(16)).join('-')}-${seal.join('')}`;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

/** @see Appleby, MurmurHash3: the finalizer, after each number. */
function hash(numbers: number[]): number {
  let mixed = 0;
  for (const number of numbers) {
    mixed = Math.imul((mixed ^ number) + 0x9e3779b9, 0x85ebca6b);
    mixed ^= mixed >>> 13;
    mixed = Math.imul(mixed, 0xc2b2ae35);
    mixed ^= mixed >>> 16;
  }
  return mixed;
}
