/**
 * A heap: blocks by size class out of slabs, slabs out of chunks. The placement that both backends share is all here
 * and in `superslab.ts`.
 *
 *     refill   partial list of the class:  head -> slab <-> slab <-> slab <- tail
 *                                          |  take its free blocks, lowest first, till it is full; then the next;
 *                                          |  where there is none, a new slab, put at the head
 *     flush    set the block's free bit; a slab that was full goes to the head; one that is now empty gives its run
 *              of units back, unless it is alone in its list
 *
 * The slab at the head is used up before the next one is touched; one that has just got a free block comes before it: so
 * the fullest are filled, and the others have time to get empty. One empty slab of a class is kept, so that a class in light
 * use does not make and drop a slab in turn; trim() gives it back.
 *
 * A huge block has a chunk of its own. When it comes back the chunk is cached with its memory (`large.ts`).
 *
 * Time is counted in ticks, so many refills and flushes apart (an option). What was idle from one tick to the next goes back:
 * the empty slab of a class, free units, the spare chunk, cached huge chunks.
 *
 * What it has, and has counted, is in its books (`heap-books.ts`).
 *
 * Invariants: a slab is registered at its first unit; a slab with a free block is in the partial list of its class;
 * an empty one is at the tail of that list, so there is one for each class at most; what is live is what refill
 * handed out and flush did not accept yet.
 * Where the caller is so deep in calls that one in here throws, what was under way may be lost until the heap is destroyed, and the
 * books off by it; no block is handed out twice. `check` may complain from then on.
 * Threads: the one that made the heap.
 * Source: slabs and partial lists from Bonwick 1994; lowest-first bitmaps from jemalloc.
 */
import { makeMemory } from '../../engine-memory';
import { HakmemError } from '../../errors';
import { options } from '../../options';
import { classSizeBytes, rowOf, SLAB_CLASSES, slabUnits, UNIT_BYTES } from '../../size-class';
import type { BlockPlace, ChunkPicture, Heap, HeapStats } from '../contract';
import { invariant } from './assert';
import { indexOf, unitOf } from './block-number';
import type { Chunk } from './chunk';
import { HeapBooks } from './heap-books';
import type { Large } from './large';
import { List } from './list';
import type { AddressSpace } from './os';
import type { Registry } from './registry';
import { Slab } from './slab';
import type { Superslab } from './superslab';

function notShareable(): HakmemError {
  return new HakmemError('ERR_HAKMEM_NOT_SHAREABLE', 'The memory of this heap belongs to one thread');
}

export class TsHeap implements Heap {
  readonly shareable = false;
  readonly keepsPlaces = false;
  /** For the backend, which outlives the heap. */
  readonly books: HeapBooks;
  readonly #superslab: Superslab;
  readonly #registry: Registry<Slab>;
  readonly #large: Large;
  /** For each slab class the slabs that have a free block. */
  readonly #partial: List<Slab>[] = Array.from({ length: SLAB_CLASSES }, () => new List<Slab>());
  readonly #onDestroy: (books: HeapBooks) => void;
  #nextSequence = 0;
  /** Refills and flushes since the last tick. */
  #operations = 0;

  /**
   * @param addressSpace where its chunks get their unit numbers; shared by the heaps of a backend.
   * @param onDestroy told once the heap has given everything back.
   */
  constructor(addressSpace: AddressSpace, onDestroy: (books: HeapBooks) => void) {
    this.books = new HeapBooks(addressSpace);
    this.#superslab = this.books.superslab;
    this.#registry = this.books.registry;
    this.#large = this.books.large;
    this.#onDestroy = onDestroy;
  }

  refill(sizeClass: number, count: number, blocks: Float64Array): number {
    this.#countOperation();
    this.books.refills++;
    this.books.rows[rowOf(sizeClass)].refills++;
    const wanted = Math.min(count, blocks.length);
    let taken = 0;
    while (taken < wanted) {
      const got = this.#take(sizeClass, blocks, taken, wanted);
      if (got === 0) {
        break;
      }
      taken += got;
    }
    this.books.countLive(sizeClass, classSizeBytes(sizeClass), taken);
    return taken;
  }

  flush(blocks: Float64Array, count: number): number {
    this.#countOperation();
    this.books.flushes++;
    let accepted = 0;
    let lastRow = -1;
    for (let at = 0; at < count; at++) {
      const unit = unitOf(blocks[at]);
      const index = indexOf(blocks[at], unit);
      const slab = this.#registry.get(unit);
      if (!slab?.isLive(index)) {
        continue;
      }
      if (rowOf(slab.sizeClass) !== lastRow) {
        lastRow = rowOf(slab.sizeClass);
        this.books.rows[lastRow].flushes++;
      }
      this.#release(slab, index);
      accepted++;
    }
    return accepted;
  }

