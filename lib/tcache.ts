/**
 * The JavaScript thread's cache of one pool: its magazines, and all traffic between them and the heap.
 *
 *     Pool.allocUnsafe                    Pool.free
 *          | pop                               | push                  hot, in pool.ts: nothing below is called
 *     magazines[class]  [ids ....................]
 *          | miss()  half a magazine           | spill()  the older half
 *     Heap.refill                         Heap.flush                   cold, here
 *
 * Budget: what the magazines may hold in all is one number of bytes (option cacheBytes). A magazine that wants to grow asks for
 * its share; when nothing is left, those that served no allocation since the last time are emptied and lose theirs. A block above
 * a quarter of the budget is not cached at all.
 *
 * Limit: `maxBytes` counts blocks that callers hold. The cache counts what it took from the heap, cached blocks included, since
 * that costs nothing on the hot path; where that would pass the limit it gives its own blocks back first, so the limit is exact.
 *
 * Nothing is half-done: when the heap, or the engine, has no memory for a batch, what cannot be used of it is given back before
 * the error is thrown.
 *
 * Invariants: `#heldBytes` is the sum over the magazines of held * block size, `#grantedBytes` that of capacity * block size,
 * `#idleBytes` that of their idle ArrayBuffers.
 * Threads: the one that made it.
 */
import type { Backend, Heap, HeapStats, Token } from './backend/contract';
import { HakmemError } from './errors';
import { Magazine } from './magazine';
import { options, trace } from './options';
import { sizeClassOf } from './size-class';
import { countCached } from './stats';

/** Requests above this take the slow path always: past it a size is no small integer in the engine. */
export const HOT_BYTES = 2 ** 30;

/** Magazines that the hot path may index without asking how many there are. */
const HOT_CLASSES = sizeClassOf(HOT_BYTES) + 1;

/** Smallest batch buffer. */
const BATCH_BLOCKS = 64;

/** Magazines by size class; none for a class that was not used yet. */
export type Magazines = (Magazine | undefined)[];

/** Room for as many as the hot path needs, all of them empty. */
export function noMagazines(): Magazines {
  // One by one: an array made with a length is one with holes, to the engine, and stays so.
  const magazines: Magazines = [];
  while (magazines.length < HOT_CLASSES) {
    magazines.push(undefined);
  }
  return magazines;
}

/** Whose cache it is: the object that stamps are compared with, and its name for messages. */
export interface Owner {
  readonly name: string;
}

/** A block that came from another pool; a caller holds it. */
export interface Adopted {
  readonly magazine: Magazine;
  readonly id: number;
  readonly lengthBytes: number;
}

export class Tcache {
  readonly backend: Backend;
  readonly heap: Heap;
  /** By size class; the array itself stays the same object. */
  readonly magazines = noMagazines();
  readonly #owner: Owner;
  readonly #maxBytes: number;
  /** Ids of one refill or flush, and the same blocks' numbers. */
  #batch = new Int32Array(BATCH_BLOCKS);
  #blocks = new Float64Array(BATCH_BLOCKS);
  /** What the heap tells of a block that it adopts. */
  readonly #parcel = new Float64Array(3);
  #adopted = 0;
  #heldBytes = 0;
  #grantedBytes = 0;
  #idleBytes = 0;
  #misses = 0;
  #missesAtSweep = 0;
  #destroyed = false;

