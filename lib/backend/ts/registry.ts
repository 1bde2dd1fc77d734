/**
 * What is at a unit: a map from unit numbers to slabs that grows and shrinks by leaves.
 *
 *     unit number = leaf number * LEAF_UNITS + slot
 *
 *     directory { 0: leaf, 7: leaf, ... }       leaf [ -, slab, -, -, slab, ... ]
 *
 * Unit numbers are never used twice for different chunks, so they rise for ever; a flat array over them would too.
 * A leaf is made with its first entry and dropped with its last, so the map is as large as what is registered: at the
 * worst, one leaf for each chunk.
 *
 * A slab is registered at its first unit only, since a block number names that one. (The C core registers every unit
 * of a slab: it must find the slab of any address.)
 *
 * Invariants: each leaf has an entry; `used` of a leaf counts its entries; `#cached` is a leaf of the directory.
 */

import type { ComponentStats } from '../contract';
import { invariant } from './assert';

/** Units that one leaf covers: eight chunks of ordinary size. */
export const LEAF_UNITS = 256;

interface Leaf<T> {
  readonly number: number;
  readonly slots: (T | undefined)[];
  used: number;
}

export class Registry<T> {
  readonly #directory = new Map<number, Leaf<T>>();
  /** The leaf of the last look-up: blocks come in batches from few slabs. */
  #cached: Leaf<T> | undefined;
  #used = 0;
  #grown = 0;
  #shrunk = 0;
  #misses = 0;

  /** @returns what is registered at the unit; undefined for any number that is no registered unit, counted as a miss. */
  get(unit: number): T | undefined {
    const found = this.peek(unit);
    if (found === undefined) {
      this.#misses++;
    }
    return found;
  }

  /** As get, for a walk over units: what is not there is no miss. */
  peek(unit: number): T | undefined {
    return this.#leaf(Math.floor(unit / LEAF_UNITS))?.slots[unit % LEAF_UNITS];
  }

  /** @param unit a number at which nothing is registered. */
  add(unit: number, value: T): void {
    const number = Math.floor(unit / LEAF_UNITS);
    const leaf = this.#leaf(number) ?? this.#grow(number);
    leaf.slots[unit % LEAF_UNITS] = value;
    leaf.used++;
    this.#used++;
  }

  /** @param unit a number at which something is registered. */
  remove(unit: number): void {
    const number = Math.floor(unit / LEAF_UNITS);
    const leaf = this.#leaf(number);
    invariant(leaf?.slots[unit % LEAF_UNITS] !== undefined, 'what leaves the registry was in it');
    leaf.slots[unit % LEAF_UNITS] = undefined;
    leaf.used--;
    this.#used--;
    if (leaf.used === 0) {
      this.#shrink(leaf);
    }
  }

  /** In units: what the leaves cover, and at how many something is registered. */
  stats(): ComponentStats {
    return {
      capacity: this.#directory.size * LEAF_UNITS,
      used: this.#used,
      grown: this.#grown,
      shrunk: this.#shrunk,
      misses: this.#misses,
    };
  }

  check(): void {
    let used = 0;
    for (const [number, leaf] of this.#directory) {
      invariant(leaf.number === number, 'a leaf knows its number');
      invariant(leaf.used > 0, 'an empty leaf is dropped');
      invariant(
        leaf.slots.length === LEAF_UNITS && leaf.slots.filter((slot) => slot !== undefined).length === leaf.used,
        'a leaf counts its entries',
      );
      used += leaf.used;
    }
    invariant(used === this.#used, 'the registry counts its entries');
    invariant(this.#grown - this.#shrunk === this.#directory.size, 'leaves grown less leaves shrunk are there');
    invariant(
      this.#cached === undefined || this.#directory.get(this.#cached.number) === this.#cached,
      'the cached leaf is in the directory',
    );
  }

  #leaf(number: number): Leaf<T> | undefined {
    if (this.#cached?.number === number) {
      return this.#cached;
    }
    const leaf = this.#directory.get(number);
    if (leaf !== undefined) {
      this.#cached = leaf;
    }
    return leaf;
  }

  #grow(number: number): Leaf<T> {
    const leaf = { number, slots: new Array<T | undefined>(LEAF_UNITS).fill(undefined), used: 0 };
    this.#directory.set(number, leaf);
    this.#grown++;
    return leaf;
  }

  #shrink(leaf: Leaf<T>): void {
    this.#directory.delete(leaf.number);
    this.#cached = undefined;
    this.#shrunk++;
  }
}
