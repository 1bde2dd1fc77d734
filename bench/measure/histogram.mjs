/**
 * Times of single calls, counted in buckets that grow with the time: 32 to each doubling, so a value is known to 3%.
 *
 *     ns   0 1 2 ... 63 | 64 66 68 ... | 128 132 136 ... |
 *          one by one     32 buckets     32 buckets
 *
 * Adding allocates nothing, so measuring causes no garbage collection. The idea is HdrHistogram's (Gil Tene).
 */

const SUB_BITS = 5;
const SUBS = 1 << SUB_BITS;
/** Times above this many doublings, some four seconds, are counted as this. */
const MAX_BITS = 32;

export class Histogram {
  #counts = new Float64Array((MAX_BITS - SUB_BITS + 1) * SUBS);
  #max = 0;
  count = 0;

  /** @param ns 0 or more; fractions are cut off. */
  add(ns) {
    const value = ns >= 0xffffffff ? 0xffffffff : ns >>> 0;
    const octave = Math.max(0, 31 - SUB_BITS - Math.clz32(value));
    this.#counts[octave * SUBS + (value >>> octave)]++;
    this.count++;
    if (ns > this.#max) {
      this.#max = ns;
    }
  }

  /** @param fraction 0..1. @returns ns: that share of the calls took so long at most; the middle of the bucket. */
  quantile(fraction) {
    const wanted = Math.max(1, Math.ceil(fraction * this.count));
    let seen = 0;
    for (let at = 0; at < this.#counts.length; at++) {
      seen += this.#counts[at];
      if (seen >= wanted) {
        return Math.min(middleOf(at), this.#max);
      }
    }
    return 0;
  }

  /** @returns what goes into the results. */
  summary() {
    const [p50, p99, p999] = [0.5, 0.99, 0.999].map((fraction) => this.quantile(fraction));
    return { p50, p99, p999, max: this.#max, count: this.count };
  }
}

/** A bucket of octave o has index o * SUBS + m with m from SUBS to 2 * SUBS - 1, but in octave 0, where m starts at 0. */
function middleOf(at) {
  const octave = Math.max(0, Math.floor(at / SUBS) - 1);
  const low = (at - octave * SUBS) * 2 ** octave;
  return octave === 0 ? low : low + 2 ** (octave - 1);
}
