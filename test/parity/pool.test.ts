/**
 * Pool tapes: the public pool over every backend, step by step, with real memory.
 */
import { expect, test } from 'vitest';
import { backends } from './backends';
import { playPoolTape } from './pool-replay';
import { playTapes, STEPS, TIMEOUT_MS } from './settings';

test('pool tapes: pools over every backend do the same', { timeout: TIMEOUT_MS }, () => {
  const all = backends();
  expect(all.map(({ name }) => name)).toContain('ts');
  playTapes('pool tapes', (seed) => playPoolTape(all, seed, STEPS));
});
