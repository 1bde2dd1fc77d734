/**
 * What goes into a pooled Buffer: the bytes of `alloc`, `from` and `concat`.
 *
 * The usual inputs are written straight into a block. For everything unusual `Buffer` itself makes the result, or the error, and
 * a result is copied into a block: so each version of Node behaves here as it does there, and there is one set of rules.
 *
 * Nothing is half-done: where writing fails, the block goes back before the error is thrown.
 */
import { types } from 'node:util';

/** Where blocks come from. */
export interface Source {
  allocUnsafe(size: number): Buffer<ArrayBuffer>;
  realloc(buffer: Buffer, size: number): Buffer<ArrayBuffer>;
  free(buffer: Buffer): void;
}

/** The bytes that a view has: a class may tell something else in its `length`. */
const { get: byteLength } = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  'byteLength',
) as { get(this: Uint8Array): number };

type BufferFrom = (value: unknown, encodingOrOffset?: unknown, length?: unknown) => Buffer;
const bufferFrom = Buffer.from as BufferFrom;

/** Fills a fresh Buffer as `Buffer.alloc` does. */
export function filled(
  source: Source,
  buffer: Buffer<ArrayBuffer>,
  fill: unknown,
  encoding: unknown,
): Buffer<ArrayBuffer> {
  if (fill === undefined || fill === 0 || buffer.length === 0) {
    return zeroed(buffer, 0);
  }
  return written(source, buffer, () => buffer.fill(fill as string, 0, buffer.length, encoding as BufferEncoding));
}

/** Clears a Buffer from a byte on. */
export function zeroed(buffer: Buffer<ArrayBuffer>, from: number): Buffer<ArrayBuffer> {
  Uint8Array.prototype.fill.call(buffer, 0, from);
  return buffer;
}

/** `Buffer.from` into a block. */
export function fromAny(
  source: Source,
  value: unknown,
  encodingOrOffset: unknown,
  length: unknown,
): Buffer<ArrayBuffer> {
  if (typeof value === 'string') {
    return fromString(source, value, encodingOrOffset);
  }
  if (!types.isUint8Array(value)) {
    return copyOf(source, bufferFrom(value, encodingOrOffset, length));
  }
  const bytes = byteLength.call(value);
  // One of length 0 may have lost its memory.
  if (bytes > 0 && isHonest(value)) {
    return copyOf(source, value);
  }
  // Buffer.from believes its length, and from Node 24 on shows old bytes of Node's pool behind those that there are.
  const copy = copyOf(source, bufferFrom(value, encodingOrOffset, length));
  return bytes < copy.length ? zeroed(copy, bytes) : copy;
}

/** `Buffer.concat` into a block. */
export function concatenated(source: Source, list: readonly Uint8Array[], totalLength: unknown): Buffer<ArrayBuffer> {
  const size = sizeOfList(list, totalLength);
  if (size === null) {
    return copyOf(source, Buffer.concat(list, totalLength as number | undefined));
  }
  const buffer = source.allocUnsafe(size);
  try {
    return joined(list, buffer);
  } catch {
    // A detached item, or one with a method of its own: unusual.
    source.free(buffer);
    return copyOf(source, Buffer.concat(list, totalLength as number | undefined));
  }
}

function joined(list: readonly Uint8Array[], buffer: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const size = buffer.length;
  let at = 0;
  for (const item of list) {
    const bytes = byteLength.call(item);
    const room = size - at;
    buffer.set(bytes <= room ? item : new Uint8Array(item.buffer, item.byteOffset, room), at);
    at += Math.min(bytes, room);
  }
  return zeroed(buffer, at);
}

/** @returns bytes of the result, or null where `Buffer.concat` shall decide. */
function sizeOfList(list: unknown, totalLength: unknown): number | null {
  const sum = Array.isArray(list) ? sumOf(list) : null;
  if (sum === null || totalLength === undefined || (list as unknown[]).length === 0) {
    return sum;
  }
  return typeof totalLength === 'number' && Number.isSafeInteger(totalLength) && totalLength >= 0 ? totalLength : null;
}

/** @returns bytes of all items, or null where one is not what it says. */
function sumOf(list: readonly unknown[]): number | null {
  let sum = 0;
  for (const item of list) {
    if (!types.isUint8Array(item) || !isHonest(item)) {
      return null;
    }
    sum += item.length;
  }
  return sum;
}

/** Whether a view has the length that it says. What Node makes of one that has not differs between versions. */
function isHonest(view: Uint8Array): boolean {
  try {
    return view.length === byteLength.call(view);
  } catch {
    return false;
  }
}

function fromString(source: Source, text: string, encoding: unknown): Buffer<ArrayBuffer> {
  const known = knownEncoding(encoding);
  if (known === null) {
    return copyOf(source, bufferFrom(text, encoding));
  }
  const size = Buffer.byteLength(text, known);
  const buffer = source.allocUnsafe(size);
  const bytes = buffer.write(text, 0, size, known);
  // What is no hex or base64 ends the text early.
  return bytes === size ? buffer : source.realloc(buffer, bytes);
}

/** @returns the encoding that `Buffer.from` would use, or null where it refuses. */
function knownEncoding(encoding: unknown): BufferEncoding | null {
  if (typeof encoding !== 'string' || encoding === '') {
    return 'utf8';
  }
  return Buffer.isEncoding(encoding) ? encoding : null;
}

function copyOf(source: Source, bytes: Uint8Array): Buffer<ArrayBuffer> {
  const buffer = source.allocUnsafe(byteLength.call(bytes));
  return written(source, buffer, () => buffer.set(bytes));
}

/** Writes a fresh Buffer. @returns it. @throws what the writing throws; the block has gone back then. */
function written(source: Source, buffer: Buffer<ArrayBuffer>, write: () => void): Buffer<ArrayBuffer> {
  try {
    write();
    return buffer;
  } catch (error) {
    source.free(buffer);
    throw error;
  }
}
