/**
 * Backed Buffer: `node --require hakmem/register server.js`.
 *
 *     Buffer.allocUnsafe(size)     -> Node's own function, which makes the Buffer;
 *     Buffer.allocUnsafeSlow(size)    count the bytes if minBytes <= size <= maxBytes; enough of them: a young collection
 *
 * Lifetimes follow the garbage collector, so the memory of an ArrayBuffer can be had back only by the collector, and what a large
 * Buffer costs is the collector's work: the memory itself is neither cleared nor slow on Node 20.20, 22.23, 24.21 and 26.10 (measured).
 * Handing out memory of hakmem's own would need an external ArrayBuffer each, 27 us at 1 MiB (measured). What wins is to have the
 * cheap kind of collection, and soon: see young-collector.ts. Every Buffer is one that Node made, so everything about it is Node's.
 *
 * Node 20 and 22 take the cheap kind themselves; there nothing is to be won, and everything is left to Node.
 *
 * Invariants: what these functions return and throw is what Node's return and throw. After `unregister` they are Node's.
 *
 * Threads: each patches its own `Buffer`; `--require` runs in workers too.
 */
import { options } from './options';
import { YoungCollector, type YoungCollectorStats } from './young-collector';

/** What register does in this thread. */
export interface RegisterStatus extends YoungCollectorStats {
  /** Whether `Buffer`'s functions are patched now. */
  readonly active: boolean;
  /** What is done on this runtime, and why. */
  readonly reason: string;
  /** Lengths in bytes, bounds included, of the Buffers that count; all others are left to Node. */
  readonly ranges: readonly { readonly minBytes: number; readonly maxBytes: number }[];
}

/** From 26 on the second parameter is the alignment; before, there is none. */
type Allocate = (size: number, alignment?: number) => Buffer<ArrayBuffer>;

/** The first Node that reaches mark-compact collections by way of Buffers alone. */
const FIRST_TO_WIN = 24;

/** Above this a Buffer is no small part of the bytes between two collections. */
const LARGE_BYTES = 1024 * 1024;

const leftToNode = whyLeftToNode();
const { registerMin: minBytes, registerMax: maxBytes } = options;
const collector = new YoungCollector(options.registerIntervalBytes, options.registerDearMicros);

const nodeAllocUnsafe = Buffer.allocUnsafe as Allocate;
const nodeAllocUnsafeSlow = Buffer.allocUnsafeSlow as Allocate;

let active = false;
/** Bytes to go until the next collection. */
let left = options.registerIntervalBytes;

/**
 * Patches `Buffer`; loading this module does it. Does nothing where it is patched already, or where all is left to Node. A function
 * that somebody else has put in the place of Node's since this module was loaded stays.
 */
export function register(): void {
  if (active || leftToNode !== '') {
    return;
  }
  active = true;
  replace('allocUnsafe', nodeAllocUnsafe, allocUnsafe);
  replace('allocUnsafeSlow', nodeAllocUnsafeSlow, allocUnsafeSlow);
}

/**
 * Puts Node's own functions back. A function that somebody else has put over ours stays, and what it calls of ours does nothing more
 * than call Node's.
 */
export function unregister(): void {
  active = false;
  replace('allocUnsafe', allocUnsafe, nodeAllocUnsafe);
  replace('allocUnsafeSlow', allocUnsafeSlow, nodeAllocUnsafeSlow);
}

/** @returns what register does in this thread, and has done. */
export function status(): RegisterStatus {
  const counted = leftToNode === '' && minBytes <= maxBytes;
  return {
    active,
    reason: leftToNode || 'young collections are asked for before V8 starts mark-compact ones',
    ranges: counted ? [{ minBytes, maxBytes }] : [],
    ...collector.stats(),
  };
}

function whyLeftToNode(): string {
  if (process.versions.bun !== undefined || process.versions.deno !== undefined || process.versions.v8 === undefined) {
    return 'left to the runtime: it is not Node';
  }
  if (Number.parseInt(process.versions.node, 10) < FIRST_TO_WIN && !options.registerForce) {
    return `left to Node: before version ${FIRST_TO_WIN} its own collections for Buffers are as cheap`;
  }
  return '';
}

/** Puts `next` in the place of `current`, if that is there; the property stays as enumerable and writable as it was. */
function replace(name: 'allocUnsafe' | 'allocUnsafeSlow', current: Allocate, next: Allocate): void {
  if (Buffer[name] === current) {
    Object.defineProperty(Buffer, name, { value: next });
  }
}

// The two are written out, and call a constant: so the compiler makes one piece of them and of Node's function.

/**
 * Node's function comes first: a length that it has taken is a number, which need not be asked for again. That leaves 3 instructions
 * for a small Buffer, where asking first takes 11 (measured).
 */
function allocUnsafe(size: number, alignment?: number): Buffer<ArrayBuffer> {
  let buffer: Buffer<ArrayBuffer> | null = nodeAllocUnsafe(size, alignment);
  if (size >= minBytes && size <= maxBytes && isDue(size)) {
    // A large one would take its memory through the collection; nobody has seen it, so it is made anew.
    if (size > LARGE_BYTES) {
      buffer = null;
    }
    left = collector.run();
    buffer ??= nodeAllocUnsafe(size, alignment);
  }
  return buffer;
}

/** A Buffer with memory of its own costs so much that asking first does not matter. */
function allocUnsafeSlow(size: number, alignment?: number): Buffer<ArrayBuffer> {
  if (typeof size === 'number' && size >= minBytes && size <= maxBytes && isDue(size)) {
    left = collector.run();
  }
  return nodeAllocUnsafeSlow(size, alignment);
}

/** Counts. @returns whether a collection is due. */
function isDue(size: number): boolean {
  left -= size;
  return left < 0 && active;
}

// How many parameters there are depends on the version of Node.
for (const [ours, node] of [
  [allocUnsafe, nodeAllocUnsafe],
  [allocUnsafeSlow, nodeAllocUnsafeSlow],
]) {
  Object.defineProperty(ours, 'length', { value: node.length });
}
register();
