/**
 * Traces of allocations: a gzip file with one line of JSON, who was recorded and when, and then numbers of 7 bits a byte, the
 * lowest first, the highest bit of a byte saying that more follow.
 *
 *     even   size * 2            allocated so many bytes
 *     odd    distance * 2 + 1    freed: the last allocation is 1, the one before it 2
 *
 * A trace frees all that it allocates, so it can be replayed in a circle.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

export const TRACES = [
  {
    name: 'chat',
    title: 'trace: WebSocket chat',
    about: 'messages of a chat server (ws), from arrival until sent to all and gone from the history',
    quick: true,
  },
  {
    name: 'files',
    title: 'trace: HTTP file server',
    about: 'pieces of files at an HTTP server until they are sent, and at its client (undici) until they are used',
    quick: true,
  },
];

/** @returns where a trace is kept. */
export function traceFile(name) {
  return path.join(import.meta.dirname, `${name}.trace.gz`);
}

/** @param events `{ size }` for an allocation, `{ of }` for freeing the one with that number, from 0. */
export function encodeTrace(header, events) {
  const bytes = [];
  let allocated = 0;
  for (const { size, of } of events) {
    let value = size === undefined ? (allocated - of) * 2 + 1 : size * 2;
    allocated += size === undefined ? 0 : 1;
    for (; value > 127; value = Math.floor(value / 128)) {
      bytes.push((value % 128) + 128);
    }
    bytes.push(value);
  }
  return gzipSync(Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), Buffer.from(bytes)]), { level: 9 });
}

/** @returns `{ header, events }` as given to `encodeTrace`. */
export function decodeTrace(file) {
  const bytes = gunzipSync(file);
  const end = bytes.indexOf(10);
  const events = [];
  let allocated = 0;
  let value = 0;
  let scale = 1;
  for (const byte of bytes.subarray(end + 1)) {
    value += (byte & 127) * scale;
    scale *= 128;
    if (byte < 128) {
      const half = Math.floor(value / 2);
      events.push(value % 2 === 0 ? { size: half } : { of: allocated - half });
      allocated += 1 - (value % 2);
      value = 0;
      scale = 1;
    }
  }
  return { header: JSON.parse(bytes.subarray(0, end).toString()), events };
}

/**
 * A trace made ready for a loop: each live allocation has a slot, which is reused after its free.
 *
 * @returns steps: the size of an allocation, 0 for a free; slots: which; and the most that is live at any time.
 */
export function prepareTrace(events) {
  const steps = new Int32Array(events.length);
  const slots = new Int32Array(events.length);
  const held = [];
  const idle = [];
  const top = { maxSize: 0, maxLive: 0, maxLiveBytes: 0 };
  let live = 0;
  let liveBytes = 0;
  for (const [at, { size, of }] of events.entries()) {
    if (size === undefined) {
      slots[at] = held[of].slot;
      idle.push(held[of].slot);
      live--;
      liveBytes -= held[of].size;
    } else {
      const slot = idle.pop() ?? live;
      held.push({ slot, size });
      steps[at] = size;
      slots[at] = slot;
      live++;
      liveBytes += size;
      top.maxSize = Math.max(top.maxSize, size);
      top.maxLive = Math.max(top.maxLive, live);
      top.maxLiveBytes = Math.max(top.maxLiveBytes, liveBytes);
    }
  }
  return { steps, slots, ...top };
}

const prepared = new Map();

/** @returns the recorded trace, ready for a loop; read once, so that its making is no part of a measurement. */
export function readTrace(name) {
  if (!prepared.has(name)) {
    prepared.set(name, prepareTrace(decodeTrace(readFileSync(traceFile(name))).events));
  }
  return prepared.get(name);
}
