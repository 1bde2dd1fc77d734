/**
 * What becomes of freed blocks above 1 MiB: the L2.5 pool up to 32 MiB, the BigCache beyond, by one budget and one age.
 *
 *     put -> l25 or bigcache        excess -> what must go: the oldest, while more is cached than the budget, or too old
 *     take <- the same, by length
 *
 * The budget is as much as is in use now, but no less than an option says. Age counts ticks: a chunk that was not taken for
 * so many of them (an option) goes.
 *
 * Invariants: `cached` counts the units of the chunks in both.
 * Threads: the owner of the heap.
 */
import { options } from '../../options';
import { UNIT_BYTES } from '../../size-class';
import { BigCache } from './bigcache';
import type { Chunk } from './chunk';
import { L25, L25_UNITS_MAX } from './l25';

export class Large {
  readonly l25 = new L25();
  readonly bigcache = new BigCache();
  #liveUnits = 0;
  #cachedUnits = 0;
  #ticks = 0;

  get cachedBytes(): number {
    return this.#cachedUnits * UNIT_BYTES;
  }

  get cachedBlocks(): number {
    return this.l25.stats().used + this.bigcache.stats().used;
  }

  /** @param units of a block that is handed out, or less than 0: that comes back. */
  countLive(units: number): void {
    this.#liveUnits += units;
  }

  take(units: number): Chunk | null {
    const chunk = units <= L25_UNITS_MAX ? this.l25.take(units) : this.bigcache.take(units);
    this.#cachedUnits -= chunk?.units ?? 0;
    return chunk;
  }

  /** @returns false: not worth keeping; the chunk is the caller's still. */
  put(chunk: Chunk): boolean {
    if (chunk.units > this.#budgetUnits()) {
      return false;
    }
    chunk.stamp = this.#ticks;
    this.#cachedUnits += chunk.units;
    (chunk.units <= L25_UNITS_MAX ? this.l25 : this.bigcache).put(chunk);
    return true;
  }

  /** @returns the next chunk that must go. @param all every one must. */
  excess(all: boolean): Chunk | null {
    if (this.#cachedUnits === 0) {
      return null;
    }
    const anyAge = all || this.#cachedUnits > this.#budgetUnits();
    const stamp = anyAge ? Number.POSITIVE_INFINITY : this.#ticks - options.largeCacheTicks;
    // The BigCache first: what it holds is larger and rarer.
    const chunk = this.bigcache.evict(stamp) ?? this.l25.evict(stamp);
    this.#cachedUnits -= chunk?.units ?? 0;
    return chunk;
  }

  tick(): void {
    this.#ticks++;
  }

  check(): void {
    this.l25.check();
    this.bigcache.check();
  }

  #budgetUnits(): number {
    return Math.max(this.#liveUnits, Math.floor(options.largeCacheBytes / UNIT_BYTES));
  }
}
