/**
 * The placement of blocks in plain arrays and linear scans: slow, and short enough to be seen to be right.
 *
 * It is written from the words of the placement rules and shares no code with a backend, the class table included.
 * The raw tapes ask it where every block must be, and what every counter must say.
 *
 *     bins[r]       chunks whose longest run of free units is r; [0] is the front
 *     partial[c]    slabs of class c with a free block; [0] is the head, the one in use
 *     cached        freed huge chunks with their memory; the last is the newest
 */
import { options } from '../../lib/options';

const UNIT = 65536;
const CLASSES = 60;
const CHUNK_UNITS = 32;
/** Up to this many units a cached chunk is the L2.5 pool's, beyond it the BigCache's. */
const L25_UNITS = 512;

interface ModelChunk {
  sequence: number;
  /** For each unit: whether it is in no slab, whether it is backed by memory, whether both were so at the last tick. */
  free: boolean[];
  committed: boolean[];
  idle: boolean[];
  huge: boolean;
  /** Tick at which it was cached. */
  stamp: number;
}

interface ModelSlab {
  sequence: number;
  sizeClass: number;
  blockSize: number;
  chunk: ModelChunk;
  unit: number;
  units: number;
  /** For each block: 1 where it is handed out. */
  taken: Uint8Array;
  used: number;
  gone: boolean;
  /** It was empty at the last tick. */
  idle: boolean;
}

export interface ModelBlock {
  readonly slab: Readonly<ModelSlab>;
  readonly index: number;
}

/** Bytes of a block of a class. */
export function modelBlockSize(sizeClass: number): number {
  if (sizeClass < 8) {
    return 16 * (sizeClass + 1);
  }
  const step = (sizeClass - 8) % 4;
  const doubling = Math.floor((sizeClass - 8) / 4);
  return (5 + step) * 2 ** (5 + doubling);
}

/** Units of a slab of a class: the fewest that waste an eighth at most; for a huge class what the block needs. */
export function modelSlabUnits(sizeClass: number): number {
  const size = modelBlockSize(sizeClass);
  if (sizeClass >= CLASSES) {
    return Math.ceil(size / UNIT);
  }
  let units = 1;
  while (units * UNIT < size || (units * UNIT) % size > (units * UNIT) / 8) {
    units++;
  }
  return units;
}

export class ModelHeap {
  #chunks: ModelChunk[] = [];
  readonly #bins: ModelChunk[][] = Array.from({ length: CHUNK_UNITS + 1 }, () => []);
  readonly #partial: ModelSlab[][] = Array.from({ length: CLASSES }, () => []);
  #slabs: ModelSlab[] = [];
  #cached: ModelChunk[] = [];
  #buckets = 0;
  #ticks = 0;
  #steps = 0;
  #nextChunk = 0;
  #nextSlab = 0;
  #purged = 0;
  readonly #operations = { refills: 0, flushes: 0 };
  readonly #superslab = { grown: 0, shrunk: 0, misses: 0 };
  readonly #l25 = { misses: 0 };
  readonly #bigcache = { grown: 0, shrunk: 0, misses: 0 };
  readonly #rows = Array.from({ length: CLASSES + 1 }, () => ({ refills: 0, flushes: 0 }));

