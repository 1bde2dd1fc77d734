/** Numbers that are the same in every run: all contenders get the same sizes, in the same order. */

/** Marsaglia 2003, xorshift. @returns the next state; never 0. */
export function nextRandom(state) {
  let x = state;
  x ^= x << 13;
  x ^= x >>> 17;
  return x ^ (x << 5);
}

/** @returns `count` sizes, one for each equal slice of the distribution `quantile`, in random order. */
export function shuffledSizes(count, quantile) {
  const sizes = Int32Array.from({ length: count }, (_, n) => quantile((n + 0.5) / count));
  let state = 0x9e3779b9 | 0;
  for (let n = count - 1; n > 0; n--) {
    state = nextRandom(state);
    const other = (state >>> 0) % (n + 1);
    [sizes[n], sizes[other]] = [sizes[other], sizes[n]];
  }
  return sizes;
}

/** Uniform from 1 to `max`. */
export function uniform(max) {
  return (u) => 1 + Math.floor(u * max);
}

/** Pareto with shape 1, cut off: half of the sizes below twice `min`, a tenth above ten times, a thousandth above a thousand times. */
export function skewed(min, max) {
  return (u) => Math.min(max, Math.floor(min / (1 - u)));
}
