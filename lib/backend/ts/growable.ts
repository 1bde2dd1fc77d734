/**
 * Shared memory of 32-bit words that grows in place: every thread that has it sees it grow.
 *
 *     new SharedArrayBuffer(bytes, { maxByteLength })      address space for all of it, memory for what is used
 *
 * Where the runtime cannot grow one, it stays as long as it is made.
 *
 * Threads: any.
 */

/** What the engine has had since V8 11.1, and the compiler's library not yet. */
interface Growable extends SharedArrayBuffer {
  grow?(byteLength: number): void;
}
type GrowableConstructor = new (byteLength: number, options: { maxByteLength: number }) => Growable;

const Memory = SharedArrayBuffer as unknown as GrowableConstructor;

const WORD_BYTES = 4;

/** @returns zeroed words: `words` of them now, `limit` at the most. */
export function makeGrowable(words: number, limit: number): SharedArrayBuffer {
  return new Memory(words * WORD_BYTES, { maxByteLength: limit * WORD_BYTES });
}

/**
 * Makes sure that there is a word of that number.
 * @returns false where the memory cannot grow so far.
 */
export function growTo(memory: SharedArrayBuffer, word: number): boolean {
  const needed = (word + 1) * WORD_BYTES;
  while (memory.byteLength < needed) {
    const before = memory.byteLength;
    tryGrow(memory, Math.max(needed, 2 * before));
    if (memory.byteLength === before) {
      tryGrow(memory, needed);
      return memory.byteLength >= needed;
    }
  }
  return true;
}

/** Another thread may be faster: then this one asks for less than there is, and that is an error too. */
function tryGrow(memory: Growable, byteLength: number): void {
  try {
    memory.grow?.(byteLength);
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
  }
}
