/** Churn with another size each time, 1 B to 32 KiB, all equally frequent. */
import { shuffledSizes, uniform } from './random.mjs';

// Its own in each instance of this module: code that sees Buffers of two kinds is compiled worse.
const { touch } = await import(`./touch.mjs${new URL(import.meta.url).search}`);

const MAX_SIZE = 32_768;
const SIZES = 4096;

export const cases = [
  {
    id: 'mixed',
    title: 'mixed sizes 1 B-32 KiB',
    about: 'allocate, touch, free; sizes uniform from 1 B to 32 KiB',
    quick: true,
    maxSize: MAX_SIZE,
    maxLive: 1,
    maxLiveBytes: MAX_SIZE,
  },
];

export function setUp(pair) {
  return { pair, sizes: shuffledSizes(SIZES, uniform(MAX_SIZE)), sum: 0, damaged: 0 };
}

export function run(state, from, to) {
  const { pair, sizes } = state;
  let { sum } = state;
  for (let n = from; n < to; n++) {
    const size = sizes[n & (SIZES - 1)];
    const buffer = pair.alloc(size);
    sum = (sum + touch(buffer, size, n)) | 0;
    pair.free(buffer);
  }
  state.sum = sum;
}

export function drain() {}
