/**
 * What the operating system is to the C core: it gives out address space.
 *
 * That is a running counter of unit numbers, shared by the heaps of a backend so that a block number names a block of one heap
 * only. Numbers are not reused: a number from a chunk that is gone names nothing for ever.
 *
 * Memory is ArrayBuffers (lib/engine-memory.ts), one for each view that the front end asks for. They are the only thing in this
 * backend that can be refused. Giving memory back is dropping the last reference; a stale view therefore keeps its bytes, and can
 * never reach bytes that have a new owner in a new chunk.
 */
import { constants } from 'node:buffer';

/** Unit numbers for chunks. One for each backend. */
export class AddressSpace {
  /** 0 stays unused, as the null page does. */
  #nextUnit = 1;

  /**
   * @param numbers how many successive unit numbers, at least 1.
   * @param sizeBytes how much memory they will stand for.
   * @returns the first of them, or null where no ArrayBuffer could ever be that large.
   */
  reserve(numbers: number, sizeBytes: number): number | null {
    if (sizeBytes > constants.MAX_LENGTH) {
      return null;
    }
    const first = this.#nextUnit;
    this.#nextUnit += numbers;
    return first;
  }
}
