/**
 * The chunks of a heap, chained without limit: where slabs get their units from.
 *
 *     chunks   chunk 0, chunk 1, chunk 3, ...                            in order of creation
 *     bins     1: -   2: chunk <-> chunk   3: -   ...   32: chunk        by longest free run, newest in front
 *
 * A request for n units looks in the smallest non-empty bin that is n or more: the chunk that fits best and is not
 * cut up needlessly, found without looking at any other. In the chunk the lowest run that fits is taken (first fit),
 * which keeps its upper end free. The superslab grows without limit, and shrinks: an empty chunk stays until it has been idle
 * from one tick to the next, so that a heap at the edge of a chunk does not map and unmap in turn.
 *
 * The more units a heap has, the larger the chunks it asks for: a quarter of them, in powers of two, up to an option.
 * At a tick what has been idle since the last one goes back: empty chunks, and free units. Between ticks what is free beyond a
 * bound goes at once, of the newest chunks.
 *
 * A huge block has a chunk of its own, wholly used and in no bin. Closed, it leaves the superslab with its memory and can be
 * cached; discarded, its memory goes back.
 *
 * Invariants: a chunk is in the bin of its longest run, or in none where that is 0; a unit in a slab is committed; the totals
 * are the sums over the chunks.
 * Threads: the owner of the heap.
 * Source: free-run bins from the segregated page runs of jemalloc.
 */
import { options } from '../../options';
import { UNIT_BYTES } from '../../size-class';
import type { ComponentStats } from '../contract';
import { invariant } from './assert';
import { lowestBit } from './bits';
import { Chunk, type Run } from './chunk';
import { List } from './list';
import type { AddressSpace } from './os';

/** Units of a small heap's chunks: 2 MiB. */
export const CHUNK_UNITS = 32;

/** Bins 1..32; a longer run counts as 32. No slab takes more units than that. */
const BINS = 32;

/** The bin in which a chunk belongs; 0: none. */
function binOf(chunk: Chunk): number {
  return Math.min(chunk.free.longestRun(), BINS);
}

export class Superslab {
  readonly #addressSpace: AddressSpace;
  /** In order of creation. */
  readonly #chunks = new Set<Chunk>();
  /** Index 1..BINS. */
  readonly #bins: List<Chunk>[] = Array.from({ length: BINS + 1 }, () => new List<Chunk>());
  /** Bit r - 1: bin r has a chunk. */
  #occupied = 0;
  /** Units of all chunks but huge ones: the next chunk's length follows it. */
  #slicedUnits = 0;
  #nextSequence = 0;
  #units = 0;
  #usedUnits = 0;
  #committedUnits = 0;
  #purgedBytes = 0;
  #grown = 0;
  #shrunk = 0;
  #misses = 0;

  constructor(addressSpace: AddressSpace) {
    this.#addressSpace = addressSpace;
  }

  /** @param units 1..CHUNK_UNITS. @returns a run of that many, now used and committed; null where memory is refused. */
  allocRun(units: number): Run | null {
    const chunk = this.#bestBin(units) ?? this.#grow();
    if (chunk === null) {
      return null;
    }
    const unit = chunk.free.findRun(units);
    if (unit < 0) {
      // It is in the bin of what it had before a call in here found no room on the stack.
      this.#rebin(chunk);
      return this.allocRun(units);
    }
    chunk.free.clearRange(unit, units);
    this.#rebin(chunk);
    this.#use(chunk, units);
    chunk.idle.clearRange(unit, units);
    this.#commit(chunk, chunk.committed.setRange(unit, units));
    return { chunk, unit, units };
  }

  /** Gives back a run that allocRun gave; its units stay committed until they are purged or the chunk is released. */
  freeRun({ chunk, unit, units }: Run): void {
    chunk.free.setRange(unit, units);
    this.#rebin(chunk);
    this.#use(chunk, -units);
    if (this.#dirtyUnits() > this.#dirtyMost()) {
      this.#dropDirty();
    }
  }

