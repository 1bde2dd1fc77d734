/**
 * The owner's part in sharing: which of its blocks are elsewhere, and how they come back.
 *
 *     lend --> in flight --adopt, in whatever thread--> held --free--> remote bitmap, post --collect--> home
 *                  '-------- adopted by the owner itself: home at once
 *
 * A block that is lent is live in its slab all the while. It comes home when somebody frees it; when the thread that holds it has
 * ended; and when the thread that handed it on has ended and nobody adopts it within a grace time.
 *
 * What other threads write is believed only where a block of that number is lent.
 *
 * Invariants: a block is in `#lent` exactly while it is elsewhere; a slab has a number in the post exactly while a block of it is.
 * Threads: the owner of the heap. The block words and remote bitmaps are everybody's.
 * Source: remote bitmaps from the C core (`remote`).
 */
import { HakmemError } from '../../errors';
import { options } from '../../options';
import type { HeapStats, SharedToken } from '../contract';
import { blockAt, indexOf } from './block-number';
import { type BlockWord, FLIGHT, HELD, HOME, nextRun, RECALLED } from './block-word';
import type { TsHeap } from './heap';
import { eachBit, Post } from './post';
import { type SharedSlab, sharedSlabOf } from './shared-slab';
import { makeState, type SlabState } from './slab-state';
import { countLive } from './stats';
import type { Threads } from './threads';
import { type Ticket, writeTicket } from './ticket';

/** A block that is elsewhere. */
interface Loan {
  readonly slab: SharedSlab;
  readonly state: SlabState;
  readonly index: number;
  /** Of the handle that the owner made; a later one in the block's word is another's. */
  readonly run: number;
  /** When it goes back if nobody has adopted it; Infinity while its sender lives. */
  deadline: number;
}

export class Lending {
  readonly #heap: TsHeap;
  readonly #threads: Threads;
  readonly #self: number;
  readonly #post = new Post();
  /** By block number. */
  readonly #lent = new Map<number, Loan>();
  /** By number in the post, and by the id of the state. */
  readonly #slabs: (SharedSlab | undefined)[] = [];
  readonly #vacant: number[] = [];
  readonly #byId = new Map<string, SharedSlab>();
  #endedSeen: number;
  #nextDeadline = Number.POSITIVE_INFINITY;

  /** @param self id of this thread. */
  constructor(heap: TsHeap, threads: Threads, self: number) {
    this.#heap = heap;
    this.#threads = threads;
    this.#self = self;
    this.#endedSeen = threads.ended;
  }

  has(block: number): boolean {
    return this.#lent.has(block);
  }

  /** Whether a block of the slab of that id is lent. */
  lends(id: string): boolean {
    return this.#byId.has(id);
  }