  /**
   * @param owner the pool: what the stamps of its blocks are compared with, and its name for messages.
   * @param maxBytes the most that callers may hold, in bytes of blocks.
   * @param shared whether its blocks must be fit to be sent to other threads.
   */
  constructor(owner: Owner, backend: Backend, maxBytes: number, shared: boolean) {
    this.#owner = owner;
    this.backend = backend;
    this.heap = backend.createHeap(shared);
    this.#maxBytes = maxBytes;
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** @returns the magazine of a class, made at its first use. */
  magazineOf(sizeClass: number): Magazine {
    while (this.magazines.length <= sizeClass) {
      this.magazines.push(undefined);
    }
    this.magazines[sizeClass] ??= new Magazine(this.#owner, this.heap, sizeClass);
    return this.magazines[sizeClass];
  }

  /**
   * Refills an empty magazine.
   * @returns the id of one block, which is not in the magazine.
   * @throws HakmemError ERR_HAKMEM_LIMIT, ERR_HAKMEM_OUT_OF_MEMORY.
   */
  miss(magazine: Magazine): number {
    magazine.misses++;
    this.#misses++;
    this.#grow(magazine);
    const wanted = Math.max(1, magazine.capacity >> 1);
    const count = this.#refill(magazine, this.#withinLimit(magazine, wanted));
    // Lowest first: the one to be popped next goes in last.
    for (let at = count - 1; at > 0; at--) {
      magazine.push(this.#batch[at]);
    }
    return this.#batch[0];
  }

  /** Puts a block into a full magazine, which gives its older half back for it. */
  spill(magazine: Magazine, id: number): void {
    const { capacity } = magazine;
    if (capacity === 0) {
      this.#batch[0] = id;
      this.#flush(magazine, 1);
      return;
    }
    const count = (capacity + 1) >> 1;
    this.#flushOldest(magazine, count);
    magazine.spilled += count;
    magazine.push(id);
  }

  /** Sends a block that a caller holds off to whoever adopts it. @returns the token. */
  share(magazine: Magazine, id: number, lengthBytes: number): Token {
    const token = this.heap.share(magazine.blockOf(id), lengthBytes, magazine.memoryOf(id));
    this.#batch[0] = id;
    this.#letGo(magazine, 1);
    magazine.moved--;
    return token;
  }

  /**
   * Takes delivery of a block.
   * @returns its id in the magazine of its class, held by the caller, and the length of the Buffer.
   * @throws HakmemError ERR_HAKMEM_MOVED, ERR_HAKMEM_DESTROYED, ERR_HAKMEM_NOT_OWNED, ERR_HAKMEM_LIMIT, ERR_HAKMEM_OUT_OF_MEMORY; after
   *   the last two the token is as good as before.
   */
  adopt(token: Token): Adopted {
    const parcel = this.#parcel;
    if (!this.heap.adopt(token, this.#maxBytes - this.#heldBytes, parcel)) {
      this.#emptyAll();
      if (!this.heap.adopt(token, this.#maxBytes - this.#heldBytes, parcel)) {
        throw this.#limitReached(parcel[2]);
      }
    }
    const [block, lengthBytes, blockSizeBytes] = parcel;
    const magazine = this.magazineOf(sizeClassOf(blockSizeBytes));
    this.#blocks[0] = block;
    try {
      this.#holdAll(magazine, 1);
    } catch (error) {
      this.heap.share(block, lengthBytes, null, token);
      throw isOutOfMemory(error) ? outOfMemory(blockSizeBytes, error) : error;
    }
    const id = this.#batch[0];
    // Room, so that frees go back in batches also where nothing is allocated.
    if (magazine.capacity === 0) {
      this.#grow(magazine);
    }
    magazine.moved++;
    this.#adopted++;
    return { magazine, id, lengthBytes };
  }

  /** Gives everything that can be spared back to the heap, and the heap's idle memory to the OS. @returns bytes given back. */
  trim(): number {
    const before = this.heap.stats().bytes.committed;
    for (const magazine of this.#used()) {
      this.#empty(magazine);
      this.#resize(magazine, Math.min(magazine.capacity, startCapacity(magazine)));
      magazine.spilled = 0;
    }
    this.#dropIdle();
    this.heap.trim();
    const bytes = Math.max(0, before - this.heap.stats().bytes.committed);
    trace('trim: %d bytes given back', bytes);
    return bytes;
  }

  /** Gives everything back; callers' Buffers keep their memory, and no longer belong to anybody. */
  destroy(): void {
    if (this.#destroyed) {
      return;
    }
    this.#destroyed = true;
    for (const magazine of this.#used()) {
      magazine.disown();
    }
    this.magazines.fill(undefined);
    this.heap.destroy();
  }

  /** The numbers of the heap and of these magazines. */
  stats(): HeapStats {
    const stats = this.heap.stats();
    this.addTo(stats);
    return stats;
  }

  /** Counts the magazines into numbers that contain those of the heap. */
  addTo(stats: HeapStats): void {
    const { operations } = stats;
    const { tcache } = stats.components;
    operations.adopted += this.#adopted;
    for (const magazine of this.#used()) {
      countCached(stats, magazine.sizeClass, magazine.cached, magazine.blockSizeBytes);
      stats.classes[Math.min(magazine.sizeClass, stats.classes.length - 1)].capacity += magazine.capacity;
      operations.allocs += magazine.allocs;
      operations.frees += magazine.allocs + magazine.moved - magazine.live;
      tcache.capacity += magazine.capacity;
      tcache.used += magazine.cached;
      tcache.grown += magazine.grown;
      tcache.shrunk += magazine.shrunk;
      tcache.misses += magazine.misses;
    }
  }

  #used(): Magazine[] {
    return this.magazines.filter((magazine) => magazine !== undefined);
  }

  /** @returns how many of the wanted blocks the limit allows, at least 1. */
  #withinLimit(magazine: Magazine, wanted: number): number {
    if (this.#heldBytes + wanted * magazine.blockSizeBytes <= this.#maxBytes) {
      return wanted;
    }
    if (this.#roomFor(magazine) === 0) {
      this.#emptyAll();
    }
    const room = Math.min(wanted, this.#roomFor(magazine));
    if (room === 0) {
      throw this.#limitReached(magazine.blockSizeBytes);
    }
    return room;
  }

  #limitReached(blockSizeBytes: number): HakmemError {
    const limit = `the limit of ${this.#maxBytes} bytes, of which ${this.#heldBytes} are in use`;
    const message = `${this.#owner.name}: a block of ${blockSizeBytes} bytes would exceed ${limit}; free some, or raise maxBytes`;
    return new HakmemError('ERR_HAKMEM_LIMIT', message);
  }

  #roomFor(magazine: Magazine): number {
    return Math.floor((this.#maxBytes - this.#heldBytes) / magazine.blockSizeBytes);
  }

  /** Takes blocks from the heap. @returns how many ids are in the batch now, at least 1. */
  #refill(magazine: Magazine, wanted: number): number {
    const { sizeClass, blockSizeBytes } = magazine;
    this.#reserveBatch(wanted);
    let count = this.heap.refill(sizeClass, wanted, this.#blocks);
    if (count === 0) {
      this.#emptyAll();
      this.#dropIdle();
      this.heap.trim();
      count = this.heap.refill(sizeClass, 1, this.#blocks);
    }
    trace('refill: %d of %d blocks of %d bytes', count, wanted, blockSizeBytes);
    if (count === 0) {
      throw outOfMemory(blockSizeBytes);
    }
    return this.#hold(magazine, count);
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
        this.#batch[at] = magazine.hold(this.#blocks[at]);
      }
    } finally {
      this.#heldBytes += (magazine.held - heldBefore) * magazine.blockSizeBytes;
      this.#idleBytes += magazine.idleBytes - idleBefore;
    }
  }

  /** Gives the ids in the batch back to the heap. If the heap throws, nothing is changed. */
  #flush(magazine: Magazine, count: number): void {
    for (let at = 0; at < count; at++) {
      this.#blocks[at] = magazine.blockOf(this.#batch[at]);
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
      magazine.release(this.#batch[at]);
    }
    this.#heldBytes -= count * magazine.blockSizeBytes;
    this.#idleBytes += magazine.idleBytes - idleBefore;
    this.#limitIdle();
  }

  #flushOldest(magazine: Magazine, count: number): void {
    this.#reserveBatch(count);
    magazine.copyOldest(count, this.#batch);
    this.#flush(magazine, count);
    magazine.dropOldest(count);
  }

  #empty(magazine: Magazine): void {
    if (magazine.cached > 0) {
      this.#flushOldest(magazine, magazine.cached);
    }
  }

  #emptyAll(): void {
    for (const magazine of this.#used()) {
      this.#empty(magazine);
    }
  }

  #reserveBatch(count: number): void {
    if (this.#batch.length < count) {
      this.#batch = new Int32Array(2 ** Math.ceil(Math.log2(count)));
      this.#blocks = new Float64Array(this.#batch.length);
    }
  }

