/**
 * Recorded traffic: the sizes and lives of real messages, replayed over and over (see ../traces/record.mjs).
 * An operation is one allocation, with the frees that came after it.
 */
import { readTrace, TRACES } from '../traces/format.mjs';

// Its own in each instance of this module: code that sees Buffers of two kinds is compiled worse.
const { intact, touch } = await import(`./touch.mjs${new URL(import.meta.url).search}`);

export const cases = TRACES.map(({ name, title, about, quick }) => {
  const { maxSize, maxLive, maxLiveBytes } = readTrace(name);
  return { id: `trace-${name}`, title, about, quick, trace: name, maxSize, maxLive, maxLiveBytes };
});

export function setUp(pair, { trace, maxLive }) {
  const { steps, slots } = readTrace(trace);
  return {
    pair,
    steps,
    slots,
    at: 0,
    buffers: new Array(maxLive).fill(null),
    sizeAt: new Int32Array(maxLive),
    tagAt: new Uint8Array(maxLive),
    sum: 0,
    damaged: 0,
  };
}

export function run(state, from, to) {
  const { pair, steps, slots, buffers, sizeAt, tagAt } = state;
  let { at, sum, damaged } = state;
  for (let n = from; n < to; ) {
    const size = steps[at];
    const slot = slots[at];
    if (size > 0) {
      const buffer = pair.alloc(size);
      sum = (sum + touch(buffer, size, n)) | 0;
      buffers[slot] = buffer;
      sizeAt[slot] = size;
      tagAt[slot] = n;
      n++;
    } else {
      damaged += intact(buffers[slot], sizeAt[slot], tagAt[slot]) ? 0 : 1;
      pair.free(buffers[slot]);
      buffers[slot] = null;
    }
    at = at + 1 === steps.length ? 0 : at + 1;
  }
  state.at = at;
  state.sum = sum;
  state.damaged = damaged;
}

export function drain({ pair, buffers }) {
  for (let slot = 0; slot < buffers.length; slot++) {
    if (buffers[slot] !== null) {
      pair.free(buffers[slot]);
      buffers[slot] = null;
    }
  }
}
