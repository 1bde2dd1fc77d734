/**
 * Closed huge chunks with their memory, by length and in the order of their coming: the part that the L2.5 pool and the
 * BigCache share.
 *
 *     byUnits   length -> chunk, chunk, newest        what is asked for again is the one whose memory is warmest
 *     order     newest <-> ... <-> oldest             what is evicted is the oldest
 *
 * Invariants: every chunk is once in each; no length has an empty stack.
 * Threads: the owner of the heap.
 */
import { invariant } from './assert';
import type { Chunk } from './chunk';
import { List } from './list';

export class ChunkCache {
  readonly #byUnits = new Map<number, Chunk[]>();
  readonly #order = new List<Chunk>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(chunk: Chunk): void {
    const stack = this.#byUnits.get(chunk.units);
    if (stack === undefined) {
      this.#byUnits.set(chunk.units, [chunk]);
    } else {
      stack.push(chunk);
    }
    this.#order.pushFront(chunk);
    this.#count++;
  }

  /** @returns the newest chunk of exactly that many units. */
  take(units: number): Chunk | null {
    const chunk = this.#byUnits.get(units)?.at(-1) ?? null;
    if (chunk !== null) {
      this.#remove(chunk);
    }
    return chunk;
  }

  /** @returns the oldest chunk, if it came before the tick `stamp`. */
  evict(stamp: number): Chunk | null {
    const chunk = this.#order.tail;
    if (chunk === null || chunk.stamp >= stamp) {
      return null;
    }
    this.#remove(chunk);
    return chunk;
  }

  check(): void {
    this.#order.check();
    const stacked = [...this.#byUnits.values()].reduce((sum, stack) => sum + stack.length, 0);
    invariant(stacked === this.#count && [...this.#order].length === this.#count, 'a cached chunk is in both orders');
    invariant(
      [...this.#byUnits.values()].every((stack) => stack.length > 0),
      'a length without cached chunks is forgotten',
    );
  }

  #remove(chunk: Chunk): void {
    const stack = this.#byUnits.get(chunk.units) ?? [];
    stack.splice(stack.indexOf(chunk), 1);
    if (stack.length === 0) {
      this.#byUnits.delete(chunk.units);
    }
    this.#order.remove(chunk);
    this.#count--;
  }
}
