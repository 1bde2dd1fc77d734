/** Churn: allocate one Buffer, touch it, free it; again and again. The shortest life a Buffer can have. */
// Its own in each instance of this module: code that sees Buffers of two kinds is compiled worse.
const { touch } = await import(`./touch.mjs${new URL(import.meta.url).search}`);

const SIZES = [
  [64, '64', true],
  [1024, '1k', false],
  [4096, '4k', true],
  [16_384, '16k', false],
  [65_536, '64k', true],
  [2 ** 20, '1m', true],
  [2 ** 23, '8m', false],
];

export const cases = SIZES.map(([size, id, quick]) => ({
  id: `churn-${id}`,
  title: `churn ${size >= 2 ** 20 ? `${size / 2 ** 20} MiB` : size >= 1024 ? `${size / 1024} KiB` : `${size} B`}`,
  about: 'allocate, touch, free',
  quick,
  size,
  maxSize: size,
  maxLive: 1,
  maxLiveBytes: size,
}));

export function setUp(pair, { size }) {
  return { pair, size, sum: 0, damaged: 0 };
}

/** Operations `from` to `to`. */
export function run(state, from, to) {
  const { pair, size } = state;
  let { sum } = state;
  for (let n = from; n < to; n++) {
    const buffer = pair.alloc(size);
    sum = (sum + touch(buffer, size, n)) | 0;
    pair.free(buffer);
  }
  state.sum = sum;
}

export function drain() {}