  /**
   * @param cached a closed chunk of that length, or null for a new one.
   * @returns a chunk of its own, wholly used and committed, for one huge block; null where memory is refused.
   */
  openHuge(units: number, cached: Chunk | null): Run | null {
    // One number is enough for the one block; so absurd sizes, which only fail once memory is asked for, use up none.
    const chunk = cached ?? this.#map(1, units, true);
    if (chunk === null) {
      return null;
    }
    this.#chain(chunk);
    this.#use(chunk, units);
    this.#commit(chunk, units);
    return { chunk, unit: 0, units };
  }

  /** The chunk leaves the superslab with its memory. */
  closeHuge({ chunk, units }: Run): void {
    this.#use(chunk, -units);
    this.#commit(chunk, -units);
    this.#unchain(chunk);
  }

  /** A closed chunk's memory goes back. */
  discard(chunk: Chunk): void {
    this.#purgedBytes += chunk.units * UNIT_BYTES;
    this.#shrunk++;
  }

  /** Gives back what has been idle since the last tick. */
  tick(): void {
    for (const chunk of this.#chunks) {
      if (chunk.usedUnits === 0 && chunk.isIdle()) {
        this.#release(chunk);
      } else if (chunk.usedUnits < chunk.units) {
        this.#decommit(chunk, chunk.committed.subtract(chunk.idle));
        chunk.idle.assignBoth(chunk.committed, chunk.free);
      }
    }
  }

  /** Releases all empty chunks and purges all free units that are still committed. */
  purge(): void {
    for (const chunk of this.#chunks) {
      this.#giveBack(chunk);
    }
  }

  /** Releases every chunk, whatever is in it. */
  releaseAll(): void {
    for (const chunk of this.#chunks) {
      this.#use(chunk, -chunk.usedUnits);
      this.#release(chunk);
    }
  }

  /** In order of creation. */
  chunks(): Iterable<Chunk> {
    return this.#chunks;
  }

  /** `purged` is a running total. */
  bytes(): { committed: number; reserved: number; purged: number } {
    return {
      committed: this.#committedUnits * UNIT_BYTES,
      reserved: this.#units * UNIT_BYTES,
      purged: this.#purgedBytes,
    };
  }

  /** In units: in chunks, and in slabs. Grown and shrunk count chunks, misses runs that no chunk had free. */
  stats(): ComponentStats {
    return {
      capacity: this.#units,
      used: this.#usedUnits,
      grown: this.#grown,
      shrunk: this.#shrunk,
      misses: this.#misses,
    };
  }

