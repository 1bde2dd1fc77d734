/**
 * The post of a heap: where other threads say in which of its slabs they have freed blocks.
 *
 *     bit n    slab number n has remote bits; set by whoever freed there, taken a word at a time by the owner
 *
 * With the remote bitmaps of the slabs this is what the C core keeps in a stack of slabs (`remote`): the owner finds what was freed
 * without looking at slabs in which nothing was.
 *
 * Threads: mark any; open and collect the owner.
 */
import { WORD_BITS } from './bits';
import { growTo, makeGrowable } from './growable';

const WORDS = 64;
const WORDS_LIMIT = 2 ** 20;

export class Post {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param memory of the owner's, in other threads. */
  constructor(memory: SharedArrayBuffer = makeGrowable(WORDS, WORDS_LIMIT)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** @returns false where there is no room for a slab of that number. */
  open(slab: number): boolean {
    return growTo(this.memory, slab >>> 5);
  }

  /** The slab's remote bits come before; pairs with the exchange in collect. */
  mark(slab: number): void {
    // The number comes out of shared memory, where any program may have written.
    if (slab >= 0 && slab >>> 5 < this.#words.length) {
      Atomics.or(this.#words, slab >>> 5, 1 << (slab & 31));
    }
  }

  /** Takes all marks. @param slabs how many numbers are in use. */
  collect(slabs: number, visit: (slab: number) => void): void {
    for (let w = 0; w * WORD_BITS < slabs; w++) {
      if (Atomics.load(this.#words, w) === 0) {
        continue;
      }
      eachBit(Atomics.exchange(this.#words, w, 0), (bit) => visit(w * WORD_BITS + bit));
    }
  }
}

/** Lowest first. */
export function eachBit(word: number, visit: (bit: number) => void): void {
  for (let rest = word; rest !== 0; rest &= rest - 1) {
    visit(31 - Math.clz32(rest & -rest));
  }
}
