/**
 * What chunks are read from: something that fills Buffers, one at a time.
 *
 * Invariant: nobody calls `fill` or `close` while a `fill` is under way.
 */

/** A source of bytes for `PooledReadable`. */
export interface ChunkSource {
  /** The most bytes that are still to come: Infinity where that is unknown, 0 at the end. */
  readonly leftBytes: number;
  /**
   * Writes bytes to the beginning of a Buffer, which is the source's until the promise is settled.
   *
   * @param buffer 1 byte or more.
   * @param mostBytes 1 to `buffer.length`: no more than that.
   * @returns bytes written; 0 at the end.
   */
  fill(buffer: Buffer, mostBytes: number): Promise<number>;
  /** Ends it, at the end or before. Called again it does nothing. */
  close(): Promise<void>;
}
