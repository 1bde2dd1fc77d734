/**
 * What is known of a block that is or was lent: one word of 64 bits, so that it changes as a whole whenever a thread dies.
 *
 *     | thread, 32 bits | run, 30 bits | phase, 2 bits |
 *
 *     home --share--> flight --adopt--> held --free--> home          run counts the handles of the block, so that an old
 *       ^               ^  |             |                           one is told from the one that is good now
 *       |               |  '-- recall    '- share: flight, the next run
 *       '--- recalled <-+----'
 *
 *     home      the owner's; nobody else writes it
 *     flight    of whoever adopts it first, by compare and exchange; `thread` has sent it
 *     held      by a heap of `thread`
 *     recalled  as home, but the last handle was called back, not adopted
 *
 * Pure functions.
 */

export const HOME = 0;
export const FLIGHT = 1;
export const HELD = 2;
export const RECALLED = 3;

export type Phase = typeof HOME | typeof FLIGHT | typeof HELD | typeof RECALLED;

/** Runs go round; a handle that old is good for nothing else. */
const RUN_MASK = 2 ** 30 - 1;

export interface BlockWord {
  readonly phase: Phase;
  readonly run: number;
  /** A thread's id, STRANGER or NOBODY. */
  readonly thread: number;
}

export function packWord(phase: Phase, run: number, thread: number): bigint {
  return (BigInt(thread) << 32n) | BigInt(((run << 2) | phase) >>> 0);
}

export function unpackWord(word: bigint): BlockWord {
  const low = Number(BigInt.asUintN(32, word));
  return { phase: (low & 3) as Phase, run: low >>> 2, thread: Number(word >> 32n) };
}

export function nextRun(run: number): number {
  return (run + 1) & RUN_MASK;
}
