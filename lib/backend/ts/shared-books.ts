/**
 * A heap whose blocks can go to other threads: the heap itself, what it has lent, and what it holds of others.
 *
 * It is apart from the object that the front end has (`shared-heap.ts`), so that it can be ended when that was dropped without
 * `destroy`: the backend keeps the books, and nobody the heap.
 *
 * Threads: the one that made it.
 */
import type { HeapStats } from '../contract';
import { TsHeap } from './heap';
import { Holding } from './holding';
import { Lending } from './lending';
import type { AddressSpace } from './os';
import type { SlabState } from './slab-state';
import type { Threads } from './threads';

export class SharedBooks {
  readonly heap: TsHeap;
  readonly lending: Lending;
  readonly holding: Holding;
  readonly #onEnd: (books: SharedBooks) => void;
  #ended = false;

  /**
   * @param self id of this thread.
   * @param onEnd told once everything was given back.
   */
  constructor(addressSpace: AddressSpace, threads: Threads, self: number, onEnd: (books: SharedBooks) => void) {
    this.heap = new TsHeap(addressSpace, () => undefined);
    this.lending = new Lending(this.heap, threads, self);
    this.holding = new Holding(addressSpace, threads, self);
    this.#onEnd = onEnd;
  }

  /** The heap's own numbers, blocks that are elsewhere included. */
  ownStats(): HeapStats {
    this.lending.collect();
    const stats = this.heap.stats();
    stats.operations.remoteFrees = this.holding.remoteFrees;
    return stats;
  }

  /** What the pool has: not what it lent, but what it holds of others. */
  stats(): HeapStats {
    const stats = this.ownStats();
    this.lending.correct(stats);
    this.holding.correct(stats);
    return stats;
  }

  /** The part of a thread's numbers. @param isHere whether a slab's owner is a heap of this thread, which counts its blocks. */
  threadStats(isHere: (slab: SlabState) => boolean): HeapStats {
    const stats = this.ownStats();
    this.holding.correct(stats, (slab) => !isHere(slab));
    return stats;
  }

  trim(): number {
    this.lending.collect();
    this.holding.dropIdle();
    return this.heap.trim();
  }

  /** @param recall whether what is in flight goes too: the pool was destroyed, and not just dropped. */
  end(recall: boolean): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.holding.end(recall);
    this.lending.end(recall);
    this.heap.destroy();
    this.#onEnd(this);
  }
}
