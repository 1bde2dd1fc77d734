/**
 * How many tapes are played, and from which seed.
 *
 * HAKMEM_SEED     seed of the first tape; tape i has seed + i. Random by default, and printed.
 * HAKMEM_TAPES    tapes of each kind, 1000 by default.
 * HAKMEM_STEPS    steps of a tape, 1000 by default.
 */
import { randomInt } from 'node:crypto';

export const SEED = fromEnvironment('HAKMEM_SEED', randomInt(2 ** 31));
export const TAPES = fromEnvironment('HAKMEM_TAPES', 1000);
export const STEPS = fromEnvironment('HAKMEM_STEPS', 1000);

/** For the test that plays all tapes of a kind. */
export const TIMEOUT_MS = 600_000;

/** Plays every tape; a failure says how to play that tape alone. */
export function playTapes(kind: string, play: (seed: number) => void): void {
  console.log(`${kind}: HAKMEM_SEED=${SEED} HAKMEM_TAPES=${TAPES} HAKMEM_STEPS=${STEPS}`);
  for (let seed = SEED; seed < SEED + TAPES; seed++) {
    try {
      play(seed);
    } catch (error) {
      const replay = `HAKMEM_SEED=${seed} HAKMEM_TAPES=1 HAKMEM_STEPS=${STEPS}`;
      throw new Error(`${kind}, replay with ${replay}: ${String(error)}`, { cause: error });
    }
  }
}

/** Tells which step of a tape failed. */
export function playSteps<T>(tape: readonly T[], play: (step: T, at: number) => void): void {
  for (const [at, step] of tape.entries()) {
    try {
      play(step, at);
    } catch (error) {
      throw new Error(`step ${at} ${JSON.stringify(step).slice(0, 200)}: ${String(error)}`, { cause: error });
    }
  }
}

function fromEnvironment(name: string, otherwise: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') {
    return otherwise;
  }
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new Error(`${name} must be a whole number, not '${text}'`);
  }
  return value;
}
