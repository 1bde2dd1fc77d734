/**
 * The receiver's part in sharing: the blocks of other heaps that this one holds.
 *
 *     adopt --> held --give--> bits in the remote bitmap of the slab, a mark in its owner's post
 *                 '--hand on--> in flight again
 *
 * A slab of another heap gets a unit number of this thread's, as long as a block of it is held; so the front end sees no difference.
 * It is remembered a while longer, since blocks often go to and fro.
 *
 * Frees are sent in batches: the bits of one word of a bitmap at once.
 *
 * Invariants: a block word says HELD by this thread for every block in a slab's `held`; a slab is in `#idle` exactly while that is empty.
 * Threads: the one whose heap it is. The block words and remote bitmaps are everybody's.
 */
import { HakmemError } from '../../errors';
import { options } from '../../options';
import { SLAB_CLASSES } from '../../size-class';
import type { HeapStats, SharedToken } from '../contract';
import { blockAt, indexOf, unitOf } from './block-number';
import { type BlockWord, FLIGHT, HELD, nextRun, RECALLED } from './block-word';
import type { AddressSpace } from './os';
import { Post } from './post';
import type { SlabState } from './slab-state';
import { countLive } from './stats';
import { NOBODY, STRANGER, type Threads } from './threads';
import { type Ticket, writeTicket } from './ticket';

/** A slab of another heap. */
interface ForeignSlab {
  readonly unit: number;
  readonly state: SlabState;
  readonly post: Post;
  /** Whether blocks are seen through the memory of the whole slab: at 0 in `memories`, else there is one for each block by index. */
  readonly whole: boolean;
  readonly memories: Map<number, SharedArrayBuffer>;
  /** Runs of the blocks that are held, by index. */
  readonly held: Map<number, number>;
}

/** A block that was handed on, and perhaps not adopted yet. */
interface Sent {
  readonly slab: ForeignSlab;
  readonly index: number;
  readonly run: number;
}

/** Blocks handed on before the first look whether they have arrived. */
const SENT_START = 256;

export class Holding {
  /** Blocks given back to their owners. */
  remoteFrees = 0;
  readonly #addressSpace: AddressSpace;
  readonly #threads: Threads;
  readonly #self: number;
  readonly #byUnit = new Map<number, ForeignSlab>();
  readonly #byId = new Map<string, ForeignSlab>();
  /** Longest idle first. */
  readonly #idle = new Set<ForeignSlab>();
  #idleBytes = 0;
  #sent: Sent[] = [];
  #sentLimit = SENT_START;

  /** @param self id of this thread. */
  constructor(addressSpace: AddressSpace, threads: Threads, self: number) {
    this.#addressSpace = addressSpace;
    this.#threads = threads;
    this.#self = self;
  }

  get empty(): boolean {
    return this.#byUnit.size === 0;
  }

  has(block: number): boolean {
    return this.#find(block)?.held.has(indexOf(block)) ?? false;
  }

  /** @returns the slab of a block, held or idle. */
  slabOf(block: number): SlabState | undefined {
    return this.#find(block)?.state;
  }

