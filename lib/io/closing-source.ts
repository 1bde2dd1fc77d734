/**
 * A source that may be closed at any time: it is at its end from then on, and closed really when the fill under way is over.
 *
 *     close()   during a fill   the fill ends, then the source is closed
 *               otherwise       it is closed at once, whoever still has chunks of it
 *
 * Invariant: the source sees no `fill` after `close`, and no `close` during a `fill`.
 * Threads: one.
 */
import type { ChunkSource } from './source';

export class ClosingSource implements ChunkSource {
  readonly #source: ChunkSource;
  /** Settled when no fill is under way. Never rejects. */
  #filling: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  constructor(source: ChunkSource) {
    this.#source = source;
  }

  get leftBytes(): number {
    return this.#closing === null ? this.#source.leftBytes : 0;
  }

  fill(buffer: Buffer, mostBytes: number): Promise<number> {
    // A turn later, so that this is under way already should the source itself close the stream.
    const filling = Promise.resolve().then(() => (this.#closing === null ? this.#source.fill(buffer, mostBytes) : 0));
    this.#filling = filling.catch(() => undefined);
    return filling;
  }

  close(): Promise<void> {
    this.#closing ??= this.#filling.then(() => this.#source.close());
    return this.#closing;
  }
}
