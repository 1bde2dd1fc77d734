/**
 * The L2.5 pool: freed blocks from above 1 MiB to 32 MiB, with their memory.
 *
 * In the core it is shared by threads in shards, which are added while they contend. A heap of this backend belongs to one
 * thread, so there is the one shard with which the core starts too.
 *
 * Threads: the owner of the heap.
 */
import type { ComponentStats } from '../contract';
import type { Chunk } from './chunk';
import { ChunkCache } from './chunk-cache';

/** Longer chunks are the BigCache's: 32 MiB. */
export const L25_UNITS_MAX = 512;

export class L25 {
  readonly #shard = new ChunkCache();
  #misses = 0;

  put(chunk: Chunk): void {
    this.#shard.add(chunk);
  }

  take(units: number): Chunk | null {
    const chunk = this.#shard.take(units);
    if (chunk === null) {
      this.#misses++;
    }
    return chunk;
  }

  evict(stamp: number): Chunk | null {
    return this.#shard.evict(stamp);
  }

  /** Capacity counts shards, used chunks. */
  stats(): ComponentStats {
    return { capacity: 1, used: this.#shard.count, grown: 0, shrunk: 0, misses: this.#misses };
  }

  check(): void {
    this.#shard.check();
  }
}
