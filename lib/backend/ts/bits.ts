/**
 * Bit tricks on 32-bit words, as JavaScript's bit operations give them: signed, and a shift by 32 is a shift by 0.
 */

/** Bits of a word of a bitmap. */
export const WORD_BITS = 32;

/** Position of the lowest set bit, 0..31; `word` must not be 0. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** Number of set bits, 0..32. @see Hacker's Delight, 5-1. */
export function countBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** A word whose bits `from..to-1` are set; 0 <= from < to <= 32. */
export function maskOf(from: number, to: number): number {
  return (-1 << from) & (-1 >>> (WORD_BITS - to));
}
