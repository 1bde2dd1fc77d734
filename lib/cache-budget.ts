/**
 * What the magazines of a pool may hold: one number of bytes for all of them (option cacheBytes), and who gets how much of it.
 *
 * A magazine that wants to grow asks for its share; when nothing is left, those that served no allocation since the last time are
 * emptied and lose theirs. A block above a quarter of the budget is not cached at all.
 *
 * Invariant: `#grantedBytes` is the sum over the magazines of capacity * block size.
 * Threads: the one whose pool it is.
 */
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

  constructor(magazines: Magazines, traffic: Traffic) {
    this.#magazines = magazines;
    this.#traffic = traffic;
  }

  /** A magazine was found empty: gives it the capacity that it has earned. */
  missed(magazine: Magazine): void {
    magazine.misses++;
    this.#misses++;
    this.grow(magazine);
  }

  grow(magazine: Magazine): void {
    const { capacity } = magazine;
    if (capacity === 0) {
      this.#extend(magazine, startCapacity(magazine));
    } else if (magazine.spilled >= capacity) {
      magazine.spilled -= capacity;
      this.#extend(magazine, 2 * capacity);
    }
  }

  /** Back to where an empty magazine began. */
  reset(magazine: Magazine): void {
    this.#resize(magazine, Math.min(magazine.capacity, startCapacity(magazine)));
    magazine.spilled = 0;
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
