/**
 * What is live while a tape is written: numbers in order of their allocation, and the bytes they stand for.
 * A tape frees from it in some order, and never lets it grow beyond its limit.
 */
import type { Random } from './random';

/** Newest first, oldest first, or any. */
export type FreeOrder = 'lifo' | 'fifo' | 'random';

export const FREE_ORDERS: readonly FreeOrder[] = ['lifo', 'fifo', 'random'];

interface Entry {
  readonly id: number;
  readonly sizeBytes: number;
}

export class LiveSet {
  /** From `#oldest` on; what is before it is gone. */
  readonly #entries: Entry[] = [];
  #oldest = 0;
  #bytes = 0;

  constructor(readonly limitBytes: number) {}

  get count(): number {
    return this.#entries.length - this.#oldest;
  }

  fits(sizeBytes: number): boolean {
    return this.#bytes + sizeBytes <= this.limitBytes;
  }

  add(id: number, sizeBytes: number): void {
    this.#entries.push({ id, sizeBytes });
    this.#bytes += sizeBytes;
  }

  /** Takes out the next one of the order; there is one. */
  take(random: Random, order: FreeOrder): Entry {
    const entry = this.#takeAny(random, order);
    this.#bytes -= entry.sizeBytes;
    return entry;
  }

  /** Any one of them; there is one. */
  peek(random: Random): Entry {
    return this.#entries[random.between(this.#oldest, this.#entries.length - 1)];
  }

  #takeAny(random: Random, order: FreeOrder): Entry {
    if (order === 'fifo') {
      return this.#entries[this.#oldest++];
    }
    const last = this.#entries.length - 1;
    const at = order === 'lifo' ? last : random.between(this.#oldest, last);
    const entry = this.#entries[at];
    this.#entries[at] = this.#entries[last];
    this.#entries.pop();
    return entry;
  }
}

/** How much a tape may hold at once: every magnitude up to the limit is equally likely. */
export function drawLimit(random: Random, limitBytes: number): number {
  return random.skewed(limitBytes / 64, limitBytes);
}
