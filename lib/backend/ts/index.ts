/**
 * The TypeScript backend: the executable specification of the C core.
 *
 * It has the same modules by the same names, the same size classes and the same placement: for one thread and one trace of
 * operations it chooses the same slab and block index as the core for every block, and counts the same numbers. It is also
 * what runs where the core cannot.
 *
 *     heap  ->  heap-books  ->  superslab, slab, chunk  ->  bitmap, list, registry  ->  os, stats  ->  assert, bits, block-number
 *
 * What it has more is how blocks get to other threads, for pools made with `shared: true`; the core's part in that is `remote`,
 * `orphan` and the addon's hand-over:
 *
 *     shared-heap  ->  shared-books  ->  lending, holding  ->  ticket, shared-slab  ->  slab-state, post, threads
 *
 * Threads: all of it belongs to the JavaScript thread that loaded it, but for shared memory that says otherwise.
 */
import { threadId } from 'node:worker_threads';
import type { Backend, Capabilities, Heap, HeapStats } from '../contract';
import { TsHeap } from './heap';
import type { HeapBooks } from './heap-books';
import { AddressSpace } from './os';
import { SharedBooks } from './shared-books';
import { SharedHeap } from './shared-heap';
import type { SlabState } from './slab-state';
import { addHeapStats, addTotals, emptyHeapStats } from './stats';
import { enterThreads } from './threads';

/** Every ArrayBuffer is a separate allocation of the engine, aligned as its allocator does. */
const CAPABILITIES: Capabilities = { maxAlignment: 16, share: false };

class TsBackend implements Backend {
  readonly name = 'ts';
  readonly capabilities = CAPABILITIES;
  readonly #addressSpace = new AddressSpace();
  /** Before workers are started, so that they can be seen to end. */
  readonly #threads = enterThreads();
  /** The heaps are held weakly: one that is dropped without `destroy` is collected. Their books stay until they are closed. */
  readonly #own = new Map<HeapBooks, WeakRef<Heap>>();
  readonly #shared = new Map<SharedBooks, WeakRef<Heap>>();
  readonly #dropped = new FinalizationRegistry<HeapBooks | SharedBooks>((books) => this.#close(books));
  /** What heaps that are gone counted, so that no running total falls. */
  readonly #gone = emptyHeapStats();

  createHeap(shared: boolean): Heap {
    return shared ? this.#createShared() : this.#createOwn();
  }

  /** The engine aligns to 16 bytes, and no more is promised here. */
  bytesToAlignment(): number {
    return 0;
  }

  stats(): HeapStats {
    this.#closeDropped();
    const total = emptyHeapStats();
    addHeapStats(total, this.#gone);
    for (const books of this.#own.keys()) {
      addHeapStats(total, books.stats());
    }
    const shared = [...this.#shared.keys()];
    const isHere = (slab: SlabState) => shared.some(({ lending }) => lending.lends(slab.id));
    for (const books of shared) {
      addHeapStats(total, books.threadStats(isHere));
    }
    return total;
  }

  #createOwn(): Heap {
    const heap = new TsHeap(this.#addressSpace, (books) => this.#forget(books));
    this.#own.set(heap.books, new WeakRef(heap));
    this.#dropped.register(heap, heap.books);
    return heap;
  }

  #createShared(): Heap {
    const books = new SharedBooks(this.#addressSpace, this.#threads, threadId, (ended) => this.#forgetShared(ended));
    const heap = new SharedHeap(books);
    this.#shared.set(books, new WeakRef(heap));
    this.#dropped.register(heap, books);
    return heap;
  }

  /** The engine says when a heap was collected only later, between turns. */
  #closeDropped(): void {
    for (const [books, heap] of [...this.#own, ...this.#shared]) {
      if (heap.deref() === undefined) {
        this.#close(books);
      }
    }
  }

  /** The heap was dropped without `destroy`. A shared one still holds blocks of others. */
  #close(books: HeapBooks | SharedBooks): void {
    if (books instanceof SharedBooks) {
      books.end(false);
    } else {
      this.#forget(books);
    }
  }

  #forget(books: HeapBooks): void {
    if (this.#own.delete(books)) {
      addTotals(this.#gone, books.stats());
    }
  }

  #forgetShared(books: SharedBooks): void {
    if (this.#shared.delete(books)) {
      addTotals(this.#gone, books.ownStats());
    }
  }
}

/** @returns a backend that needs nothing native. One for each JavaScript thread is enough; each has its own numbers. */
export function createTsBackend(): Backend {
  return new TsBackend();
}
