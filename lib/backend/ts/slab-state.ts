/**
 * What all threads know of a slab of which a block was ever lent: made at the first share, apart from the blocks' memory.
 *
 *     Int32    magic, class, blocks, number in the post, id, id, secret, threads
 *     Int32    remote bitmap      a set bit: that block came back; set by whoever freed it, taken a word at a time by the owner
 *     Int64    block words        see block-word.ts
 *
 * Any program that has a handle can write here. So the owner believes nothing of it without what it knows by itself (which blocks
 * it has lent), and the others check the header when they meet it: nonsense in here may lose blocks, but hurts no structure.
 *
 * Threads: any, by Atomics.
 */
import { randomInt } from 'node:crypto';
import { types } from 'node:util';
import { classSizeBytes, SLAB_CLASSES, slabBlocks, slabUnits, UNIT_BYTES } from '../../size-class';
import { WORD_BITS } from './bits';
import { type BlockWord, type Phase, packWord, unpackWord } from './block-word';

const MAGIC = 0x68616b31;
/** Words of the header. */
const CLASS = 1;
const NUMBER = 3;
const ID = 4;
const SECRET = 6;
const THREADS = 7;
const HEADER_WORDS = 8;
/** No class has larger numbers: its blocks would not fit in a number. */
const CLASS_LIMIT = 256;

export class SlabState {
  readonly memory: SharedArrayBuffer;
  readonly sizeClass: number;
  readonly blocks: number;
  /** Names the slab, in all threads. */
  readonly id: string;
  readonly #header: Int32Array;
  readonly #remote: Int32Array;
  readonly #words: BigInt64Array;

  /** @param memory of which `makeState` or `readState` has seen that it is as above. */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#header = new Int32Array(memory, 0, HEADER_WORDS);
    this.sizeClass = this.#header[CLASS];
    this.blocks = blocksOf(this.sizeClass);
    this.id = `${this.#header[ID]}:${this.#header[ID + 1]}`;
    this.#remote = new Int32Array(memory, HEADER_WORDS * 4, remoteWords(this.blocks));
    this.#words = new BigInt64Array(memory, wordsOffset(this.blocks), this.blocks);
  }

  get blockSizeBytes(): number {
    return classSizeBytes(this.sizeClass);
  }

  /** Bytes of the whole slab. */
  get sizeBytes(): number {
    return this.sizeClass < SLAB_CLASSES ? slabUnits(this.sizeClass) * UNIT_BYTES : this.blockSizeBytes;
  }

  /** Its number in the post of its owner, while a block is lent. */
  get number(): number {
    return Atomics.load(this.#header, NUMBER);
  }
  set number(number: number) {
    Atomics.store(this.#header, NUMBER, number);
  }

  /** What the seals of its handles are made with. */
  get secret(): number {
    return this.#header[SECRET];
  }

  /** Identity of the owner's table of threads. */
  get threads(): number {
    return this.#header[THREADS];
  }

  read(index: number): BlockWord {
    return unpackWord(Atomics.load(this.#words, index));
  }

  /** By whoever has the block. */
  write(index: number, phase: Phase, run: number, thread: number): void {
    Atomics.store(this.#words, index, packWord(phase, run, thread));
  }

  /** By anybody. @returns false, with nothing done, where the word is another by now. */
  replace(index: number, from: BlockWord, phase: Phase, thread: number): boolean {
    const expected = packWord(from.phase, from.run, from.thread);
    const next = packWord(phase, from.run, thread);
    return Atomics.compareExchange(this.#words, index, expected, next) === expected;
  }

  /** Frees the blocks of which `mask` has a bit set, counted from `word * 32`. */
  give(word: number, mask: number): void {
    Atomics.or(this.#remote, word, mask);
  }

  /** Takes what was freed. @param visit word and bits, which are not 0. */
  collect(visit: (word: number, bits: number) => void): void {
    for (let w = 0; w < this.#remote.length; w++) {
      const bits = Atomics.load(this.#remote, w) === 0 ? 0 : Atomics.exchange(this.#remote, w, 0);
      if (bits !== 0) {
        visit(w, bits);
      }
    }
  }

  /** Forgets that a block was freed by a thread that cannot have said so any more. */
  forget(index: number): void {
    Atomics.and(this.#remote, index >>> 5, ~(1 << (index & 31)));
  }
}

/**
 * @param threads identity of the owner's table.
 * @returns a new state, every block at home.
 */
export function makeState(sizeClass: number, threads: number): SlabState {
  const blocks = blocksOf(sizeClass);
  const memory = new SharedArrayBuffer(wordsOffset(blocks) + 8 * blocks);
  const random = () => randomInt(2 ** 32) | 0;
  new Int32Array(memory).set([MAGIC, sizeClass, blocks, 0, random(), random(), random(), threads]);
  return new SlabState(memory);
}

/** @returns the state that another thread made, or null where that memory is none. */
export function readState(memory: unknown): SlabState | null {
  if (!types.isSharedArrayBuffer(memory) || memory.byteLength < HEADER_WORDS * 4) {
    return null;
  }
  const [magic, sizeClass, blocks] = new Int32Array(memory, 0, HEADER_WORDS);
  if (magic !== MAGIC || sizeClass < 0 || sizeClass >= CLASS_LIMIT || blocks !== blocksOf(sizeClass)) {
    return null;
  }
  return memory.byteLength === wordsOffset(blocks) + 8 * blocks ? new SlabState(memory) : null;
}

function blocksOf(sizeClass: number): number {
  return sizeClass < SLAB_CLASSES ? slabBlocks(sizeClass) : 1;
}

function remoteWords(blocks: number): number {
  return Math.ceil(blocks / WORD_BITS);
}

/** Where the block words start: at a multiple of 8. */
function wordsOffset(blocks: number): number {
  return 4 * (HEADER_WORDS + 2 * Math.ceil(remoteWords(blocks) / 2));
}
