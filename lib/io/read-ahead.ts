/**
 * Chunks of a source, each valid until the next is asked for, with two Buffers in turn:
 *
 *     consumer   | A       | B       | A       |
 *     source       fill B    fill A    fill B
 *
 * The second Buffer is filled ahead only after one that got full: what gives less than it was asked for has nothing more at the moment,
 * and a read of a pipe would hold everybody up who wants to leave. Where a pool has no second Buffer to give, one does.
 *
 * Invariants: each Buffer taken is in exactly one place: idle, current, or being filled; `release` gives all of them back, and none
 * before the source is through with it.
 * Threads: one.
 */
import { HakmemError } from '../errors';
import type { Lender } from './lender';
import type { ChunkSource } from './source';

interface Filled {
  readonly buffer: Buffer<ArrayBuffer>;
  readonly bytes: number;
}

export class ReadAhead {
  readonly #source: ChunkSource;
  readonly #lender: Lender;
  #idle: Buffer<ArrayBuffer>[] = [];
  #current: Buffer<ArrayBuffer> | null = null;
  #filling: Promise<Filled> | null = null;

  constructor(source: ChunkSource, lender: Lender) {
    this.#source = source;
    this.#lender = lender;
  }

  /**
   * @returns the next chunk, a view, so that nobody can free what is to be recycled; null at the end. The one before it is dead.
   * @throws what the source and the pool throw.
   */
  async next(): Promise<Buffer<ArrayBuffer> | null> {
    this.#recycle(this.#current);
    this.#current = null;
    this.#filling ??= this.#fill(this.#idle.pop() ?? this.#take());
    const { buffer, bytes } = await this.#filling;
    this.#filling = null;
    if (bytes === 0) {
      this.#recycle(buffer);
      return null;
    }
    this.#current = buffer;
    if (bytes === this.#usable(buffer) && this.#source.leftBytes > 0) {
      this.#fillAhead();
    }
    return buffer.subarray(0, bytes);
  }

  /** @returns copies of what was read ahead and not asked for yet, null for the end: one at most. Nothing more is read. */
  async rest(): Promise<(Buffer | null)[]> {
    if (this.#filling === null) {
      return [];
    }
    const { buffer, bytes } = await this.#filling;
    return [bytes === 0 ? null : Buffer.from(buffer.subarray(0, bytes))];
  }

  /** Gives all Buffers back, when the source is through with them. The chunk that was asked for last is dead too. */
  async release(): Promise<void> {
    try {
      this.#recycle((await this.#filling)?.buffer ?? null);
    } catch {
      // Then the Buffer is idle already, and who asks for no more chunks has no use for the error.
    }
    this.#filling = null;
    this.#recycle(this.#current);
    this.#current = null;
    for (const buffer of this.#idle.splice(0)) {
      this.#lender.giveBack(buffer);
    }
  }

  #fillAhead(): void {
    const buffer = this.#idle.pop() ?? this.#takeIfAny();
    if (buffer !== null) {
      this.#filling = this.#fill(buffer);
      // The next step sees the error; it is no unhandled one until then.
      this.#filling.catch(() => undefined);
    }
  }

  async #fill(buffer: Buffer<ArrayBuffer>): Promise<Filled> {
    try {
      return { buffer, bytes: await this.#source.fill(buffer, this.#usable(buffer)) };
    } catch (error) {
      this.#recycle(buffer);
      throw error;
    }
  }

  #usable(buffer: Buffer): number {
    return Math.min(buffer.length, this.#lender.chunkBytes);
  }

  #take(): Buffer<ArrayBuffer> {
    return this.#lender.take(this.#source.leftBytes);
  }

  #takeIfAny(): Buffer<ArrayBuffer> | null {
    try {
      return this.#take();
    } catch (error) {
      if (error instanceof HakmemError) {
        return null;
      }
      throw error;
    }
  }

  #recycle(buffer: Buffer<ArrayBuffer> | null): void {
    if (buffer !== null) {
      this.#idle.push(buffer);
    }
  }
}
