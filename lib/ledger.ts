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
import { transferredAway } from './errors';

/** A Buffer of a checked pool. */
export interface Allocation {
  readonly lengthBytes: number;
  /** What was asked for; 1 where nothing was. */
  readonly alignment: number;
  readonly began: Error;
  /** Where it was given back; null while somebody holds it. */
  ended: Error | null;
}

/** Frames of ours between a caller and here, at most. */
const OWN_FRAMES = 16;
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

/** @returns bytes that a Buffer has, or had before it was given back. */
export function lengthOf(buffer: Uint8Array): number {
  return allocations.get(buffer)?.lengthBytes ?? buffer.length;
}

/** Whether somebody took the memory of a Buffer that is held. */
export function hasLostMemory(buffer: Buffer): boolean {
  return allocations.get(buffer)?.ended === null && buffer.length !== lengthOf(buffer);
}

/** @throws TypeError ERR_INVALID_STATE where somebody took the memory of a Buffer that is held. */
export function checkMemory(buffer: Buffer): void {
  if (hasLostMemory(buffer)) {
    throw transferredAway();
  }
}

/** What one pool has handed out. */
export class Ledger {
  readonly #held = new Set<Allocation>();

  /** @param poolName for people. */
  constructor(readonly poolName: string) {}

  get held(): ReadonlySet<Allocation> {
    return this.#held;
  }

  /** @param began as `stackHere` gives it. */
  begin(buffer: Buffer, alignment: number, began: Error): void {
    const allocation = { lengthBytes: buffer.length, alignment, began, ended: null };
    allocations.set(buffer, allocation);
    this.#held.add(allocation);
    ledgers.add(this);
    if (!reportsAtExit) {
      reportsAtExit = true;
      reportAtExit();
    }
  }

  /** @param ended as `stackHere` gives it. */
  end(buffer: Buffer, ended: Error): void {
    const allocation = allocations.get(buffer);
    if (allocation !== undefined) {
      allocation.ended = ended;
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
function heldReport(): string {
  const places = placesHeld();
  if (places.length === 0) {
    return '';
  }
  const count = places.reduce((sum, place) => sum + place.count, 0);
  const bytes = places.reduce((sum, place) => sum + place.bytes, 0);
  const more = places.length > PLACES ? [`  and from ${places.length - PLACES} more places`] : [];
  return [
    `hakmem: ${count} ${buffersOf(count, bytes)} never freed`,
    ...places.slice(0, PLACES).map(placeText),
    ...more,
    '',
  ].join('\n');
}

/** At exit behind all of the program's own listeners, which may free: whenever one comes, this one goes to the end. */
function reportAtExit(): void {
  process.once('exit', reportHeld);
  process.on('newListener', (event: string | symbol, listener: () => void) => {
    if (event === 'exit' && listener !== reportHeld) {
      // Only then is it added.
      queueMicrotask(reportLast);
    }
  });
}

function reportLast(): void {
  process.off('exit', reportHeld);
  process.once('exit', reportHeld);
}

function reportHeld(): void {
  process.stderr.write(heldReport());
}

interface Place {
  readonly poolName: string;
  readonly callers: string;
  count: number;
  bytes: number;
}

function placeText({ poolName, callers, count, bytes }: Place): string {
  return `  ${count} ${buffersOf(count, bytes)} of the pool '${poolName}', allocated\n${callers}`;
}

/** The places that allocated what is held, the most bytes first. */
function placesHeld(): Place[] {
  const places = new Map<string, Place>();
  for (const ledger of ledgers) {
    for (const { began, lengthBytes } of ledger.held) {
      const { poolName } = ledger;
      const callers = callersOf(began);
      const key = `${poolName}\n${callers}`;
      const place = places.get(key) ?? { poolName, callers, count: 0, bytes: 0 };
      place.count++;
      place.bytes += lengthBytes;
      places.set(key, place);
    }
  }
  return [...places.values()].sort((one, other) => other.bytes - one.bytes);
}

function buffersOf(count: number, bytes: number): string {
  return `${count === 1 ? 'Buffer' : 'Buffers'} (${bytes} ${bytes === 1 ? 'byte' : 'bytes'})`;
}

/** The frames of a stack. */
function callersOf({ stack }: Error): string {
  const at = typeof stack === 'string' ? stack.indexOf('\n') : -1;
  return at < 0 ? '    (the program keeps no stacks: see Error.stackTraceLimit)' : String(stack).slice(at + 1);
}

/**
 * @returns an error that is never thrown: it carries the stack of who called hakmem.
 * @throws what the program's own `Error.prepareStackTrace` throws.
 */
export function stackHere(message: string): Error {
  const { stackTraceLimit } = Error;
  if (typeof stackTraceLimit !== 'number') {
    return new Error(message);
  }
  // By Reflect: where the program has frozen it, fewer frames do.
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit + OWN_FRAMES);
  try {
    return trimmed(new Error(message), stackTraceLimit);
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

/** Without frames of ours, unless there are no others. A stack that the program keeps in a form of its own is left alone. */
function trimmed(error: Error, frames: number): Error {
  const stack: unknown = error.stack;
  if (typeof stack === 'string') {
    const [title, ...lines] = stack.split('\n');
    const callers = lines.filter((line) => !OWN_PLACES.some((place) => line.includes(place)));
    error.stack = [title, ...(callers.length > 0 ? callers : lines).slice(0, frames)].join('\n');
  }
  return error;
}
