/**
 * The placement of blocks in plain arrays and linear scans: slow, and short enough to be seen to be right.
 *
 * It is written from the words of the placement rules and shares no code with a backend, the class table included.
 * The raw tapes ask it where every block must be, and what every counter must say.
 *
 *     bins[r]       chunks whose longest run of free units is r; [0] is the front
 *     partial[c]    slabs of class c with a free block; [0] is the head, the one in use
 */
const UNIT = 65536;
const CLASSES = 60;
const CHUNK_UNITS = 32;

interface ModelChunk {
  sequence: number;
  /** For each unit: whether it is in no slab, and whether it is backed by memory. */
  free: boolean[];
  committed: boolean[];
  huge: boolean;
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
  #nextChunk = 0;
  #nextSlab = 0;
  #purged = 0;
  readonly #operations = { refills: 0, flushes: 0 };
  readonly #superslab = { grown: 0, shrunk: 0, misses: 0 };
  readonly #rows = Array.from({ length: CLASSES + 1 }, () => ({ refills: 0, flushes: 0 }));

  refill(sizeClass: number, count: number): ModelBlock[] {
    this.#operations.refills++;
    this.#rows[Math.min(sizeClass, CLASSES)].refills++;
    const blocks: ModelBlock[] = [];
    while (blocks.length < count) {
      const slab = this.#partial[sizeClass]?.[0] ?? this.#newSlab(sizeClass);
      const index = slab.taken.indexOf(0);
      slab.taken[index] = 1;
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
    const before = this.#committed();
    for (const partial of this.#partial) {
      for (const slab of partial.filter(({ used }) => used === 0)) {
        this.#dropSlab(slab);
      }
    }
    for (const chunk of this.#chunks.filter(isWhollyFree)) {
      this.#release(chunk);
    }
    for (const chunk of this.#chunks) {
      for (const [unit, free] of chunk.free.entries()) {
        if (free && chunk.committed[unit]) {
          chunk.committed[unit] = false;
          this.#purged += UNIT;
        }
      }
    }
    return before - this.#committed();
  }

  /** What both backends must count; see `comparable` in compare.ts. */
  stats() {
    const sum = <T>(elements: T[], of: (element: T) => number) => elements.reduce((total, one) => total + of(one), 0);
    const units = sum(this.#chunks, ({ free }) => free.length);
    return {
      bytes: {
        live: sum(this.#slabs, ({ used, blockSize }) => used * blockSize),
        committed: this.#committed(),
        reserved: units * UNIT,
        purged: this.#purged,
      },
      blocksLive: sum(this.#slabs, ({ used }) => used),
      operations: { ...this.#operations },
      classes: this.#rows.map((row, sizeClass) => ({
        size: sizeClass < CLASSES ? modelBlockSize(sizeClass) : 0,
        live: sum(
          this.#slabs.filter((slab) => Math.min(slab.sizeClass, CLASSES) === sizeClass),
          ({ used }) => used,
        ),
        ...row,
      })),
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
      this.#release(slab.chunk);
      return;
    }
    const partial = this.#partial[slab.sizeClass];
    if (wasFull) {
      partial.push(slab);
    }
    if (slab.used === 0 && partial.length > 1) {
      this.#dropSlab(slab);
    }
  }

  #newSlab(sizeClass: number): ModelSlab {
    const huge = sizeClass >= CLASSES;
    const units = modelSlabUnits(sizeClass);
    const chunk = huge ? this.#newChunk(units, true) : this.#chunkFor(units);
    const unit = huge ? 0 : runsOf(chunk).find((run) => run.length >= units)?.start;
    if (unit === undefined) {
      throw new Error('the model chose a chunk that has no such run');
    }
    chunk.free.fill(false, unit, unit + units);
    chunk.committed.fill(true, unit, unit + units);
    this.#rebin(chunk);
    const blockSize = modelBlockSize(sizeClass);
    const taken = new Uint8Array(huge ? 1 : Math.floor((units * UNIT) / blockSize));
    const slab = { sequence: this.#nextSlab++, sizeClass, blockSize, chunk, unit, units, taken, used: 0, gone: false };
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
    if (isWhollyFree(slab.chunk) && this.#chunks.filter(isWhollyFree).length > 1) {
      this.#release(slab.chunk);
    }
  }

  #chunkFor(units: number): ModelChunk {
    const bin = this.#bins.findIndex((chunks, longest) => longest >= units && chunks.length > 0);
    if (bin >= 0) {
      return this.#bins[bin][0];
    }
    this.#superslab.misses++;
    return this.#newChunk(CHUNK_UNITS, false);
  }

  #newChunk(units: number, huge: boolean): ModelChunk {
    const free = new Array<boolean>(units).fill(true);
    const chunk = { sequence: this.#nextChunk++, free, committed: new Array<boolean>(units).fill(false), huge };
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
