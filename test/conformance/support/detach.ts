/** Memory that was taken away although it was marked as not to be transferred: byte streams of Node 20 and 22 do not ask. */
import { type ReadableByteStreamController, ReadableStream } from 'node:stream/web';
import { createPool } from '../../../lib/index';
import { CHECKED } from './checked';

/** Hands a Buffer to a byte stream. @returns whether it has lost its memory, and with it all Buffers of its ArrayBuffer. */
export function takeMemoryAway(buffer: Buffer): boolean {
  let controller: ReadableByteStreamController | undefined;
  new ReadableStream({
    type: 'bytes',
    start: (given) => {
      controller = given as ReadableByteStreamController;
    },
  });
  try {
    controller?.enqueue(buffer);
  } catch {
    // Refused, as it should be.
  }
  return buffer.length === 0;
}

/** Whether this version of Node does so. Checked pools have tests of their own for what was transferred away. */
export const DETACHES = !CHECKED && takeMemoryAway(createPool().allocUnsafe(1000));