  memory(block: number, whole: boolean): ArrayBuffer {
    const slab = this.#slabOf(block);
    const sizeBytes = whole ? slab.sizeBytes : slab.blockSizeBytes;
    const memory = makeMemory(sizeBytes);
    if (memory === null) {
      throw new HakmemError('ERR_HAKMEM_OUT_OF_MEMORY', `an ArrayBuffer of ${sizeBytes} bytes was refused`);
    }
    return memory;
  }

  /** The ArrayBuffer will be new, and the engine clears it. (In the core memory stays, and it knows what was never handed out.) */
  clearFresh(): boolean {
    return true;
  }

  /** Each ArrayBuffer keeps its memory; only the engine could move it, and would detach the old one. */
  move(): boolean {
    return false;
  }

  share(): never {
    throw notShareable();
  }

  adopt(): never {
    throw notShareable();
  }

  /** The slab of a live block or of any number in it; for what is built on a heap. */
  slabAt(block: number): Slab | undefined {
    return this.#registry.peek(unitOf(block));
  }

  /** Takes back a block that others had freed: it is no operation of this thread. @returns false where it is not live. */
  collect(block: number): boolean {
    const slab = this.slabAt(block);
    const live = slab?.isLive(indexOf(block)) ?? false;
    if (slab !== undefined && live) {
      this.#release(slab, indexOf(block));
    }
    return live;
  }

  place(block: number): BlockPlace {
    const slab = this.#slabOf(block);
    return {
      slabSequence: slab.sequence,
      blockIndex: indexOf(block),
      blockSizeBytes: slab.blockSizeBytes,
      slabSizeBytes: slab.sizeBytes,
    };
  }

  stats(): HeapStats {
    return this.books.stats();
  }

