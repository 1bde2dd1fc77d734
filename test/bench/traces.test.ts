/** Traces: what is encoded is decoded, slots never hold two, and the recorded ones are what they say. */
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Random } from '../parity/random';
import { load } from './support';

type Event = { size: number } | { of: number };
interface Prepared {
  steps: Int32Array;
  slots: Int32Array;
  maxSize: number;
  maxLive: number;
  maxLiveBytes: number;
}
interface Format {
  TRACES: { name: string }[];
  traceFile(name: string): string;
  encodeTrace(header: object, events: Event[]): Buffer;
  decodeTrace(file: Buffer): { header: object; events: Event[] };
  prepareTrace(events: Event[]): Prepared;
  readTrace(name: string): Prepared;
}

const module = load<Format>('traces/format.mjs');

function randomEvents(random: Random): Event[] {
  const events: Event[] = [];
  const live: number[] = [];
  for (let allocated = 0; allocated < 3000 || live.length > 0; ) {
    if (allocated < 3000 && (live.length === 0 || random.percent(52))) {
      live.push(allocated++);
      events.push({ size: 1 + random.below(2 ** (1 + random.below(30))) });
    } else {
      events.push({ of: live.splice(random.below(live.length), 1)[0] });
    }
  }
  return events;
}

/** Replays a prepared trace. @returns the most that was live. */
function replay({ steps, slots, maxLive }: Prepared): number {
  const held = new Array<boolean>(maxLive).fill(false);
  let live = 0;
  let top = 0;
  let wrong = 0;
  for (const [at, size] of steps.entries()) {
    const slot = slots[at];
    wrong += slot < maxLive && held[slot] === (size === 0) ? 0 : 1;
    held[slot] = size > 0;
    live += size > 0 ? 1 : -1;
    top = Math.max(top, live);
  }
  expect({ wrong, live }).toEqual({ wrong: 0, live: 0 });
  return top;
}

const seed = randomInt(2 ** 31);
test(`a trace comes back as it was written, and can be replayed (seed ${seed})`, async () => {
  const format = await module;
  const events = randomEvents(new Random(seed));
  const header = { name: 'random', seed };
  expect(format.decodeTrace(format.encodeTrace(header, events))).toEqual({ header, events });
  const prepared = format.prepareTrace(events);
  expect(replay(prepared)).toBe(prepared.maxLive);
});

test.each(['chat', 'files'])('the recorded trace %s frees all that it allocates', async (name) => {
  const format = await module;
  expect(format.TRACES.map((trace) => trace.name)).toContain(name);
  expect(existsSync(format.traceFile(name))).toBe(true);
  const prepared = format.readTrace(name);
  expect(prepared.steps.length).toBeGreaterThan(10_000);
  expect(replay(prepared)).toBe(prepared.maxLive);
});
