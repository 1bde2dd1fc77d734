/**
 * The ArrayBuffers through which JavaScript sees slabs, kept and reused.
 *
 *     small class   | 0 | 1 | 2 | ... |      one ArrayBuffer over the slab; a view starts at index * block size
 *     large class   |       0       |        one ArrayBuffer over each block; a view starts at 0
 *
 * Making an ArrayBuffer is the dear part (an external one costs microseconds, one of the ts backend is zeroed by the engine), so a
 * table keeps every one of them by the number of its first block, also while the front end holds no block of it ("idle"): the
 * heap may hand the same memory out again, or it comes back from another thread (3 MiB to and fro: 600 us without, measured). The owner
 * of the table drops the idle ones when they come to too much. Huge blocks are kept so only where the heap gives the same numbers
 * again, and up to a quarter of what may be idle in all.
 *
 * Invariant: of a slab that is in the table, `held` is the number of its blocks that the front end has from the heap; callers hold
 * them, or a magazine does.
 * Threads: the one whose pool it is.
 */
import { markAsUntransferable } from 'node:worker_threads';
import { BLOCKS_PER_SLAB_LIMIT, type Heap } from './backend/contract';
import { untransferable } from './errors';
import { options } from './options';
import { classSizeBytes, SLAB_CLASSES, slabBlocks, slabUnits, UNIT_BYTES } from './size-class';

/** Blocks above this have an ArrayBuffer each, so that `buf.buffer` has no neighbours in it. */
export const SMALL_BYTES = 32 * 1024;

/**
 * What an ArrayBuffer of ours has in place of the methods that take its memory away: Node 22 and Bun run them on a marked one too, and
 * every Buffer of the slab would be left without bytes, those in the caches included. Not enumerable: nothing compares or prints them.
 */
const GUARDS: PropertyDescriptorMap = Object.fromEntries(
  Object.getOwnPropertyNames(ArrayBuffer.prototype)
    .filter((name) => name.startsWith('transfer'))
    .map((name) => [name, { value: refuseTransfer }]),
);

/**
 * Whether memory can be taken from a marked ArrayBuffer all the same: byte streams of Node 20 and 22 do not ask (`enqueue`, reads into a
 * Buffer of one's own). From Node 24 on the engine refuses.
 */
export const LOSES_MEMORY = process.versions.bun !== undefined || Number.parseInt(process.versions.node, 10) < 24;

/** @returns the ArrayBuffer, which throws when it is asked for its memory. */
export function guarded(arrayBuffer: ArrayBuffer): ArrayBuffer {
  return Object.defineProperties(arrayBuffer, GUARDS);
}

function refuseTransfer(): never {
  throw untransferable();
}

/** Where the heap has what one ArrayBuffer shows. */
export class FrontSlab {
  /** Blocks of it that the front end holds. */
  held = 0;

  /**
   * @param key number of the first block in it.
   * @param ordinal its place in the table.
   */
  constructor(
    readonly key: number,
    readonly ordinal: number,
  ) {}
}

/** What stands where a slab was. */
const VACANT = new FrontSlab(-1, -1);
const NO_MEMORY = new ArrayBuffer(0);

/** The ArrayBuffers of one size class of one heap. */
export class SlabTable {
  /** By ordinal; the ArrayBuffers apart from what is known of them, for the hot path needs nothing else. */
  readonly memories: ArrayBuffer[] = [];
  readonly slabs: FrontSlab[] = [];
  /** Bytes of one ArrayBuffer. */
  readonly slabSizeBytes: number;
  /** Bytes from one block to the next in the same ArrayBuffer; 0 where each block has its own. */
  readonly strideBytes: number;
  /** Blocks that one ArrayBuffer shows. */
  readonly blocks: number;
  /** ArrayBuffers of which no block is held. */
  idle = 0;
  /** Whether an ArrayBuffer goes with its last block. */
  readonly #fleeting: boolean;
  readonly #whole: boolean;
  readonly #heap: Heap;
  readonly #byKey = new Map<number, FrontSlab>();
  readonly #vacancies: number[] = [];

  constructor(heap: Heap, sizeClass: number) {
    const blockSizeBytes = classSizeBytes(sizeClass);
    this.#heap = heap;
    this.#whole = blockSizeBytes <= SMALL_BYTES;
    this.blocks = this.#whole ? slabBlocks(sizeClass) : 1;
    this.strideBytes = this.#whole ? blockSizeBytes : 0;
    this.slabSizeBytes = this.#whole ? slabUnits(sizeClass) * UNIT_BYTES : blockSizeBytes;
    this.#fleeting = sizeClass >= SLAB_CLASSES && !(heap.keepsPlaces && blockSizeBytes <= options.idleSlabBytes / 4);
  }

  /**
   * Takes a block that the heap has just handed out.
   * @returns its slab, which is made where the table has none.
   * @throws what the heap throws where there is no memory; then nothing is changed.
   */
  hold(block: number): FrontSlab {
    const key = this.#whole ? block - (block % BLOCKS_PER_SLAB_LIMIT) : block;
    const slab = this.#byKey.get(key) ?? this.#add(key);
    this.mend(slab);
    if (slab.held === 0) {
      this.idle--;
    }
    slab.held++;
    return slab;
  }

  /** Whether there is an ArrayBuffer for the block already; then the memory behind it is not fresh. */
  knows(block: number): boolean {
    return this.#whole || this.#byKey.has(block);
  }

  /** Lets go of a block that the heap has taken back. */
  release(slab: FrontSlab): void {
    slab.held--;
    if (slab.held > 0) {
      return;
    }
    this.idle++;
    if (this.#fleeting) {
      this.#drop(slab);
    }
  }

  /** A new ArrayBuffer for a slab if its own was detached by force. @throws what the heap throws where there is no memory. */
  mend(slab: FrontSlab): void {
    if (this.memories[slab.ordinal].byteLength === 0) {
      this.memories[slab.ordinal] = this.#memory(slab.key);
    }
  }

  /** Forgets the idle ones; their memory lives on as long as views of it do. */
  dropIdle(): void {
    if (this.idle === 0) {
      return;
    }
    for (const slab of this.#byKey.values()) {
      if (slab.held === 0) {
        this.#drop(slab);
      }
    }
  }

  #drop(slab: FrontSlab): void {
    this.#byKey.delete(slab.key);
    this.slabs[slab.ordinal] = VACANT;
    this.memories[slab.ordinal] = NO_MEMORY;
    this.#vacancies.push(slab.ordinal);
    this.idle--;
  }

  #add(key: number): FrontSlab {
    const memory = this.#memory(key);
    const slab = new FrontSlab(key, this.#vacancies.pop() ?? this.slabs.length);
    this.slabs[slab.ordinal] = slab;
    this.memories[slab.ordinal] = memory;
    this.#byKey.set(key, slab);
    this.idle++;
    return slab;
  }

  #memory(key: number): ArrayBuffer {
    const arrayBuffer = this.#heap.memory(key, this.#whole);
    // Detaching it would take the memory from every Buffer in the slab. Not every runtime can be told so.
    markAsUntransferable?.(arrayBuffer);
    return guarded(arrayBuffer);
  }
}