  /**
   * Sends off a block that is live and at home.
   * @param seen the memory that it is seen through, if there is any.
   * @param again the handle that it came home with, to be good once more.
   */
  lend(block: number, lengthBytes: number, seen: SharedArrayBuffer | null, again: Ticket | null): SharedToken {
    const slab = this.#heap.slabAt(block);
    const index = indexOf(block);
    if (!slab?.isLive(index) || this.#lent.has(block)) {
      throw new HakmemError('ERR_HAKMEM_NOT_OWNED', `${block} names no block that this heap has`);
    }
    const shared = sharedSlabOf(slab);
    shared.state ??= makeState(slab.sizeClass, this.#threads.identity);
    const { state } = shared;
    const memory = shared.seenThrough(index, seen);
    if (memory === null || !this.#open(shared, state)) {
      throw new HakmemError('ERR_HAKMEM_OUT_OF_MEMORY', 'There is no memory to share a Buffer');
    }
    const run = again?.run ?? nextRun(state.read(index).run);
    const token = writeTicket({ state, index, run, lengthBytes, memory, post: this.#post.memory });
    // Last: what throws before has sent nothing off, since nobody has the token.
    state.write(index, FLIGHT, run, this.#self);
    this.#lent.set(block, { slab: shared, state, index, run, deadline: Number.POSITIVE_INFINITY });
    shared.lent++;
    return token;
  }

  /** The owner adopts its own block. @returns its number, or null where somebody else was faster. */
  takeHome({ state, index }: Ticket, word: BlockWord): number | null {
    const shared = this.#byId.get(state.id);
    const block = blockAt(shared?.slab.unit ?? 0, index);
    const loan = this.#lent.get(block);
    if (loan === undefined || !loan.state.replace(index, word, HOME, this.#self)) {
      return null;
    }
    this.#strike(block, loan);
    return block;
  }

  /** Takes back what other threads have freed, and what threads had that have ended. */
  collect(): void {
    if (this.#lent.size === 0) {
      return;
    }
    this.#post.collect(this.#slabs.length, (number) => this.#collectSlab(this.#slabs[number]));
    if (this.#threads.ended !== this.#endedSeen || this.#isLate()) {
      this.#collectLost();
    }
  }

  /** Lent blocks are not the pool's, though the heap counts them as live. */
  correct(stats: HeapStats): void {
    for (const { state } of this.#lent.values()) {
      countLive(stats, state.sizeClass, -1);
    }
  }

  /** The heap ends. @param recall whether what is in flight still can be adopted by nobody. What others hold stays theirs. */
  end(recall: boolean): void {
    for (const { state, index, run } of this.#lent.values()) {
      const word = state.read(index);
      if (recall && word.phase === FLIGHT && word.run === run) {
        state.replace(index, word, RECALLED, this.#self);
      }
    }
    this.#lent.clear();
    this.#byId.clear();
    this.#slabs.length = 0;
  }

  #isLate(): boolean {
    return this.#nextDeadline !== Number.POSITIVE_INFINITY && performance.now() >= this.#nextDeadline;
  }

  /** Gives the slab a number in the post, unless it has one. @returns false where there is no room. */
  #open(shared: SharedSlab, state: SlabState): boolean {
    if (shared.lent > 0) {
      return true;
    }
    const number = this.#vacant.at(-1) ?? this.#slabs.length;
    if (!this.#post.open(number)) {
      return false;
    }
    this.#vacant.pop();
    this.#slabs[number] = shared;
    this.#byId.set(state.id, shared);
    shared.number = number;
    state.number = number;
    return true;
  }

  /** The block is at home. */
  #strike(block: number, { slab, state }: Loan): void {
    this.#lent.delete(block);
    slab.lent--;
    if (slab.lent === 0) {
      this.#byId.delete(state.id);
      this.#slabs[slab.number] = undefined;
      this.#vacant.push(slab.number);
    }
  }

  #collectSlab(shared: SharedSlab | undefined): void {
    const base = blockAt(shared?.slab.unit ?? 0);
    shared?.state?.collect((word, bits) => {
      eachBit(bits, (bit) => this.#freed(base + word * 32 + bit));
    });
  }

  #freed(block: number): void {
    const loan = this.#lent.get(block);
    if (loan === undefined) {
      return;
    }
    const { phase, run } = loan.state.read(loan.index);
    if (phase === HELD || phase === RECALLED) {
      loan.state.write(loan.index, phase === HELD ? HOME : RECALLED, run, this.#self);
      this.#comesHome(block, loan);
    }
  }

  #comesHome(block: number, loan: Loan): void {
    this.#strike(block, loan);
    this.#heap.collect(block);
  }

  /** Looks at every lent block: threads have ended since the last time, or a grace time has. */
  #collectLost(): void {
    this.#endedSeen = this.#threads.ended;
    this.#nextDeadline = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (const [block, loan] of this.#lent) {
      const word = loan.state.read(loan.index);
      if (this.#threads.lives(word.thread)) {
        loan.deadline = Number.POSITIVE_INFINITY;
      } else if (word.phase === HELD) {
        this.#retake(block, loan, word, HOME);
      } else if (word.phase === FLIGHT) {
        this.#recallLate(block, loan, word, now);
      }
    }
  }

  /** The handle may be waiting in a queue, so it is good for a while yet. */
  #recallLate(block: number, loan: Loan, word: BlockWord, now: number): void {
    if (loan.deadline === Number.POSITIVE_INFINITY) {
      loan.deadline = now + options.shareGraceMs;
    }
    if (now >= loan.deadline) {
      this.#retake(block, loan, word, RECALLED);
    } else {
      this.#nextDeadline = Math.min(this.#nextDeadline, loan.deadline);
    }
  }

  #retake(block: number, loan: Loan, word: BlockWord, phase: typeof HOME | typeof RECALLED): void {
    if (loan.state.replace(loan.index, word, phase, this.#self)) {
      // The thread may have ended between setting its bit and telling the post.
      loan.state.forget(loan.index);
      this.#comesHome(block, loan);
    }
  }
}
