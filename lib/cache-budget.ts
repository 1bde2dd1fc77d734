/**
 * What the magazines of a pool may hold: one number of bytes for all of them (option cacheBytes), and who gets how much of it.
 *
 *     miss   small blocks: doubles while all magazines hold little (option cacheBytesMin), or a quarter of what the pool holds
 *            any: doubles where as many blocks were spilled as the doubling could have kept; so who only allocates gets no more
 *     full   what wants to grow takes the share of those that served nothing since the last time
 *     tick   so many misses and spills apart (option tickOperations): a magazine that served nothing loses half, at last all;
 *            one that was never empty and never full loses a quarter: should it have needed that, it comes back by misses
 *
 * A block above a quarter of the budget is not cached at all.
 *
 * Invariant: `#grantedBytes` is the sum over the magazines of capacity * block size.
 * Threads: the one whose pool it is. Source: the core's tcache (native/core/cache.h); jemalloc's low-water mark, here by trial,
 * since the hot path has no time to keep one.
 */
import { SMALL_BYTES } from './front-slab';
import type { Magazine } from './magazine';
import { type Magazines, usedOf } from './magazines';
import { options } from './options';
import type { Traffic } from './traffic';

export class CacheBudget {
  readonly #magazines: Magazines;
  readonly #traffic: Traffic;
  #grantedBytes = 0;
  #misses = 0;
  #missesAtSweep = 0;
  /** Misses and spills since the last tick. */
  #operations = 0;

  constructor(magazines: Magazines, traffic: Traffic) {
    this.#magazines = magazines;
    this.#traffic = traffic;
  }

  /** A magazine was found empty: gives it the capacity that it has earned. */
  missed(magazine: Magazine): void {
    magazine.misses++;
    this.#misses++;
    this.#count(magazine);
    this.grow(magazine);
  }

  /** A magazine was found full, and has given so many blocks back. */
  spilled(magazine: Magazine, blocks: number): void {
    magazine.spilled += blocks;
    this.#count(magazine);
  }

  grow(magazine: Magazine): void {
    const { capacity } = magazine;
    if (capacity === 0) {
      this.#extend(magazine, startCapacity(magazine));
    } else if (magazine.spilled >= capacity) {
      magazine.spilled -= capacity;
      this.#extend(magazine, 2 * capacity);
    } else if (this.#isLittle(magazine, capacity)) {
      this.#resize(magazine, 2 * capacity);
    }
  }

  /** Back to where an empty magazine began. */
  reset(magazine: Magazine): void {
    this.#resize(magazine, Math.min(magazine.capacity, startCapacity(magazine)));
    magazine.spilled = 0;
  }

  /** Whether so many blocks more are nothing to speak of. */
  #isLittle({ blockSizeBytes }: Magazine, blocks: number): boolean {
    const most = Math.min(options.cacheBytes, Math.max(options.cacheBytesMin, this.#traffic.heldBytes / 4));
    return blockSizeBytes <= SMALL_BYTES && this.#grantedBytes + blocks * blockSizeBytes <= most;
  }

  #count(magazine: Magazine): void {
    magazine.troubled = true;
    if (++this.#operations >= options.tickOperations) {
      this.#operations = 0;
      this.#tick(magazine);
    }
  }

  /** @param wanting the magazine that is being served just now. */
  #tick(wanting: Magazine): void {
    for (const magazine of usedOf(this.#magazines)) {
      if (magazine !== wanting) {
        this.#decay(magazine);
      }
      magazine.allocsAtTick = magazine.allocs;
      magazine.troubled = false;
      magazine.spilled >>= 1;
    }
  }

  #decay(magazine: Magazine): void {
    const { capacity } = magazine;
    const start = startCapacity(magazine);
    if (magazine.allocs === magazine.allocsAtTick) {
      this.#shrink(magazine, capacity <= start ? 0 : Math.max(start, capacity >> 1));
    } else if (!magazine.troubled) {
      this.#shrink(magazine, Math.max(start, capacity - (capacity >> 2)));
    }
  }

  /** Blocks and capacity alike. */
  #shrink(magazine: Magazine, capacity: number): void {
    if (capacity >= magazine.capacity) {
      return;
    }
    const excess = magazine.cached - capacity;
    if (excess > 0) {
      this.#traffic.giveOldest(magazine, excess);
    }
    this.#resize(magazine, capacity);
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
    for (const magazine of usedOf(this.#magazines)) {
      if (magazine !== wanting && magazine.allocs === magazine.allocsAtSweep) {
        this.#traffic.empty(magazine);
        this.#resize(magazine, 0);
      }
      magazine.allocsAtSweep = magazine.allocs;
    }
  }
}

/** The capacity of a new magazine: 0 where its blocks are too large to be cached. */
function startCapacity({ blockSizeBytes }: Magazine): number {
  if (blockSizeBytes > options.cacheBytes / 4) {
    return 0;
  }
  return Math.max(1, Math.min(options.magazineStartBlocks, Math.floor(options.magazineStartBytes / blockSizeBytes)));
}
