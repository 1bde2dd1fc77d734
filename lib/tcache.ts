/**
 * The JavaScript thread's cache of one pool: its magazines, and what is done when one of them is empty or full.
 *
 *     Pool.allocUnsafe                    Pool.free
 *          | pop                               | push                  hot, in pool.ts: nothing below is called
 *     slots[slot]       [ids ....................]
 *          | miss()  half a magazine           | spill()  the older half
 *     Heap.refill                         Heap.flush                   cold: traffic.ts; how much: cache-budget.ts
 *
 * Limit: `maxBytes` counts blocks that callers hold. The cache counts what it took from the heap, cached blocks included, since
 * that costs nothing on the hot path; where that would pass the limit it gives its own blocks back first, so the limit is exact.
 *
 * Threads: the one that made it.
 */
import type { Backend, Heap, HeapStats, Token } from './backend/contract';
import { CacheBudget } from './cache-budget';
import { HakmemError } from './errors';
import { Magazine } from './magazine';
import { emptySlots, fillSlots, type Magazines, usedOf } from './magazines';
import { trace } from './options';
import type { Totals } from './reporters';
import { rowOf, sizeClassOf } from './size-class';
import { countCached } from './stats';
import { type Parcel, Traffic } from './traffic';

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
  readonly magazines: Magazines = [];
  /** The same by slot, for the hot path. */
  readonly slots = emptySlots();
  readonly #owner: Owner;
  readonly #maxBytes: number;
  readonly #traffic: Traffic;
  readonly #budget: CacheBudget;
  #adopted = 0;
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
    this.#traffic = new Traffic(this.heap, this.magazines);
    this.#budget = new CacheBudget(this.magazines, this.#traffic);
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** @returns the magazine of a class, made at its first use. */
  magazineOf(sizeClass: number): Magazine {
    while (this.magazines.length <= sizeClass) {
      this.magazines.push(undefined);
    }
    const known = this.magazines[sizeClass];
    if (known !== undefined) {
      return known;
    }
    const magazine = new Magazine(this.#owner, this.heap, sizeClass);
    this.magazines[sizeClass] = magazine;
    fillSlots(this.slots, magazine);
    return magazine;
  }

  /**
   * Refills an empty magazine.
   * @returns the id of one block, which is not in the magazine.
   * @throws HakmemError ERR_HAKMEM_LIMIT, ERR_HAKMEM_OUT_OF_MEMORY.
   */
  miss(magazine: Magazine): number {
    this.#budget.missed(magazine);
    const wanted = Math.max(1, magazine.capacity >> 1);
    const count = this.#traffic.refill(magazine, this.#withinLimit(magazine, wanted));
    const { batch } = this.#traffic;
    // Lowest first: the one to be popped next goes in last.
    for (let at = count - 1; at > 0; at--) {
      magazine.push(batch[at]);
    }
    return batch[0];
  }

  /**
   * Takes one block for a caller who wants it zeroed. No more: those that wait in a magazine are no longer known to be zero.
   * @returns its id, and whether it holds nothing but zeros.
   * @throws HakmemError ERR_HAKMEM_LIMIT, ERR_HAKMEM_OUT_OF_MEMORY.
   */
  missZero(magazine: Magazine): { id: number; zero: boolean } {
    this.#budget.missed(magazine);
    this.#withinLimit(magazine, 1);
    const id = this.#traffic.refillOne(magazine);
    return { id, zero: this.#traffic.zero };
  }

  /** Puts a block into a full magazine, which gives its older half back for it. */
  spill(magazine: Magazine, id: number): void {
    const { capacity } = magazine;
    if (capacity === 0) {
      this.#traffic.giveOne(magazine, id);
      return;
    }
    const count = (capacity + 1) >> 1;
    this.#traffic.giveOldest(magazine, count);
    magazine.push(id);
    this.#budget.spilled(magazine, count);
  }

  /**
   * Sends a block that a caller holds off to whoever adopts it.
   * @param again the token of an `adopt` that is to be undone: it is valid again.
   * @returns the token.
   */
  share(magazine: Magazine, id: number, lengthBytes: number, again?: Token): Token {
    const token = this.#traffic.share(magazine, id, lengthBytes, again);
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
    const parcel = this.#adoptParcel(token);
    const magazine = this.magazineOf(sizeClassOf(parcel.blockSizeBytes));
    const id = this.#traffic.holdAdopted(magazine, parcel, token);
    // Room, so that frees go back in batches also where nothing is allocated.
    if (magazine.capacity === 0) {
      this.#budget.grow(magazine);
    }
    magazine.moved++;
    this.#adopted++;
    return { magazine, id, lengthBytes: parcel.lengthBytes };
  }

  /** Gives everything that can be spared back to the heap, and the heap's idle memory to the OS. @returns bytes given back. */
  trim(): number {
    const before = this.heap.stats().bytes.committed;
    for (const magazine of usedOf(this.magazines)) {
      this.#traffic.empty(magazine);
      this.#budget.reset(magazine);
    }
    this.#traffic.dropIdle();
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
    for (const magazine of usedOf(this.magazines)) {
      magazine.disown();
    }
    this.magazines.fill(undefined);
    this.slots.fill(undefined);
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
    for (const magazine of usedOf(this.magazines)) {
      countCached(stats, magazine.sizeClass, magazine.cached, magazine.blockSizeBytes);
      stats.classes[rowOf(magazine.sizeClass)].capacity += magazine.capacity;
      operations.allocs += magazine.allocs;
      operations.frees += magazine.allocs + magazine.moved - magazine.live;
      tcache.capacity += magazine.capacity;
      tcache.used += magazine.cached;
      tcache.grown += magazine.grown;
      tcache.shrunk += magazine.shrunk;
      tcache.misses += magazine.misses;
    }
  }

  /** What it has counted, as of a cache whose blocks have all gone back. */
  totals(): Totals {
    const totals = { allocs: 0, frees: 0, adopted: this.#adopted, grown: 0, shrunk: 0, misses: 0 };
    for (const magazine of usedOf(this.magazines)) {
      totals.allocs += magazine.allocs;
      totals.frees += magazine.allocs + magazine.moved;
      totals.grown += magazine.grown;
      totals.shrunk += magazine.shrunk;
      totals.misses += magazine.misses;
    }
    return totals;
  }

  #adoptParcel(token: Token): Parcel {
    const { heldBytes } = this.#traffic;
    const parcel = this.#traffic.adopt(token, this.#maxBytes - heldBytes);
    if (typeof parcel !== 'number') {
      return parcel;
    }
    this.#traffic.emptyAll();
    const again = this.#traffic.adopt(token, this.#maxBytes - this.#traffic.heldBytes);
    if (typeof again === 'number') {
      throw this.#limitReached(again);
    }
    return again;
  }

  /** @returns how many of the wanted blocks the limit allows, at least 1. */
  #withinLimit(magazine: Magazine, wanted: number): number {
    if (this.#traffic.heldBytes + wanted * magazine.blockSizeBytes <= this.#maxBytes) {
      return wanted;
    }
    if (this.#roomFor(magazine) === 0) {
      this.#traffic.emptyAll();
    }
    const room = Math.min(wanted, this.#roomFor(magazine));
    if (room === 0) {
      throw this.#limitReached(magazine.blockSizeBytes);
    }
    return room;
  }

  #limitReached(blockSizeBytes: number): HakmemError {
    const limit = `the limit of ${this.#maxBytes} bytes, of which ${this.#traffic.heldBytes} are in use`;
    const message = `${this.#owner.name}: a block of ${blockSizeBytes} bytes would exceed ${limit}; free some, or raise maxBytes`;
    return new HakmemError('ERR_HAKMEM_LIMIT', message);
  }

  #roomFor(magazine: Magazine): number {
    return Math.floor((this.#maxBytes - this.#traffic.heldBytes) / magazine.blockSizeBytes);
  }
}