  check(): void {
    let [units, used, committed, lastSequence] = [0, 0, 0, -1];
    for (const chunk of this.#chunks) {
      chunk.check();
      invariant(chunk.bin === binOf(chunk), 'a chunk is in the bin of its longest run, or in none');
      invariant(chunk.sequence > lastSequence, 'chunks are in order of creation');
      lastSequence = chunk.sequence;
      units += chunk.units;
      used += chunk.usedUnits;
      committed += chunk.committedUnits;
    }
    invariant(units === this.#units, 'the superslab counts the units of its chunks');
    invariant(used === this.#usedUnits, 'the superslab counts the units in slabs');
    invariant(committed === this.#committedUnits, 'the superslab counts the committed units');
    invariant(this.#grown - this.#shrunk >= this.#chunks.size, 'chunks grown less chunks shrunk are here or cached');
    this.#checkBins();
  }

  #checkBins(): void {
    let binned = 0;
    for (let bin = 1; bin <= BINS; bin++) {
      this.#bins[bin].check();
      for (const chunk of this.#bins[bin]) {
        invariant(chunk.bin === bin && this.#chunks.has(chunk), 'a bin has chunks of the superslab that say so');
        binned++;
      }
      const occupied = ((this.#occupied >>> (bin - 1)) & 1) === 1;
      invariant(occupied === (this.#bins[bin].head !== null), 'the occupancy word names the bins that have a chunk');
    }
    const expected = [...this.#chunks].filter((chunk) => chunk.bin > 0).length;
    invariant(binned === expected, 'every chunk with a free unit is in a bin');
  }

  /** The front of the smallest bin that has runs of `units` or more. */
  #bestBin(units: number): Chunk | null {
    const candidates = this.#occupied & (-1 << (units - 1));
    return candidates === 0 ? null : this.#bins[lowestBit(candidates) + 1].head;
  }

  /** Everything of the chunk that is free: its units, or, empty, itself. */
  #giveBack(chunk: Chunk): void {
    if (chunk.usedUnits === 0) {
      this.#release(chunk);
    } else {
      this.#decommit(chunk, chunk.committed.subtract(chunk.free));
    }
  }

  #dirtyUnits(): number {
    return this.#committedUnits - this.#usedUnits;
  }

  /** As much as is used: a garbage collector frees half of all at once, and the program wants it again soon. */
  #dirtyMost(): number {
    return Math.max(this.#usedUnits, Math.floor(options.dirtyBytes / UNIT_BYTES));
  }

  /** After a burst there may be no more operations, and so no ticks. A quarter of the bound goes too, so that the next run need not come here. */
  #dropDirty(): void {
    const enough = Math.floor(this.#dirtyMost() / 4) * 3;
    for (const chunk of [...this.#chunks].reverse()) {
      if (this.#dirtyUnits() <= enough) {
        return;
      }
      this.#giveBack(chunk);
    }
  }

  #grow(): Chunk | null {
    this.#misses++;
    const units = this.#nextUnits();
    const chunk = this.#map(units, units, false);
    if (chunk !== null) {
      this.#chain(chunk);
      this.#rebin(chunk);
    }
    return chunk;
  }

  /** The next chunk's length. */
  #nextUnits(): number {
    const limit = Math.min(Math.floor(this.#slicedUnits / 4), Math.floor(options.chunkBytesMax / UNIT_BYTES));
    let units = CHUNK_UNITS;
    while (2 * units <= limit) {
      units *= 2;
    }
    return units;
  }

  #map(numbers: number, units: number, huge: boolean): Chunk | null {
    const firstUnit = this.#addressSpace.reserve(numbers, units * UNIT_BYTES);
    if (firstUnit === null) {
      return null;
    }
    this.#grown++;
    return new Chunk(0, firstUnit, units, huge);
  }

  #chain(chunk: Chunk): void {
    chunk.sequence = this.#nextSequence++;
    this.#chunks.add(chunk);
    this.#units += chunk.units;
    this.#slicedUnits += chunk.huge ? 0 : chunk.units;
  }

  #unchain(chunk: Chunk): void {
    this.#chunks.delete(chunk);
    this.#units -= chunk.units;
    this.#slicedUnits -= chunk.huge ? 0 : chunk.units;
  }

  #release(chunk: Chunk): void {
    this.#moveToBin(chunk, 0);
    this.#decommit(chunk, chunk.committedUnits);
    this.#unchain(chunk);
    this.#shrunk++;
  }

  /** To the front of its new bin; a chunk whose bin stays the same stays where it is. */
  #rebin(chunk: Chunk): void {
    const bin = binOf(chunk);
    if (bin !== chunk.bin) {
      this.#moveToBin(chunk, bin);
    }
  }

  #moveToBin(chunk: Chunk, bin: number): void {
    if (chunk.bin > 0) {
      this.#bins[chunk.bin].remove(chunk);
      if (this.#bins[chunk.bin].head === null) {
        this.#occupied &= ~(1 << (chunk.bin - 1));
      }
    }
    chunk.bin = bin;
    if (bin > 0) {
      this.#bins[bin].pushFront(chunk);
      this.#occupied |= 1 << (bin - 1);
    }
  }

  #use(chunk: Chunk, units: number): void {
    chunk.usedUnits += units;
    this.#usedUnits += units;
  }

  #commit(chunk: Chunk, units: number): void {
    chunk.committedUnits += units;
    this.#committedUnits += units;
  }

  #decommit(chunk: Chunk, units: number): void {
    this.#commit(chunk, -units);
    this.#purgedBytes += units * UNIT_BYTES;
  }
}
