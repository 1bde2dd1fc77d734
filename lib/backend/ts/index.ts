/**
 * The TypeScript backend: the executable specification of the C core.
 *
 * It has the same modules by the same names, the same size classes and the same placement: for one thread and one trace of
 * operations it chooses the same slab and block index as the core for every block, and counts the same numbers. It is also
 * what runs where the core cannot.
 *
 *     heap  ->  superslab, slab, chunk  ->  bitmap, list, registry  ->  os, stats  ->  assert, bits
 *
 * Threads: all of it belongs to the JavaScript thread that loaded it.
 */
import type { Backend, Capabilities, Heap, HeapStats } from '../contract';
import { TsHeap } from './heap';
import { AddressSpace } from './os';
import { addHeapStats, emptyHeapStats } from './stats';

/** Every ArrayBuffer is a separate allocation of the engine, aligned as its allocator does. */
const CAPABILITIES: Capabilities = { maxAlignment: 16, share: false };

class TsBackend implements Backend {
  readonly name = 'ts';
  readonly capabilities = CAPABILITIES;
  readonly #addressSpace = new AddressSpace();
  readonly #heaps = new Set<TsHeap>();
  /** What destroyed heaps counted, so that no running total falls. */
  readonly #destroyed = emptyHeapStats();

  createHeap(): Heap {
    const heap = new TsHeap(this.#addressSpace, (destroyed) => this.#forget(destroyed));
    this.#heaps.add(heap);
    return heap;
  }

  stats(): HeapStats {
    const total = emptyHeapStats();
    addHeapStats(total, this.#destroyed);
    for (const heap of this.#heaps) {
      addHeapStats(total, heap.stats());
    }
    return total;
  }

  #forget(heap: TsHeap): void {
    if (this.#heaps.delete(heap)) {
      addHeapStats(this.#destroyed, heap.stats());
    }
  }
}

/** @returns a backend that needs nothing native. One for each JavaScript thread is enough; each has its own numbers. */
export function createTsBackend(): Backend {
  return new TsBackend();
}
