/**
 * What chunks are read from: something that fills Buffers, one at a time.
 *
 * Invariant: nobody calls `fill` or `close` while a `fill` is under way.
 */
import { checkNumber, invalidArgType } from '../errors';
import { hasMethods } from './lender';

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

/** @throws TypeError ERR_INVALID_ARG_TYPE unless it is a source; RangeError ERR_OUT_OF_RANGE. */
export function checkSource(source: unknown): asserts source is ChunkSource {
  if (!hasMethods(source, ['fill', 'close'])) {
    throw invalidArgType('source', 'an object with the functions fill and close', source);
  }
  checkNumber((source as ChunkSource).leftBytes, 'source.leftBytes', 0, Number.POSITIVE_INFINITY);
}
