/**
 * Runs a workload for some time.
 *
 * Operations run in slices of some milliseconds with a turn of the event loop between them, since finalizers and much of the
 * engine's freeing happen only there. The clock runs through both: an allocation is charged with its collection.
 *
 *     | warm up | slice . slice . slice . slice ... |      '.' a turn of the event loop
 *               ^ start                             ^ end
 *
 * Single calls are timed in a second pass, in a second instance of the workload's module: reading the clock would spoil the
 * mean, and a loop that has seen two kinds of pairs is compiled worse than one that has seen one. The ratio to the bare view, hakmem's
 * and that of others which cost as little, is measured in a third pass, in two more instances: other programs and the processor's
 * clock make the same loop in two processes differ by more than what is to be measured.
 */
import { setImmediate } from 'node:timers/promises';
import { expectedSum } from '../workloads/touch.mjs';
import { countCollections } from './collections.mjs';
import { Histogram } from './histogram.mjs';

const SLICE_MS = 5;
const FIRST_SLICE = 64;
/** How long a loop runs before the other one does, where two are compared, and how often at least. */
const TURN_MS = 25;
const TURNS_MIN = 10;

export class Loop {
  #run;
  #state;
  #slice = FIRST_SLICE;
  done = 0;

  constructor(run, state, done = 0) {
    this.#run = run;
    this.#state = state;
    this.done = done;
  }

  /** Runs slices until so many operations are done. */
  async runTo(operations) {
    while (this.done < operations) {
      await this.runSlice();
    }
  }

  /** Runs slices until the time is over. @returns ms that they took. */
  async runFor(durationMs) {
    const startMs = performance.now();
    while (performance.now() - startMs < durationMs) {
      await this.runSlice();
    }
    return performance.now() - startMs;
  }

  /** One slice, with the turn of the event loop behind it; its length adapts to what an operation costs. */
  async runSlice() {
    const slice = this.#slice;
    const startMs = performance.now();
    this.#run(this.#state, this.done, this.done + slice);
    this.done += slice;
    const tookMs = performance.now() - startMs;
    if (tookMs < SLICE_MS / 2) {
      this.#slice *= 2;
    } else if (tookMs > SLICE_MS * 2) {
      this.#slice = Math.max(1, slice >> 1);
    }
    await setImmediate();
  }

  /** @throws where what was read is not what was written. */
  check(mayOverlap) {
    const { sum, damaged } = this.#state;
    if (sum !== expectedSum(this.done) || (damaged > 0 && !mayOverlap)) {
      throw new Error(`the bytes read are not those written: sum ${sum}, ${damaged} Buffers damaged while live`);
    }
  }
}

/** The mean: warm up, for some time and so many operations at least, then the clock. */
export async function measureMean(loop, { warmUp = 0 }, durationMs) {
  await loop.runFor(durationMs / 4);
  await loop.runTo(warmUp);
  const collections = countCollections();
  const warm = loop.done;
  const cpuBefore = process.cpuUsage();
  const elapsedMs = await loop.runFor(durationMs);
  const { user, system } = process.cpuUsage(cpuBefore);
  const operations = loop.done - warm;
  return {
    nsPerOperation: (elapsedMs * 1e6) / operations,
    // Of all threads, those of the collector too; hardly disturbed by what else runs on the machine.
    cpuNsPerOperation: ((user + system) * 1000) / operations,
    operations,
    elapsedMs,
    collections: await collections.stop(),
  };
}

/** @returns ns per operation of a turn. */
async function runTurn(loop) {
  const before = loop.done;
  const elapsedMs = await loop.runFor(TURN_MS);
  return (elapsedMs * 1e6) / (loop.done - before);
}

/**
 * Two loops in turn, so that whatever disturbs the machine for longer than a turn disturbs both. A turn is long enough for some
 * collections: two loops that make one collection between them would else keep step with it, and one of them pay for both.
 * @returns how many times as long as the other's the first one's operations take: the median over all pairs of turns.
 */
export async function measureRatio(loop, other, { warmUp = 0 }, durationMs) {
  const ratios = [];
  await loop.runTo(warmUp);
  await other.runTo(warmUp);
  const warmUntilMs = performance.now() + durationMs / 3;
  const untilMs = warmUntilMs + Math.max(durationMs, 2 * TURNS_MIN * TURN_MS);
  while (performance.now() < untilMs || ratios.length === 0) {
    const [first, second] = [await runTurn(loop), await runTurn(other)];
    if (performance.now() > warmUntilMs) {
      ratios.push(first / second);
    }
  }
  return ratios.sort((one, two) => one - two)[ratios.length >> 1];
}

/** Single calls. @returns quantiles in ns, the clock's own time included; `clock` is that time. */
export async function measureCalls(makeLoop, pair, durationMs) {
  const alloc = new Histogram();
  const free = new Histogram();
  const pass = { timing: false };
  const loop = makeLoop(timedPair(pair, alloc, free, pass));
  await loop.runFor(durationMs / 8);
  pass.timing = true;
  await loop.runFor(durationMs);
  return { loop, calls: { alloc: alloc.summary(), free: free.summary(), clock: clockTime().summary() } };
}

function timedPair({ alloc, free }, allocTimes, freeTimes, pass) {
  return {
    alloc(size) {
      const start = performance.now();
      const buffer = alloc(size);
      const took = (performance.now() - start) * 1e6;
      if (pass.timing) {
        allocTimes.add(took);
      }
      return buffer;
    },
    free(buffer) {
      const start = performance.now();
      free(buffer);
      const took = (performance.now() - start) * 1e6;
      if (pass.timing) {
        freeTimes.add(took);
      }
    },
  };
}

function clockTime() {
  const times = new Histogram();
  for (let n = 0; n < 20_000; n++) {
    const start = performance.now();
    times.add((performance.now() - start) * 1e6);
  }
  return times;
}
