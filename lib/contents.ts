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
  // One of length 0 may have lost its memory.
  if (types.isUint8Array(value) && value.length > 0) {
    return copyOf(source, value);
  }
  return copyOf(source, bufferFrom(value, encodingOrOffset, length));
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
    const room = size - at;
    buffer.set(item.length <= room ? item : item.subarray(0, room), at);
    at = Math.min(size, at + item.length);
  }
  return zeroed(buffer, at);
}

/** @returns bytes of the result, or null where `Buffer.concat` shall decide. */
function sizeOfList(list: unknown, totalLength: unknown): number | null {
  if (!Array.isArray(list) || !list.every(types.isUint8Array)) {
    return null;
  }
  if (totalLength === undefined || list.length === 0) {
    return list.reduce((sum, item) => sum + item.length, 0);
  }
  return typeof totalLength === 'number' && Number.isSafeInteger(totalLength) && totalLength >= 0 ? totalLength : null;
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
  const buffer = source.allocUnsafe(bytes.length);
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
