/**
 * The TypeScript backend: the executable specification of the C core.
 *
 * It has the same modules by the same names, the same size classes and the same placement: for one thread and one trace of
 * operations it chooses the same slab and block index as the core for every block, and counts the same numbers. It is also
 * what runs where the core cannot.
 *
 *     heap  ->  superslab, slab, chunk  ->  bitmap, list, registry  ->  os, stats  ->  assert, bits
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
import { AddressSpace } from './os';
import { SharedBooks } from './shared-books';
import { SharedHeap } from './shared-heap';
import type { SlabState } from './slab-state';
import { addHeapStats, emptyHeapStats } from './stats';
import { enterThreads } from './threads';

/** Every ArrayBuffer is a separate allocation of the engine, aligned as its allocator does. */
const CAPABILITIES: Capabilities = { maxAlignment: 16, share: false, sharedPools: true };

class TsBackend implements Backend {
  readonly name = 'ts';
  readonly capabilities = CAPABILITIES;
  readonly #addressSpace = new AddressSpace();
  /** Before workers are started, so that they can be seen to end. */
  readonly #threads = enterThreads();
  readonly #heaps = new Set<TsHeap>();
  readonly #shared = new Set<SharedBooks>();
  /** What destroyed heaps counted, so that no running total falls. */
  readonly #destroyed = emptyHeapStats();
  /** A shared heap that was dropped still holds blocks of others, and has numbers. */
  readonly #dropped = new FinalizationRegistry<SharedBooks>((books) => books.end(false));

  createHeap(shared: boolean): Heap {
    return shared ? this.#createShared() : this.#createOwn();
  }

  stats(): HeapStats {
    const total = emptyHeapStats();
    addHeapStats(total, this.#destroyed);
    for (const heap of this.#heaps) {
      addHeapStats(total, heap.stats());
    }
    const isHere = (slab: SlabState) => [...this.#shared].some(({ lending }) => lending.lends(slab.id));
    for (const books of this.#shared) {
      addHeapStats(total, books.threadStats(isHere));
    }
    return total;
  }

  #createOwn(): Heap {
    const heap = new TsHeap(this.#addressSpace, (destroyed) => this.#forget(destroyed));
    this.#heaps.add(heap);
    return heap;
  }

  #createShared(): Heap {
    const books = new SharedBooks(this.#addressSpace, this.#threads, threadId, (ended) => this.#forgetShared(ended));
    const heap = new SharedHeap(books);
    this.#shared.add(books);
    this.#dropped.register(heap, books);
    return heap;
  }

  #forget(heap: TsHeap): void {
    if (this.#heaps.delete(heap)) {
      addHeapStats(this.#destroyed, heap.stats());
    }
  }

  #forgetShared(books: SharedBooks): void {
    if (this.#shared.delete(books)) {
      addHeapStats(this.#destroyed, books.ownStats());
    }
  }
}

/** @returns a backend that needs nothing native. One for each JavaScript thread is enough; each has its own numbers. */
export function createTsBackend(): Backend {
  return new TsBackend();
}
