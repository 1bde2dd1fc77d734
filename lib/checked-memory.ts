/**
 * The memory of a checked pool's Buffer: an ArrayBuffer of its own, taken away when the Buffer is given back.
 *
 *     held      Buffer, slices  -->  ArrayBuffer  -->  bytes
 *     retired   Buffer, slices  -->  ArrayBuffer       (detached: length 0, indexing gives undefined, most methods throw)
 *                                          :
 *                                          +.. another ArrayBuffer  -->  bytes, overwritten
 *
 * The bytes live on as long as anything refers to the first ArrayBuffer: a read of Node's that is still under way into the Buffer then
 * spoils nothing and ends the process by no fault. They are the engine's own and not the block, since what others see of a block cannot be
 * detached.
 *
 * Threads: the one whose pool it is.
 */
import type { Backend } from './backend/contract';
import { makeMemory } from './engine-memory';
import { HakmemError } from './errors';
import { FastBuffer } from './fast-buffer';
import { guarded } from './front-slab';

/** What the engine's allocator aligns to, as any malloc does. */
const ENGINE_ALIGNMENT = 16;

/** What undefined contents are here, so that who takes them for zeros sees it. */
const UNDEFINED_BYTE = 0xa5;
/** What freed contents become. */
export const FREED_BYTE = 0xde;

/** Of a Buffer, as much as this is overwritten: it shows what there is to be seen, and a huge one that is not used takes no memory. */
const OVERWRITTEN_BYTES = 16 * 2 ** 20;

/** Test environments take the global away. */
const clone = structuredClone;

/** Where the bytes of a detached ArrayBuffer are. */
const retired = new WeakMap<ArrayBufferLike, ArrayBuffer>();

/** Where the bytes of a Buffer that was retired are, for tests; undefined if it was not. */
export function retiredBytes(buffer: Buffer): ArrayBuffer | undefined {
  return retired.get(buffer.buffer);
}

/**
 * @param alignment of the first byte: one that the backend can do.
 * @returns a Buffer of zeros without a stamp.
 * @throws HakmemError ERR_HAKMEM_OUT_OF_MEMORY.
 */
export function ownBuffer(backend: Backend, lengthBytes: number, alignment: number): Buffer<ArrayBuffer> {
  const slackBytes = alignment > ENGINE_ALIGNMENT ? alignment - ENGINE_ALIGNMENT : 0;
  const memory = makeMemory(lengthBytes + slackBytes);
  if (memory === null) {
    throw new HakmemError('ERR_HAKMEM_OUT_OF_MEMORY', `No memory for a checked Buffer of ${lengthBytes} bytes`);
  }
  const offset = slackBytes === 0 ? 0 : backend.bytesToAlignment(memory, alignment);
  return new FastBuffer(guarded(memory), offset, lengthBytes);
}

/** Makes what nobody has written to look so. */
export function soil(buffer: Uint8Array, from: number): void {
  Uint8Array.prototype.fill.call(buffer, UNDEFINED_BYTE, from, from + OVERWRITTEN_BYTES);
}

/** Takes a Buffer's memory away, from all of its slices too. Where the program has marked it as not to be transferred, it stays. */
export function retire({ buffer: memory }: Buffer): void {
  if (memory.byteLength === 0) {
    return;
  }
  new Uint8Array(memory).fill(FREED_BYTE, 0, OVERWRITTEN_BYTES);
  try {
    retired.set(memory, clone(memory, { transfer: [memory as ArrayBuffer] }) as ArrayBuffer);
  } catch (error) {
    if (!(error instanceof Error && error.name === 'DataCloneError')) {
      throw error;
    }
  }
}
