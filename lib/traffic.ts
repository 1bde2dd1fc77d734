/**
 * The traffic between the magazines of a pool and its heap: batches of blocks, and the ArrayBuffers that come and go with them.
 *
 *     Heap.refill -> block numbers -> hold: an ArrayBuffer each, or one that is known -> ids in `batch`
 *     Heap.flush  <- block numbers <- ids in `batch` <- the oldest of a magazine
 *
 * Nothing is half-done: when the heap, or the engine, has no memory for a batch, what cannot be used of it is given back before
 * the error is thrown. A caller that is too deep in calls is another matter: then any call in here may throw, and what was under way is
 * lost until the pool is destroyed. So a block is let go of before somebody else gets it: rather lost than had twice.
 *
 * Invariants: `heldBytes` is the sum over the magazines of held * block size, `#idleBytes` that of their idle ArrayBuffers.
 * Threads: the one whose pool it is.
 */
import type { Heap, Token } from './backend/contract';
import { HakmemError, isStackOverflow } from './errors';
import type { Magazine } from './magazine';
import { type Magazines, usedOf } from './magazines';
import { options, trace } from './options';

/** Smallest batch buffer. */
const BATCH_BLOCKS = 64;

/** What a heap tells of a block that it adopts. */
export interface Parcel {
  readonly block: number;
  readonly lengthBytes: number;
  readonly blockSizeBytes: number;
}

export class Traffic {
  readonly heap: Heap;
  /** Ids of the last refill. */
  batch = new Int32Array(BATCH_BLOCKS);
  /** Bytes of the blocks taken from the heap and not given back. */
  heldBytes = 0;
  /** Whether the one block of the last `refillOne` holds nothing but zeros. */
  zero = false;
  readonly #magazines: Magazines;
  /** Numbers of the blocks in `batch`. */
  #blocks = new Float64Array(BATCH_BLOCKS);
  readonly #parcel = new Float64Array(3);
  #idleBytes = 0;

  constructor(heap: Heap, magazines: Magazines) {
    this.heap = heap;
    this.#magazines = magazines;
  }

  /**
   * Takes blocks from the heap.
   * @returns how many ids are in the batch now, at least 1.
   * @throws HakmemError ERR_HAKMEM_OUT_OF_MEMORY.
   */
  refill(magazine: Magazine, wanted: number): number {
    return this.#hold(magazine, this.#take(magazine, wanted));
  }

  /**
   * Takes one block from the heap, and says in `zero` whether it needs to be cleared.
   * @returns its id.
   * @throws HakmemError ERR_HAKMEM_OUT_OF_MEMORY.
   */
  refillOne(magazine: Magazine): number {
    this.#take(magazine, 1);
    const [block] = this.#blocks;
    // Before there is an ArrayBuffer over it: what has one was seen, and may have been written.
    const zero = !magazine.table.knows(block) && this.heap.clearFresh(block);
    this.#hold(magazine, 1);
    this.zero = zero;
    return this.batch[0];
  }

  /** Gives a block back that is in no magazine. */
  giveOne(magazine: Magazine, id: number): void {
    this.batch[0] = id;
    this.#flush(magazine, 1);
  }

  /** Gives the oldest blocks of a magazine back. If the heap throws, the magazine has them no more: it may have taken some. */
  giveOldest(magazine: Magazine, count: number): void {
    this.#reserveBatch(count);
    magazine.copyOldest(count, this.batch);
    magazine.dropOldest(count);
    this.#flush(magazine, count);
  }

  empty(magazine: Magazine): void {
    if (magazine.cached > 0) {
      this.giveOldest(magazine, magazine.cached);
    }
  }

