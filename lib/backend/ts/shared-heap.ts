/**
 * The heap of a pool made with `shared: true`: a heap as any other, in memory that threads can share.
 *
 *     refill, flush      TsHeap: the same placement and numbers as without sharing
 *     memory             SharedArrayBuffers, which stay with their slab
 *     share, adopt       Lending for its own blocks, Holding for those of others
 *
 * The end of a thread at any moment leaves nothing half-done that others rely on: each step that others see is one atomic
 * operation. Memory lives as long as anybody sees it, whoever made it.
 *
 * Threads: the one that made it.
 */
import { HakmemError } from '../../errors';
import type { BlockPlace, ChunkPicture, Heap, HeapStats, SharedToken, Token } from '../contract';
import { indexOf } from './block-number';
import { type BlockWord, FLIGHT, RECALLED } from './block-word';
import type { SharedBooks } from './shared-books';
import { sharedSlabOf } from './shared-slab';
import { readTicket, type Ticket } from './ticket';

export class SharedHeap implements Heap {
  readonly shareable = true;
  readonly keepsPlaces = false;
  readonly #books: SharedBooks;
  /** The heap's own blocks of a batch in which there are others too. */
  #own = new Float64Array(64);

  constructor(books: SharedBooks) {
    this.#books = books;
  }

  refill(sizeClass: number, count: number, blocks: Float64Array): number {
    this.#books.lending.collect();
    return this.#books.heap.refill(sizeClass, count, blocks);
  }

  flush(blocks: Float64Array, count: number): number {
    const { heap, holding } = this.#books;
    const own = this.#ownOf(blocks, count);
    const accepted = heap.flush(this.#own, own);
    return own === count ? accepted : accepted + holding.give(blocks, count);
  }

  /** The memory outlives the blocks in it. */
  clearFresh(): boolean {
    return false;
  }

  /** Other threads look at the memory where it is. */
  move(): boolean {
    return false;
  }

  memory(block: number, whole: boolean): ArrayBuffer {
    const { heap, holding } = this.#books;
    const slab = heap.slabAt(block);
    const memory = slab === undefined ? holding.memory(block, whole) : sharedSlabOf(slab).memory(indexOf(block), whole);
    if (memory === null) {
      throw new HakmemError('ERR_HAKMEM_OUT_OF_MEMORY', 'a SharedArrayBuffer was refused');
    }
    // Views take either, and nothing else of the front end looks into it.
    return memory as ArrayBufferLike as ArrayBuffer;
  }

  share(block: number, lengthBytes: number, memory: ArrayBuffer | null, token?: Token): SharedToken {
    const { lending, holding } = this.#books;
    const again = token === undefined ? null : ticketOf(token);
    return holding.has(block)
      ? holding.handOn(block, lengthBytes, again)
      : lending.lend(block, lengthBytes, memory as ArrayBufferLike | null as SharedArrayBuffer | null, again);
  }

  adopt(token: Token, roomBytes: number, parcel: Float64Array): boolean {
    const ticket = ticketOf(token);
    const word = ticket.state.read(ticket.index);
    if (!isGood(word, ticket)) {
      throw refusalOf(word, ticket);
    }
    const { blockSizeBytes } = ticket.state;
    parcel.set([-1, ticket.lengthBytes, blockSizeBytes]);
    if (blockSizeBytes > roomBytes) {
      return false;
    }
    const block = this.#take(ticket, word);
    if (block === null) {
      throw refusalOf(ticket.state.read(ticket.index), ticket);
    }
    parcel[0] = block;
    return true;
  }

  place(block: number): BlockPlace {
    const foreign = this.#books.holding.slabOf(block);
    if (foreign === undefined) {
      return this.#books.heap.place(block);
    }
    // The number of the slab only its owner knows.
    const { blockSizeBytes, sizeBytes: slabSizeBytes } = foreign;
    return { slabSequence: -1, blockIndex: indexOf(block), blockSizeBytes, slabSizeBytes };
  }

  stats(): HeapStats {
    return this.#books.stats();
  }

  picture(): ChunkPicture[] {
    return this.#books.heap.picture();
  }

  trim(): number {
    return this.#books.trim();
  }

  destroy(): void {
    this.#books.end(true);
  }

  /** For tests: throws where an invariant is broken. */
  check(): void {
    this.#books.heap.check();
  }

  #take(ticket: Ticket, word: BlockWord): number | null {
    const { lending, holding } = this.#books;
    return lending.lends(ticket.state.id) ? lending.takeHome(ticket, word) : holding.adopt(ticket, word);
  }

  /** Gathers the heap's own blocks, but not what is lent. @returns how many. */
  #ownOf(blocks: Float64Array, count: number): number {
    const { lending, holding } = this.#books;
    if (this.#own.length < count) {
      this.#own = new Float64Array(blocks.length);
    }
    let own = 0;
    for (let at = 0; at < count; at++) {
      if (!lending.has(blocks[at]) && !holding.has(blocks[at])) {
        this.#own[own++] = blocks[at];
      }
    }
    return own;
  }
}

/** @throws HakmemError ERR_HAKMEM_NOT_OWNED where the token is no shared pool's of this backend. */
function ticketOf(token: Token): Ticket {
  const ticket = readTicket(token);
  if (ticket === null) {
    throw new HakmemError('ERR_HAKMEM_NOT_OWNED', 'This handle names no Buffer of a shared pool of the ts backend');
  }
  return ticket;
}

function isGood(word: BlockWord, { run }: Ticket): boolean {
  return word.phase === FLIGHT && word.run === run;
}

function refusalOf(word: BlockWord, { run }: Ticket): HakmemError {
  if (word.phase === RECALLED && word.run === run) {
    return new HakmemError(
      'ERR_HAKMEM_DESTROYED',
      'The pool that shared this Buffer was destroyed, which took the Buffer back',
    );
  }
  return new HakmemError('ERR_HAKMEM_MOVED', 'This handle was adopted before; a handle is good for one adopt');
}
