/**
 * A fixed number of bits, searched a word at a time. A set bit means free.
 *
 *     word 0                word 1
 *     [0110 ... 1]          [...]          bit i is bit i % 32 of word i / 32: lowest bit first
 *           ^ lowest set bit = first fit
 *
 * Slabs keep their free blocks in one, chunks their free units and their committed units. This is all the state that
 * a free block has: nothing is ever written into the block itself.
 *
 * Invariants: bits at and beyond `bits` are 0; no word before `#low` has a set bit (a search for the first one starts
 * there, so that filling a slab from the bottom visits each word once).
 * Source: the bitmaps of Linux's and jemalloc's allocators; the hint replaces jemalloc's tree of summary words.
 */
import { invariant } from './assert';
import { countBits, lowestBit, maskOf, WORD_BITS } from './bits';

export class Bitmap {
  readonly bits: number;
  readonly #words: Int32Array;
  /** No word before this one has a set bit. */
  #low = 0;

  /** @param bits how many, all 0 at first. */
  constructor(bits: number) {
    this.bits = bits;
    this.#words = new Int32Array(Math.ceil(bits / WORD_BITS));
  }

  /** @param bit 0..bits-1. */
  has(bit: number): boolean {
    return ((this.#words[bit >>> 5] >>> (bit & 31)) & 1) === 1;
  }

  set(bit: number): void {
    const word = bit >>> 5;
    this.#words[word] |= 1 << (bit & 31);
    this.#low = Math.min(this.#low, word);
  }

  /** Clears the lowest set bit. @returns its number, or -1 where none is set. */
  takeLowest(): number {
    const words = this.#words;
    while (this.#low < words.length) {
      const word = words[this.#low];
      if (word !== 0) {
        // The call comes first: where it finds no room on the stack, the bit is still set.
        const bit = this.#low * WORD_BITS + lowestBit(word);
        words[this.#low] = word & (word - 1);
        return bit;
      }
      this.#low++;
    }
    return -1;
  }

  /** Sets bits `from..from+count-1`. @returns how many of them were 0. */
  setRange(from: number, count: number): number {
    const before = this.#low;
    const changed = this.#changeRange(from, count, (word, mask) => word | mask);
    this.#low = count > 0 ? Math.min(before, from >>> 5) : before;
    return changed;
  }

  /** Clears bits `from..from+count-1`. @returns how many of them were 1. */
  clearRange(from: number, count: number): number {
    return this.#changeRange(from, count, (word, mask) => word & ~mask);
  }

  /** Clears the bits that are set in `other`, a bitmap of the same length. @returns how many were 1. */
  subtract(other: Bitmap): number {
    let changed = 0;
    for (let w = 0; w < this.#words.length; w++) {
      changed += countBits(this.#words[w] & other.#words[w]);
      this.#words[w] &= ~other.#words[w];
    }
    return changed;
  }

  /** @returns whether all its set bits are set in `other`, a bitmap of the same length, too. */
  isWithin(other: Bitmap): boolean {
    return this.#words.every((word, w) => (word & ~other.#words[w]) === 0);
  }

  /** Becomes the bits that are set in both, bitmaps of the same length. */
  assignBoth(one: Bitmap, other: Bitmap): void {
    for (let w = 0; w < this.#words.length; w++) {
      this.#words[w] = one.#words[w] & other.#words[w];
    }
    this.#low = 0;
  }

  /** First fit. @returns the lowest bit at which `length` or more set bits follow one another, or -1. */
  findRun(length: number): number {
    for (let start = this.#nextSet(0); start < this.bits; ) {
      const end = this.#nextClear(start);
      if (end - start >= length) {
        return start;
      }
      start = this.#nextSet(end);
    }
    return -1;
  }

  /** @returns the length of the longest run of set bits. */
  longestRun(): number {
    let longest = 0;
    for (let start = this.#nextSet(0); start < this.bits; ) {
      const end = this.#nextClear(start);
      longest = Math.max(longest, end - start);
      start = this.#nextSet(end);
    }
    return longest;
  }

  /** @returns how many bits are set. */
  count(): number {
    return this.#words.reduce((sum, word) => sum + countBits(word), 0);
  }

  check(): void {
    const rest = this.bits % WORD_BITS;
    const beyond = rest === 0 ? 0 : this.#words[this.#words.length - 1] & ~maskOf(0, rest);
    invariant(beyond === 0, 'no bit is set beyond the length of a bitmap');
    invariant(
      this.#words.subarray(0, this.#low).every((word) => word === 0),
      'no bit is set below the hint of a bitmap',
    );
  }

  #changeRange(from: number, count: number, change: (word: number, mask: number) => number): number {
    let changed = 0;
    const end = from + count;
    for (let bit = from; bit < end; bit = (bit | 31) + 1) {
      const w = bit >>> 5;
      const mask = maskOf(bit & 31, Math.min(WORD_BITS, end - w * WORD_BITS));
      const word = change(this.#words[w], mask) | 0;
      changed += countBits(word ^ this.#words[w]);
      this.#words[w] = word;
    }
    return changed;
  }

  #nextSet(from: number): number {
    return this.#next(from, 0);
  }

  #nextClear(from: number): number {
    return this.#next(from, -1);
  }

  /** First bit at or after `from` that is 1 in `word ^ flip`; `bits` where there is none, since those beyond are clear. */
  #next(from: number, flip: number): number {
    let w = from >>> 5;
    let mask = -1 << (from & 31);
    for (; w < this.#words.length; w++) {
      const word = (this.#words[w] ^ flip) & mask;
      if (word !== 0) {
        return w * WORD_BITS + lowestBit(word);
      }
      mask = -1;
    }
    return this.bits;
  }
}