  emptyAll(): void {
    for (const magazine of usedOf(this.#magazines)) {
      this.empty(magazine);
    }
  }

  /** Sends a block that a caller holds off to whoever adopts it. @param again see `Heap.share`. @returns the token. */
  share(magazine: Magazine, id: number, lengthBytes: number, again?: Token): Token {
    const token = this.heap.share(magazine.blockOf(id), lengthBytes, magazine.memoryOf(id), again);
    this.batch[0] = id;
    this.#letGo(magazine, 1);
    return token;
  }

  /**
   * Takes delivery of a block; it has to be held next.
   * @returns it, or where it is larger than the room, its size alone: nothing has been done then.
   * @throws HakmemError ERR_HAKMEM_MOVED, ERR_HAKMEM_DESTROYED, ERR_HAKMEM_NOT_OWNED.
   */
  adopt(token: Token, roomBytes: number): Parcel | number {
    const done = this.heap.adopt(token, roomBytes, this.#parcel);
    const [block, lengthBytes, blockSizeBytes] = this.#parcel;
    return done ? { block, lengthBytes, blockSizeBytes } : blockSizeBytes;
  }

  /**
   * Makes an id of an adopted block.
   * @throws HakmemError ERR_HAKMEM_OUT_OF_MEMORY; the token is as good as before then.
   */
  holdAdopted(magazine: Magazine, { block, lengthBytes, blockSizeBytes }: Parcel, token: Token): number {
    this.#blocks[0] = block;
    try {
      this.#holdAll(magazine, 1);
    } catch (error) {
      this.heap.share(block, lengthBytes, null, token);
      throw isOutOfMemory(error) ? outOfMemory(blockSizeBytes, error) : error;
    }
    return this.batch[0];
  }

  /** Lets go of every ArrayBuffer of which no block is held. */
  dropIdle(): void {
    for (const magazine of usedOf(this.#magazines)) {
      magazine.table.dropIdle();
    }
    this.#idleBytes = 0;
  }

  /** Takes block numbers from the heap. @returns how many, at least 1. */
  #take(magazine: Magazine, wanted: number): number {
    const { sizeClass, blockSizeBytes } = magazine;
    this.#reserveBatch(wanted);
    let count = this.heap.refill(sizeClass, wanted, this.#blocks);
    if (count === 0) {
      this.emptyAll();
      this.dropIdle();
      this.heap.trim();
      count = this.heap.refill(sizeClass, 1, this.#blocks);
    }
    trace('refill: %d of %d blocks of %d bytes', count, wanted, blockSizeBytes);
    if (count === 0) {
      throw outOfMemory(blockSizeBytes);
    }
    return count;
  }

  /** Makes ids of the block numbers that the heap has handed out. @returns how many; the others are given back. */
  #hold(magazine: Magazine, count: number): number {
    const heldBefore = magazine.held;
    try {
      this.#holdAll(magazine, count);
    } catch (error) {
      const held = magazine.held - heldBefore;
      this.#blocks.copyWithin(0, held, count);
      this.heap.flush(this.#blocks, count - held);
      if (held === 0) {
        throw isOutOfMemory(error) ? outOfMemory(magazine.blockSizeBytes, error) : error;
      }
    }
    return magazine.held - heldBefore;
  }

  /** Makes ids of the first block numbers in the batch. If it throws, those before hold. */
  #holdAll(magazine: Magazine, count: number): void {
    const idleBefore = magazine.idleBytes;
    const heldBefore = magazine.held;
    try {
      for (let at = 0; at < count; at++) {
        this.batch[at] = magazine.hold(this.#blocks[at]);
      }
    } finally {
      this.heldBytes += (magazine.held - heldBefore) * magazine.blockSizeBytes;
      this.#idleBytes += magazine.idleBytes - idleBefore;
    }
  }

  /** Gives the ids in the batch back to the heap. If the heap throws, they count as held still, and are nobody's. */
  #flush(magazine: Magazine, count: number): void {
    for (let at = 0; at < count; at++) {
      this.#blocks[at] = magazine.blockOf(this.batch[at]);
    }
    const accepted = this.heap.flush(this.#blocks, count);
    trace('flush: %d blocks of %d bytes', count, magazine.blockSizeBytes);
    if (accepted !== count) {
      throw new Error(`hakmem: the heap knew ${accepted} of ${count} blocks`);
    }
    this.#letGo(magazine, count);
  }

  /** Strikes the ids in the batch out, whose blocks somebody else has now. */
  #letGo(magazine: Magazine, count: number): void {
    const idleBefore = magazine.idleBytes;
    for (let at = 0; at < count; at++) {
      magazine.release(this.batch[at]);
    }
    this.heldBytes -= count * magazine.blockSizeBytes;
    this.#idleBytes += magazine.idleBytes - idleBefore;
    this.#limitIdle();
  }

  /** Drops idle ArrayBuffers while there are more of them than the pool uses; the largest first, for few of them are so much. */
  #limitIdle(): void {
    const limit = Math.max(options.idleSlabBytes, this.heldBytes);
    for (let at = this.#magazines.length - 1; at >= 0 && this.#idleBytes > limit; at--) {
      const magazine = this.#magazines[at];
      this.#idleBytes -= magazine?.idleBytes ?? 0;
      magazine?.table.dropIdle();
    }
  }

  #reserveBatch(count: number): void {
    if (this.batch.length < count) {
      this.batch = new Int32Array(2 ** Math.ceil(Math.log2(count)));
      this.#blocks = new Float64Array(this.batch.length);
    }
  }
}

function isOutOfMemory(error: unknown): boolean {
  return (
    (error instanceof RangeError && !isStackOverflow(error)) ||
    (error instanceof HakmemError && error.code === 'ERR_HAKMEM_OUT_OF_MEMORY')
  );
}

function outOfMemory(blockSizeBytes: number, cause?: unknown): HakmemError {
  const message = `There is no memory for a block of ${blockSizeBytes} bytes; free some, or ask for less`;
  return new HakmemError('ERR_HAKMEM_OUT_OF_MEMORY', message, cause === undefined ? {} : { cause });
}
