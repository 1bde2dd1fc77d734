/** Burst and drain: many Buffers at once, then all of them back, the oldest first. */
// Its own in each instance of this module: code that sees Buffers of two kinds is compiled worse.
const { intact, touch } = await import(`./touch.mjs${new URL(import.meta.url).search}`);

const SIZE = 4096;
const BURST = 4000;
/** The first bursts meet memory that nobody touched yet; on a virtual machine a page of it can cost as much as a hundred allocations. */
const WARM_UP = 20 * BURST;

export const cases = [
  {
    id: 'burst',
    title: 'burst and drain',
    about: 'allocate 4,000 Buffers of 4 KiB, then free them all, the oldest first',
    quick: false,
    size: SIZE,
    maxSize: SIZE,
    maxLive: BURST,
    maxLiveBytes: SIZE * BURST,
    warmUp: WARM_UP,
  },
];

export function setUp(pair) {
  return { pair, buffers: new Array(BURST).fill(null), first: 0, held: 0, sum: 0, damaged: 0 };
}

export function run(state, from, to) {
  const { pair, buffers } = state;
  let { sum } = state;
  for (let n = from; n < to; n++) {
    const buffer = pair.alloc(SIZE);
    sum = (sum + touch(buffer, SIZE, n)) | 0;
    buffers[state.held++] = buffer;
    if (state.held === BURST) {
      drain(state);
      state.first = n + 1;
    }
  }
  state.sum = sum;
}

export function drain(state) {
  const { pair, buffers, held, first } = state;
  let { damaged } = state;
  for (let at = 0; at < held; at++) {
    damaged += intact(buffers[at], SIZE, first + at) ? 0 : 1;
    pair.free(buffers[at]);
    buffers[at] = null;
  }
  state.held = 0;
  state.damaged = damaged;
}
