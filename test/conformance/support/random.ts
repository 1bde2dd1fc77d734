/** The random numbers of a test: the seed is printed, HAKMEM_SEED=<seed> replays the same sequence. */
import { Random } from '../../parity/random';
import { SEED } from '../../parity/settings';

export function randomFor(test: string): Random {
  process.stdout.write(`${test}: HAKMEM_SEED=${SEED} replays this run\n`);
  return new Random(SEED);
}