  /** Gives an empty magazine the capacity that it has earned. */
  #grow(magazine: Magazine): void {
    const { capacity } = magazine;
    if (capacity === 0) {
      this.#extend(magazine, startCapacity(magazine));
    } else if (magazine.spilled >= capacity) {
      magazine.spilled -= capacity;
      this.#extend(magazine, 2 * capacity);
    }
  }

  /** Raises a capacity if the budget allows. */
  #extend(magazine: Magazine, capacity: number): void {
    const bytes = (capacity - magazine.capacity) * magazine.blockSizeBytes;
    if (this.#grantedBytes + bytes > options.cacheBytes) {
      this.#sweep(magazine);
    }
    if (this.#grantedBytes + bytes <= options.cacheBytes) {
      this.#resize(magazine, capacity);
    }
  }

  #resize(magazine: Magazine, capacity: number): void {
    this.#grantedBytes += (capacity - magazine.capacity) * magazine.blockSizeBytes;
    magazine.resize(capacity);
  }

  /** Takes their share from the magazines that served nothing since the last sweep; now and then only, so that 'nothing' says something. */
  #sweep(wanting: Magazine): void {
    if (this.#misses - this.#missesAtSweep < options.sweepMisses) {
      return;
    }
    this.#missesAtSweep = this.#misses;
    for (const magazine of this.#used()) {
      if (magazine !== wanting && magazine.allocs === magazine.allocsAtSweep) {
        this.#empty(magazine);
        this.#resize(magazine, 0);
      }
      magazine.allocsAtSweep = magazine.allocs;
    }
  }

  /** Drops idle ArrayBuffers while there are more of them than the pool uses; the largest first, for few of them are so much. */
  #limitIdle(): void {
    const limit = Math.max(options.idleSlabBytes, this.#heldBytes);
    for (let at = this.magazines.length - 1; at >= 0 && this.#idleBytes > limit; at--) {
      const magazine = this.magazines[at];
      this.#idleBytes -= magazine?.idleBytes ?? 0;
      magazine?.table.dropIdle();
    }
  }

  #dropIdle(): void {
    for (const magazine of this.#used()) {
      magazine.table.dropIdle();
    }
    this.#idleBytes = 0;
  }
}

/** The capacity of a new magazine: 0 where its blocks are too large to be cached. */
function startCapacity({ blockSizeBytes }: Magazine): number {
  if (blockSizeBytes > options.cacheBytes / 4) {
    return 0;
  }
  return Math.max(1, Math.min(options.magazineStartBlocks, Math.floor(options.magazineStartBytes / blockSizeBytes)));
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof HakmemError && error.code === 'ERR_HAKMEM_OUT_OF_MEMORY');
}

function outOfMemory(blockSizeBytes: number, cause?: unknown): HakmemError {
  const message = `There is no memory for a block of ${blockSizeBytes} bytes; free some, or ask for less`;
  return new HakmemError('ERR_HAKMEM_OUT_OF_MEMORY', message, cause === undefined ? {} : { cause });
}
