/**
 * The BigCache: freed huge blocks with their memory, in a hash table that grows by rehash and never evicts because of a
 * collision.
 *
 * The table itself is the engine's Map; what is specified here is when the core's doubles and halves.
 *
 * Invariants: as many buckets as chunks at least, after a put; a power of two of them, 8 at the least once one was put.
 * Threads: the owner of the heap.
 */
import type { ComponentStats } from '../contract';
import { invariant } from './assert';
import type { Chunk } from './chunk';
import { ChunkCache } from './chunk-cache';

const FIRST_BUCKETS = 8;

export class BigCache {
  readonly #cache = new ChunkCache();
  #buckets = 0;
  #grown = 0;
  #shrunk = 0;
  #misses = 0;

  put(chunk: Chunk): void {
    if (this.#cache.count >= this.#buckets) {
      this.#buckets = Math.max(FIRST_BUCKETS, 2 * this.#buckets);
      this.#grown++;
    }
    this.#cache.add(chunk);
  }

  take(units: number): Chunk | null {
    const chunk = this.#cache.take(units);
    if (chunk === null) {
      this.#misses++;
    }
    return this.#taken(chunk);
  }

  evict(stamp: number): Chunk | null {
    return this.#taken(this.#cache.evict(stamp));
  }

  /** Capacity counts buckets, used chunks, grown and shrunk rehashes. */
  stats(): ComponentStats {
    return {
      capacity: this.#buckets,
      used: this.#cache.count,
      grown: this.#grown,
      shrunk: this.#shrunk,
      misses: this.#misses,
    };
  }

  check(): void {
    this.#cache.check();
    invariant(this.#cache.count <= this.#buckets, 'the BigCache has a bucket for each chunk');
  }

  #taken(chunk: Chunk | null): Chunk | null {
    if (chunk !== null && this.#buckets > FIRST_BUCKETS && this.#cache.count * 8 <= this.#buckets) {
      this.#buckets /= 2;
      this.#shrunk++;
    }
    return chunk;
  }
}
