/**
 * Who allocated which Buffer and who gave it back, for checked pools: what errors name as their cause, and what is told at exit of Buffers
 * that nobody freed.
 *
 *     Buffer  --weakly-->  Allocation { bytes, the stack that asked for it, the stack that gave it back }
 *     Ledger  ---------->  those of one pool that are held
 *
 * A ledger knows its pool by name only, so that a pool that is dropped can be collected, and what was not freed is told all the same.
 *
 * Threads: each tells its own, when it ends by itself.
 */
import { join } from 'node:path';

/** A Buffer of a checked pool. */
export interface Allocation {
  readonly lengthBytes: number;
  readonly began: Error;
  /** Where it was given back; null while somebody holds it. */
  ended: Error | null;
}

/** Frames of ours between a caller and here, at most. */
const OWN_FRAMES = 8;
/** What is in a line of a stack that tells a caller nothing: our files, and the engine room of Node. */
const OWN_PLACES = [join(__dirname, '/'), 'node:internal/'];

/** Places that the report names. */
const PLACES = 20;

const allocations = new WeakMap<object, Allocation>();
const ledgers = new Set<Ledger>();
let reportsAtExit = false;

/** @returns what is known of a Buffer; undefined unless a checked pool made it. */
export function allocationOf(buffer: object): Allocation | undefined {
  return allocations.get(buffer);
}

/** What one pool has handed out. */
export class Ledger {
  readonly #held = new Set<Allocation>();

  /** @param poolName for people. */
  constructor(readonly poolName: string) {}

  get held(): ReadonlySet<Allocation> {
    return this.#held;
  }

  begin(buffer: Buffer): void {
    const allocation = { lengthBytes: buffer.length, began: stackHere('It was allocated here'), ended: null };
    allocations.set(buffer, allocation);
    this.#held.add(allocation);
    ledgers.add(this);
    if (!reportsAtExit) {
      reportsAtExit = true;
      process.once('exit', reportHeld);
    }
  }

  /** @param what happened to it, for people. */
  end(buffer: Buffer, what: string): void {
    const allocation = allocations.get(buffer);
    if (allocation !== undefined) {
      allocation.ended = stackHere(`It was ${what} here`);
      this.#held.delete(allocation);
    }
    if (this.#held.size === 0) {
      ledgers.delete(this);
    }
  }

  /** All of it went back at once. */
  close(): void {
    this.#held.clear();
    ledgers.delete(this);
  }
}

/** @returns what is told of Buffers that are held still: those of one pool and one place together. Empty if there are none. */
export function heldReport(): string {
  const places = placesHeld();
  if (places.length === 0) {
    return '';
  }
  const count = places.reduce((sum, place) => sum + place.count, 0);
  const bytes = places.reduce((sum, place) => sum + place.bytes, 0);
  const more = places.length > PLACES ? [`  and from ${places.length - PLACES} more places`] : [];
  return [
    `hakmem: ${count} ${buffersOf(count, bytes)} never freed`,
    ...places.slice(0, PLACES).map((place) => `  ${place.count} ${place.text}`),
    ...more,
    '',
  ].join('\n');
}

function reportHeld(): void {
  process.stderr.write(heldReport());
}

interface Place {
  count: number;
  bytes: number;
  text: string;
}

/** The places that allocated what is held, the most bytes first. */
function placesHeld(): Place[] {
  const places = new Map<string, Place>();
  for (const ledger of ledgers) {
    for (const { began, lengthBytes } of ledger.held) {
      const key = `${ledger.poolName}\n${callersOf(began)}`;
      const place = places.get(key) ?? { count: 0, bytes: 0, text: '' };
      place.count++;
      place.bytes += lengthBytes;
      place.text = `${buffersOf(place.count, place.bytes)} of the pool '${ledger.poolName}', allocated\n${callersOf(began)}`;
      places.set(key, place);
    }
  }
  return [...places.values()].sort((one, other) => other.bytes - one.bytes);
}

function buffersOf(count: number, bytes: number): string {
  return `${count === 1 ? 'Buffer' : 'Buffers'} (${bytes} ${bytes === 1 ? 'byte' : 'bytes'})`;
}

/** The frames of a stack. */
function callersOf({ stack = '' }: Error): string {
  return stack.slice(stack.indexOf('\n') + 1);
}

/** An error that is never thrown: it carries the stack of who called hakmem. */
function stackHere(message: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = stackTraceLimit + OWN_FRAMES;
  const error = new Error(message);
  const lines = (error.stack ?? '').split('\n');
  Error.stackTraceLimit = stackTraceLimit;
  const callers = lines.slice(1).filter((line) => !OWN_PLACES.some((place) => line.includes(place)));
  error.stack = [lines[0], ...callers.slice(0, stackTraceLimit)].join('\n');
  return error;
}