  refill(sizeClass: number, count: number): ModelBlock[] {
    this.#step();
    this.#operations.refills++;
    this.#rows[Math.min(sizeClass, CLASSES)].refills++;
    const blocks: ModelBlock[] = [];
    while (blocks.length < count) {
      const slab = this.#partial[sizeClass]?.[0] ?? this.#newSlab(sizeClass);
      const index = slab.taken.indexOf(0);
      slab.taken[index] = 1;
      slab.idle = false;
      slab.used++;
      if (slab.used === slab.taken.length && sizeClass < CLASSES) {
        remove(this.#partial[sizeClass], slab);
      }
      blocks.push({ slab, index });
    }
    return blocks;
  }

  /** @returns how many were accepted. */
  flush(blocks: readonly ModelBlock[]): number {
    this.#step();
    this.#operations.flushes++;
    let lastRow = -1;
    let accepted = 0;
    for (const { slab, index } of blocks) {
      if (slab.gone || slab.taken[index] !== 1) {
        continue;
      }
      const row = Math.min(slab.sizeClass, CLASSES);
      if (row !== lastRow) {
        lastRow = row;
        this.#rows[row].flushes++;
      }
      this.#free(slab, index);
      accepted++;
    }
    return accepted;
  }

  trim(): number {
    const before = this.#purged;
    for (const partial of this.#partial) {
      for (const slab of partial.filter(({ used }) => used === 0)) {
        this.#dropSlab(slab);
      }
    }
    for (const chunk of [...this.#chunks]) {
      this.#giveBack(chunk);
    }
    while (this.#cached.length > 0) {
      const chunk = this.#cached.find(isBig) ?? this.#cached[0];
      remove(this.#cached, chunk);
      this.#shrinkBuckets(isBig(chunk));
      this.#discard(chunk);
    }
    return this.#purged - before;
  }

  /** What both backends must count; see `comparable` in compare.ts. */
  stats() {
    const sum = <T>(elements: T[], of: (element: T) => number) => elements.reduce((total, one) => total + of(one), 0);
    const units = sum(this.#chunks, ({ free }) => free.length);
    const cached = this.#cachedUnits() * UNIT;
    const huge = this.#cached.filter(isBig).length;
    return {
      bytes: {
        live: sum(this.#slabs, ({ used, blockSize }) => used * blockSize),
        cached,
        committed: this.#committed() + cached,
        reserved: units * UNIT + cached,
        purged: this.#purged,
      },
      blocks: { live: sum(this.#slabs, ({ used }) => used), cached: this.#cached.length },
      operations: { ...this.#operations },
      classes: this.#rows.map((row, sizeClass) => ({
        size: sizeClass < CLASSES ? modelBlockSize(sizeClass) : 0,
        live: sum(
          this.#slabs.filter((slab) => Math.min(slab.sizeClass, CLASSES) === sizeClass),
          ({ used }) => used,
        ),
        cached: sizeClass < CLASSES ? 0 : this.#cached.length,
        ...row,
      })),
      l25: { capacity: 1, used: this.#cached.length - huge, grown: 0, shrunk: 0, ...this.#l25 },
      bigcache: { capacity: this.#buckets, used: huge, ...this.#bigcache },
      superslab: { capacity: units, used: sum(this.#slabs, (slab) => slab.units), ...this.#superslab },
    };
  }

  picture() {
    return this.#chunks.map((chunk) => ({
      units: chunk.free.length,
      slabs: this.#slabs
        .filter((slab) => slab.chunk === chunk)
        .sort((a, b) => a.unit - b.unit)
        .map(({ unit, units, blockSize, taken, used }) => ({
          unit,
          units,
          blockSizeBytes: blockSize,
          blocks: taken.length,
          used,
        })),
    }));
  }

  #free(slab: ModelSlab, index: number): void {
    const wasFull = slab.used === slab.taken.length;
    slab.taken[index] = 0;
    slab.used--;
    if (slab.chunk.huge) {
      slab.gone = true;
      remove(this.#slabs, slab);
      remove(this.#chunks, slab.chunk);
      this.#cache(slab.chunk);
      return;
    }
    const partial = this.#partial[slab.sizeClass];
    if (wasFull) {
      partial.unshift(slab);
    }
    if (slab.used === 0 && partial.length > 1) {
      this.#dropSlab(slab);
    }
  }

  #newSlab(sizeClass: number): ModelSlab {
    const huge = sizeClass >= CLASSES;
    const units = modelSlabUnits(sizeClass);
    const chunk = huge ? this.#hugeChunk(units) : this.#chunkFor(units);
    const unit = huge ? 0 : runsOf(chunk).find((run) => run.length >= units)?.start;
    if (unit === undefined) {
      throw new Error('the model chose a chunk that has no such run');
    }
    chunk.free.fill(false, unit, unit + units);
    chunk.committed.fill(true, unit, unit + units);
    chunk.idle.fill(false, unit, unit + units);
    this.#rebin(chunk);
    const blockSize = modelBlockSize(sizeClass);
    const taken = new Uint8Array(huge ? 1 : Math.floor((units * UNIT) / blockSize));
    const state = { taken, used: 0, gone: false, idle: false };
    const slab = { sequence: this.#nextSlab++, sizeClass, blockSize, chunk, unit, units, ...state };
    this.#slabs.push(slab);
    this.#partial[sizeClass]?.unshift(slab);
    return slab;
  }

  #dropSlab(slab: ModelSlab): void {
    slab.gone = true;
    remove(this.#partial[slab.sizeClass], slab);
    remove(this.#slabs, slab);
    slab.chunk.free.fill(true, slab.unit, slab.unit + slab.units);
    this.#rebin(slab.chunk);
    this.#dropDirty();
  }

  /** Counts a refill or a flush; a tick comes before the one that makes the number full. */
  #step(): void {
    this.#steps++;
    if (this.#steps >= options.tickOperations) {
      this.#steps = 0;
      this.#tick();
    }
  }

  #tick(): void {
    for (const partial of this.#partial) {
      const slab = partial.at(-1);
      if (slab?.used === 0 && slab.idle) {
        this.#dropSlab(slab);
      } else if (slab?.used === 0) {
        slab.idle = true;
      }
    }
    this.#tickChunks();
    this.#ticks++;
    this.#evict();
  }

  #tickChunks(): void {
    for (const chunk of [...this.#chunks]) {
      if (isWhollyFree(chunk) && chunk.committed.every((committed, unit) => !committed || chunk.idle[unit])) {
        this.#release(chunk);
        continue;
      }
      this.#purge(chunk, chunk.idle);
      chunk.idle = chunk.free.map((free, unit) => free && chunk.committed[unit]);
    }
  }

  #dirty(): number {
    return this.#committed() / UNIT - this.#usedUnits();
  }

  #usedUnits(): number {
    return this.#slabs.reduce((sum, { units }) => sum + units, 0);
  }

  #dropDirty(): void {
    const most = Math.max(this.#usedUnits(), Math.floor(options.dirtyBytes / UNIT));
    if (this.#dirty() <= most) {
      return;
    }
    for (const chunk of [...this.#chunks].reverse()) {
      if (this.#dirty() > Math.floor(most / 4) * 3) {
        this.#giveBack(chunk);
      }
    }
  }

  #giveBack(chunk: ModelChunk): void {
    if (isWhollyFree(chunk)) {
      this.#release(chunk);
    } else {
      this.#purge(chunk, chunk.free);
    }
  }

  #purge(chunk: ModelChunk, which: readonly boolean[]): void {
    for (const [unit, yes] of which.entries()) {
      if (yes && chunk.committed[unit]) {
        chunk.committed[unit] = false;
        this.#purged += UNIT;
      }
    }
  }

  // Large blocks: what is freed is cached, within a budget and for an age.

  #hugeChunk(units: number): ModelChunk {
    const chunk = this.#cached.filter(({ free }) => free.length === units).at(-1);
    if (chunk === undefined) {
      (units > L25_UNITS ? this.#bigcache : this.#l25).misses++;
      return this.#newChunk(units, true);
    }
    remove(this.#cached, chunk);
    this.#shrinkBuckets(isBig(chunk));
    chunk.sequence = this.#nextChunk++;
    chunk.free.fill(true);
    this.#chunks.push(chunk);
    return chunk;
  }

  #cache(chunk: ModelChunk): void {
    if (chunk.free.length > this.#budget()) {
      this.#discard(chunk);
    } else {
      if (isBig(chunk) && this.#cached.filter(isBig).length >= this.#buckets) {
        this.#buckets = Math.max(8, 2 * this.#buckets);
        this.#bigcache.grown++;
      }
      chunk.stamp = this.#ticks;
      this.#cached.push(chunk);
    }
    this.#evict();
  }

  #evict(): void {
    for (;;) {
      const over = this.#cachedUnits() > this.#budget();
      const goes = ({ stamp }: ModelChunk) => over || stamp < this.#ticks - options.largeCacheTicks;
      const oldestBig = this.#cached.find(isBig);
      const oldestOther = this.#cached.find((chunk) => !isBig(chunk));
      const chunk = [oldestBig, oldestOther].find((oldest) => oldest !== undefined && goes(oldest));
      if (chunk === undefined) {
        return;
      }
      remove(this.#cached, chunk);
      this.#shrinkBuckets(isBig(chunk));
      this.#discard(chunk);
    }
  }

  /** After a chunk was removed. */
  #shrinkBuckets(wasBig: boolean): void {
    if (wasBig && this.#buckets > 8 && this.#cached.filter(isBig).length * 8 <= this.#buckets) {
      this.#buckets /= 2;
      this.#bigcache.shrunk++;
    }
  }

  #discard(chunk: ModelChunk): void {
    this.#superslab.shrunk++;
    this.#purged += chunk.free.length * UNIT;
  }

  #cachedUnits(): number {
    return this.#cached.reduce((sum, { free }) => sum + free.length, 0);
  }