  picture(): ChunkPicture[] {
    return Array.from(this.#superslab.chunks(), (chunk) => ({
      units: chunk.units,
      slabs: Array.from(this.#slabsOf(chunk), (slab) => ({
        unit: slab.run.unit,
        units: slab.run.units,
        blockSizeBytes: slab.blockSizeBytes,
        blocks: slab.blocks,
        used: slab.used,
      })),
    }));
  }

  trim(): number {
    const before = this.#superslab.bytes().purged;
    for (const partial of this.#partial) {
      if (partial.tail?.empty) {
        this.#drop(partial.tail);
      }
    }
    this.#superslab.purge();
    this.#discardExcess(true);
    return this.#superslab.bytes().purged - before;
  }

  destroy(): void {
    this.#discardExcess(true);
    for (const chunk of this.#superslab.chunks()) {
      for (const slab of this.#slabsOf(chunk)) {
        this.books.countLive(slab.sizeClass, slab.blockSizeBytes, -slab.used);
        this.#registry.remove(slab.unit);
      }
    }
    for (const [sizeClass] of this.#partial.entries()) {
      this.#partial[sizeClass] = new List<Slab>();
    }
    this.#superslab.releaseAll();
    this.#onDestroy(this.books);
  }

  /** Walks the whole heap; throws where an invariant of any of its structures is broken. */
  check(): void {
    this.#superslab.check();
    this.#registry.check();
    this.#large.check();
    const listed = new Set<Slab>();
    for (const [sizeClass, partial] of this.#partial.entries()) {
      partial.check();
      for (const slab of partial) {
        invariant(
          slab.sizeClass === sizeClass && !slab.full,
          'a partial list has slabs of its class with a free block',
        );
        invariant(!slab.empty || slab === partial.tail, 'an empty slab is at the tail of its list');
        listed.add(slab);
      }
    }
    this.#checkSlabs(listed);
  }

  #checkSlabs(listed: ReadonlySet<Slab>): void {
    let [slabs, partial, blocks, bytes] = [0, 0, 0, 0];
    for (const chunk of this.#superslab.chunks()) {
      let units = 0;
      for (const slab of this.#slabsOf(chunk)) {
        slab.check();
        invariant(listed.has(slab) === (!slab.full && !slab.huge), 'a slab is listed while it has a free block');
        invariant(slab.run.chunk === chunk, 'a slab is registered in its own chunk');
        slabs++;
        partial += listed.has(slab) ? 1 : 0;
        units += slab.run.units;
        blocks += slab.used;
        bytes += slab.used * slab.blockSizeBytes;
      }
      invariant(units === chunk.usedUnits, 'the used units of a chunk are those of its slabs');
    }
    invariant(partial === listed.size, 'every slab of a partial list is registered');
    invariant(slabs === this.#registry.stats().used, 'every registered slab is in a chunk');
    invariant(blocks === this.books.liveBlocks && bytes === this.books.liveBytes, 'live is what the slabs handed out');
    const rows = this.books.rows.reduce((sum, row) => sum + row.live, 0);
    invariant(rows === this.books.liveBlocks, 'live is the sum over the classes');
  }

  /** Takes blocks of one slab. @returns how many; 0 where a new slab was needed and memory is refused. */
  #take(sizeClass: number, blocks: Float64Array, from: number, to: number): number {
    if (sizeClass >= SLAB_CLASSES) {
      return this.#newHuge(sizeClass)?.take(blocks, from, to) ?? 0;
    }
    const partial = this.#partial[sizeClass];
    if (partial.head?.full) {
      // Still listed where a call in here found no room on the stack.
      partial.remove(partial.head);
    }
    const slab = partial.head ?? this.#newSlab(sizeClass);
    if (slab === null) {
      return 0;
    }
    const got = slab.take(blocks, from, to);
    if (slab.full) {
      partial.remove(slab);
    }
    return got;
  }

  #newSlab(sizeClass: number): Slab | null {
    const run = this.#superslab.allocRun(slabUnits(sizeClass));
    if (run === null) {
      return null;
    }
    const slab = new Slab(this.#nextSequence++, sizeClass, run);
    this.#registry.add(slab.unit, slab);
    this.#partial[sizeClass].pushFront(slab);
    return slab;
  }

  #newHuge(sizeClass: number): Slab | null {
    const units = Math.ceil(classSizeBytes(sizeClass) / UNIT_BYTES);
    const run = this.#superslab.openHuge(units, this.#large.take(units));
    if (run === null) {
      return null;
    }
    this.#large.countLive(units);
    const slab = new Slab(this.#nextSequence++, sizeClass, run);
    this.#registry.add(slab.unit, slab);
    return slab;
  }

  /** Takes back a live block. */
  #release(slab: Slab, index: number): void {
    this.books.countLive(slab.sizeClass, slab.blockSizeBytes, -1);
    const wasFull = slab.full;
    slab.release(index);
    if (slab.huge) {
      this.#closeHuge(slab);
      return;
    }
    const partial = this.#partial[slab.sizeClass];
    if (wasFull) {
      partial.pushFront(slab);
    }
    if (slab.empty && partial.head !== partial.tail) {
      this.#drop(slab);
    }
  }

  /** Takes an empty slab out of its list and gives its units back. */
  #drop(slab: Slab): void {
    this.#partial[slab.sizeClass].remove(slab);
    this.#registry.remove(slab.unit);
    this.#superslab.freeRun(slab.run);
  }

  #closeHuge({ unit, run }: Slab): void {
    this.#registry.remove(unit);
    this.#superslab.closeHuge(run);
    this.#large.countLive(-run.units);
    if (!this.#large.put(run.chunk)) {
      this.#superslab.discard(run.chunk);
    }
    this.#discardExcess(false);
  }

  #discardExcess(all: boolean): void {
    for (let chunk = this.#large.excess(all); chunk !== null; chunk = this.#large.excess(all)) {
      this.#superslab.discard(chunk);
    }
  }

  #countOperation(): void {
    if (++this.#operations >= options.tickOperations) {
      this.#tick();
    }
  }

  #tick(): void {
    this.#operations = 0;
    for (const { tail } of this.#partial) {
      if (tail?.empty && tail.idle) {
        this.#drop(tail);
      } else if (tail?.empty) {
        tail.idle = true;
      }
    }
    this.#superslab.tick();
    this.#large.tick();
    this.#discardExcess(false);
  }

  #slabOf(block: number): Slab {
    const slab = this.#registry.get(unitOf(block));
    if (slab === undefined) {
      throw new HakmemError('ERR_HAKMEM_NOT_OWNED', `${block} names no block of this heap`);
    }
    return slab;
  }

  /** In order of their units. */
  *#slabsOf(chunk: Chunk): Generator<Slab> {
    const units = chunk.huge ? 1 : chunk.units;
    for (let unit = 0; unit < units; ) {
      const slab = this.#registry.peek(chunk.firstUnit + unit);
      if (slab !== undefined) {
        yield slab;
      }
      unit += slab?.run.units ?? 1;
    }
  }
}
