/**
 * Memory of the engine's own: ArrayBuffers, each of which it may refuse.
 *
 * Pure functions.
 */
import { isStackOverflow } from './errors';

/** @returns a zeroed ArrayBuffer of exactly `sizeBytes`, or null where the engine refuses. */
export function makeMemory(sizeBytes: number): ArrayBuffer | null {
  return unlessRefused(() => new ArrayBuffer(sizeBytes));
}

/** @returns the same that threads can share. */
export function makeSharedMemory(sizeBytes: number): SharedArrayBuffer | null {
  return unlessRefused(() => new SharedArrayBuffer(sizeBytes));
}

function unlessRefused<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    // V8: 'Array buffer allocation failed'; 'Invalid array buffer length' above its limit. Both mean: not that much.
    if (error instanceof RangeError && !isStackOverflow(error)) {
      return null;
    }
    throw error;
  }
}