  #budget(): number {
    const live = this.#chunks.reduce((sum, chunk) => sum + (chunk.huge ? chunk.free.length : 0), 0);
    return Math.max(live, Math.floor(options.largeCacheBytes / UNIT));
  }

  #chunkFor(units: number): ModelChunk {
    const bin = this.#bins.findIndex((chunks, longest) => longest >= units && chunks.length > 0);
    if (bin >= 0) {
      return this.#bins[bin][0];
    }
    this.#superslab.misses++;
    const sliced = this.#chunks.reduce((sum, chunk) => sum + (chunk.huge ? 0 : chunk.free.length), 0);
    let length = CHUNK_UNITS;
    while (2 * length <= Math.floor(sliced / 4) && 2 * length <= options.chunkBytesMax / UNIT) {
      length *= 2;
    }
    return this.#newChunk(length, false);
  }

  #newChunk(units: number, huge: boolean): ModelChunk {
    const free = new Array<boolean>(units).fill(true);
    const never = () => new Array<boolean>(units).fill(false);
    const chunk = { sequence: this.#nextChunk++, free, committed: never(), idle: never(), huge, stamp: 0 };
    this.#superslab.grown++;
    this.#chunks.push(chunk);
    this.#rebin(chunk);
    return chunk;
  }

  #release(chunk: ModelChunk): void {
    this.#superslab.shrunk++;
    this.#purged += committedOf(chunk);
    remove(this.#chunks, chunk);
    for (const bin of this.#bins) {
      remove(bin, chunk);
    }
  }

  /** To the front of the bin of its longest run; it stays where it is if that is the bin it is in. */
  #rebin(chunk: ModelChunk): void {
    const longest = Math.max(0, ...runsOf(chunk).map(({ length }) => length));
    const bin = chunk.huge ? 0 : Math.min(longest, CHUNK_UNITS);
    const current = this.#bins.findIndex((chunks) => chunks.includes(chunk));
    if (current === bin) {
      return;
    }
    for (const chunks of this.#bins) {
      remove(chunks, chunk);
    }
    if (bin > 0) {
      this.#bins[bin].unshift(chunk);
    }
  }

  #committed(): number {
    return this.#chunks.reduce((sum, chunk) => sum + committedOf(chunk), 0);
  }
}

/** The runs of free units of a chunk, lowest first. */
function runsOf(chunk: ModelChunk): { start: number; length: number }[] {
  const runs: { start: number; length: number }[] = [];
  for (const [unit, free] of chunk.free.entries()) {
    const last = runs.at(-1);
    if (free && last !== undefined && last.start + last.length === unit) {
      last.length++;
    } else if (free) {
      runs.push({ start: unit, length: 1 });
    }
  }
  return runs;
}

function isBig(chunk: ModelChunk): boolean {
  return chunk.free.length > L25_UNITS;
}

function isWhollyFree(chunk: ModelChunk): boolean {
  return chunk.free.every((free) => free);
}

function committedOf(chunk: ModelChunk): number {
  return chunk.committed.filter((committed) => committed).length * UNIT;
}

/** Takes an element out of an array that may have it. */
function remove<T>(elements: T[], element: T): void {
  const at = elements.indexOf(element);
  if (at >= 0) {
    elements.splice(at, 1);
  }
}