  /** @param word as it was when the ticket was found good. @returns the block's number, or null where somebody else was faster. */
  adopt(ticket: Ticket, word: BlockWord): number | null {
    const slab = this.#byId.get(ticket.state.id) ?? this.#add(ticket);
    if (!slab.state.replace(ticket.index, word, HELD, this.#nameFor(slab.state))) {
      this.#rest(slab);
      return null;
    }
    this.#wake(slab);
    slab.held.set(ticket.index, word.run);
    slab.memories.set(slab.whole ? 0 : ticket.index, ticket.memory);
    return blockAt(slab.unit, ticket.index);
  }

  /** @param again the handle that it came with, to be good once more. */
  handOn(block: number, lengthBytes: number, again: Ticket | null): SharedToken {
    const slab = this.#find(block);
    const index = indexOf(block);
    const held = slab?.held.get(index);
    const memory = slab?.memories.get(slab.whole ? 0 : index);
    if (slab === undefined || held === undefined || memory === undefined) {
      throw new HakmemError('ERR_HAKMEM_NOT_OWNED', `${block} names no block that this heap has`);
    }
    const { state, post } = slab;
    const run = again?.run ?? nextRun(held);
    const token = writeTicket({ state, index, run, lengthBytes, memory, post: post.memory });
    this.#remember({ slab, index, run });
    // Last: what throws before has sent nothing off, since nobody has the token.
    state.write(index, FLIGHT, run, this.#nameFor(state));
    slab.held.delete(index);
    this.#rest(slab);
    return token;
  }

  memory(block: number, whole: boolean): SharedArrayBuffer {
    const memory = this.#find(block)?.memories.get(whole ? 0 : indexOf(block));
    if (memory === undefined) {
      throw new HakmemError('ERR_HAKMEM_NOT_OWNED', `${block} names no block of this heap`);
    }
    return memory;
  }

  /** Gives blocks back to their owners. @returns how many: those that are held. */
  give(blocks: Float64Array, count: number): number {
    let given = 0;
    let [slab, word, mask]: [ForeignSlab | undefined, number, number] = [undefined, 0, 0];
    for (let at = 0; at < count; at++) {
      const next = this.#find(blocks[at]);
      const index = indexOf(blocks[at]);
      if (!next?.held.delete(index)) {
        continue;
      }
      if (next !== slab || index >>> 5 !== word) {
        this.#send(slab, word, mask);
        [slab, word, mask] = [next, index >>> 5, 0];
      }
      mask |= 1 << (index & 31);
      given++;
    }
    this.#send(slab, word, mask);
    this.remoteFrees += given;
    return given;
  }

  /** Held blocks are the pool's, though the heap does not know them. */
  correct(stats: HeapStats, counts: (slab: SlabState) => boolean = () => true): void {
    for (const { state, held } of this.#byUnit.values()) {
      if (counts(state)) {
        countLive(stats, state.sizeClass, held.size);
      }
    }
  }

  /** Forgets the slabs of which nothing is held. */
  dropIdle(): void {
    for (const slab of this.#idle) {
      this.#drop(slab);
    }
  }

  /** The heap ends: what it holds goes back. @param recall whether what it has handed on goes back too, if nobody has adopted it. */
  end(recall: boolean): void {
    for (const slab of this.#byUnit.values()) {
      this.give(
        Float64Array.from(slab.held.keys(), (index) => blockAt(slab.unit, index)),
        slab.held.size,
      );
    }
    for (const sent of this.#sent) {
      this.#endSent(sent, recall);
    }
    this.#sent = [];
    this.dropIdle();
    this.#threads.tell();
  }

  #find(block: number): ForeignSlab | undefined {
    return this.#byUnit.get(unitOf(block));
  }

  /** What stands for this thread in the words of a slab: its owner can look up the ends of its own table's threads only. */
  #nameFor(state: SlabState): number {
    return state.threads === this.#threads.identity ? this.#self : STRANGER;
  }

  #add({ state, post, memory }: Ticket): ForeignSlab {
    const unit = this.#addressSpace.reserve(1, state.sizeBytes);
    if (unit === null) {
      throw new HakmemError('ERR_HAKMEM_OUT_OF_MEMORY', 'There is no memory for the slab of a shared Buffer');
    }
    const whole = memory.byteLength > state.blockSizeBytes;
    const slab = { unit, state, post: new Post(post), whole, memories: new Map(), held: new Map() };
    this.#byUnit.set(unit, slab);
    this.#byId.set(state.id, slab);
    return slab;
  }

  #send(slab: ForeignSlab | undefined, word: number, mask: number): void {
    if (slab !== undefined) {
      slab.state.give(word, mask);
      slab.post.mark(slab.state.number);
      this.#rest(slab);
    }
  }

  #wake(slab: ForeignSlab): void {
    if (this.#idle.delete(slab)) {
      this.#idleBytes -= slab.state.sizeBytes;
    }
  }

  /** The slab may have nothing held any more. */
  #rest(slab: ForeignSlab): void {
    if (slab.held.size > 0 || this.#idle.has(slab)) {
      return;
    }
    this.#idle.add(slab);
    this.#idleBytes += slab.state.sizeBytes;
    if (slab.state.sizeClass >= SLAB_CLASSES) {
      this.#drop(slab);
    }
    for (const oldest of this.#idle) {
      if (this.#idleBytes <= options.idleSlabBytes) {
        break;
      }
      this.#drop(oldest);
    }
  }

  #drop(slab: ForeignSlab): void {
    this.#wake(slab);
    this.#byUnit.delete(slab.unit);
    this.#byId.delete(slab.state.id);
  }

  /** Nobody says when a block has arrived, so those that have are dropped whenever there are twice as many. */
  #remember(sent: Sent): void {
    this.#sent.push(sent);
    if (this.#sent.length >= this.#sentLimit) {
      this.#sent = this.#sent.filter(isInFlight);
      this.#sentLimit = Math.max(SENT_START, 2 * this.#sent.length);
    }
  }

  #endSent(sent: Sent, recall: boolean): void {
    const { slab, index } = sent;
    const word = slab.state.read(index);
    if (!isInFlight(sent)) {
      return;
    }
    if (!recall) {
      slab.state.replace(index, word, FLIGHT, NOBODY);
    } else if (slab.state.replace(index, word, RECALLED, this.#nameFor(slab.state))) {
      this.#send(slab, index >>> 5, 1 << (index & 31));
    }
  }
}

function isInFlight({ slab, index, run }: Sent): boolean {
  const word = slab.state.read(index);
  return word.phase === FLIGHT && word.run === run;
}
