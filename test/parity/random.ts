/**
 * Random numbers that are the same for the same seed, on every machine.
 *
 * Source: xoshiro128** by Blackman and Vigna 2018, its state filled by splitmix32, so that neighbouring seeds have
 * nothing in common.
 */

export class Random {
  readonly #state = new Uint32Array(4);

  /** @param seed an integer; its lowest 32 bits count. */
  constructor(seed: number) {
    let mixed = seed >>> 0;
    for (let word = 0; word < 4; word++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      this.#state[word] = mix(mixed);
    }
  }

  /** @returns an integer 0..2^32-1. */
  next(): number {
    const s = this.#state;
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 11);
    return result;
  }

  /** @returns an integer 0..limit-1. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  /** @returns an integer from..to, both included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** @returns true in `percent` of 100 cases. */
  percent(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** @returns one of the elements. */
  pick<T>(elements: readonly T[]): T {
    return elements[this.below(elements.length)];
  }

  /** @returns an integer from..to with each magnitude equally likely: most are small. 1 <= from. */
  skewed(from: number, to: number): number {
    const exponent = (this.next() / 2 ** 32) * Math.log2(to / from);
    return Math.min(to, Math.floor(from * 2 ** exponent));
  }
}

/** Mixes 32 bits so that each of them changes half of the result. */
export function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

function rotate(value: number, bits: number): number {
  return ((value << bits) | (value >>> (32 - bits))) >>> 0;
}
