/**
 * Raw tapes: the heaps of every backend against the model, block by block, without the front end in between.
 */
import { expect, test } from 'vitest';
import { backends } from './backends';
import { playRawTape } from './raw-replay';
import { playTapes, STEPS, TIMEOUT_MS } from './settings';

test('raw tapes: every backend places blocks as the model does', { timeout: TIMEOUT_MS }, () => {
  const all = backends();
  expect(all.map(({ name }) => name)).toContain('ts');
  playTapes('raw tapes', (seed) => playRawTape(all, seed, STEPS));
});
