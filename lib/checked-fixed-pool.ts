/**
 * A fixed pool that finds misuse: it recycles nothing, so that a released Buffer can lose its memory (checked-pool.ts).
 *
 * Threads: as a fixed pool's.
 */
import type { Backend } from './backend/contract';
import { currentBackend } from './backend/select';
import { isChecked } from './checked-pool';
import { FixedPool, type FixedPoolOptions, freeIdle } from './fixed-pool';
import { checkMemory } from './ledger';

/** @returns a fixed pool as the options and HAKMEM_CHECK say. @throws what `createFixedPool` throws. */
export function fixedPoolOf(options: FixedPoolOptions, backend: Backend = currentBackend()): FixedPool {
  return isChecked(options) ? new CheckedFixedPool(options, backend) : new FixedPool(options, backend);
}

class CheckedFixedPool extends FixedPool {
  override release(buffer: Buffer): void {
    checkMemory(buffer);
    super.release(buffer);
    freeIdle(this);
  }
}
