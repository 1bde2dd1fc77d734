/**
 * A live set: so many Buffers stay, and each operation replaces one of them.
 *
 *     slots  | B | B | B | B | B | B |      random: any of them, so that lives are exponentially long
 *              ^ replaced by a new one      fifo: the oldest
 *
 * A Buffer's tag is checked when it goes: nobody else may have written to it meanwhile.
 */
import { nextRandom, shuffledSizes, skewed } from './random.mjs';

// Its own in each instance of this module: code that sees Buffers of two kinds is compiled worse.
const { intact, touch } = await import(`./touch.mjs${new URL(import.meta.url).search}`);

const SIZES = 4096;
const SKEWED_MIN = 64;
const SKEWED_MAX = 262_144;
const ABOUT_SKEWED = 'replace a random one of a live set; sizes skewed, 64 B-256 KiB, half below 128 B';

export const cases = [
  randomCase('live-1k', 1000, 'live set of 1,000', true),
  randomCase('live-100k', 100_000, 'live set of 100,000', false),
  {
    id: 'fifo-10k',
    title: 'FIFO, 10,000 live',
    about: 'replace the oldest of 10,000 Buffers of 1 KiB',
    quick: false,
    size: 1024,
    maxSize: 1024,
    maxLive: 10_000,
    maxLiveBytes: 10_000 * 1024,
  },
];

function randomCase(id, live, title, quick) {
  // Twice the mean leaves room for an unlucky draw.
  const maxLiveBytes = 2 * live * SKEWED_MIN * Math.log(SKEWED_MAX / SKEWED_MIN) + 4 * SKEWED_MAX;
  return { id, title, about: ABOUT_SKEWED, quick, maxSize: SKEWED_MAX, maxLive: live, maxLiveBytes };
}

export function setUp(pair, { size, maxLive }) {
  const sizes =
    size === undefined ? shuffledSizes(SIZES, skewed(SKEWED_MIN, SKEWED_MAX)) : new Int32Array(SIZES).fill(size);
  const buffers = new Array(maxLive);
  const sizeAt = new Int32Array(maxLive);
  const tagAt = new Uint8Array(maxLive);
  for (let slot = 0; slot < maxLive; slot++) {
    sizeAt[slot] = sizes[slot & (SIZES - 1)];
    buffers[slot] = pair.alloc(sizeAt[slot]);
    touch(buffers[slot], sizeAt[slot], slot);
    tagAt[slot] = slot;
  }
  return { pair, sizes, buffers, sizeAt, tagAt, fifo: size !== undefined, random: 1, sum: 0, damaged: 0 };
}

export function run(state, from, to) {
  const { pair, sizes, buffers, sizeAt, tagAt, fifo } = state;
  const live = buffers.length;
  let { random, sum, damaged } = state;
  for (let n = from; n < to; n++) {
    random = nextRandom(random);
    const slot = fifo ? n % live : (random >>> 0) % live;
    damaged += intact(buffers[slot], sizeAt[slot], tagAt[slot]) ? 0 : 1;
    pair.free(buffers[slot]);
    const size = sizes[n & (SIZES - 1)];
    const buffer = pair.alloc(size);
    sum = (sum + touch(buffer, size, n)) | 0;
    buffers[slot] = buffer;
    sizeAt[slot] = size;
    tagAt[slot] = n;
  }
  state.random = random;
  state.sum = sum;
  state.damaged = damaged;
}

export function drain({ pair, buffers }) {
  for (const buffer of buffers) {
    pair.free(buffer);
  }
  buffers.length = 0;
}
