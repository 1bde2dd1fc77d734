/**
 * A Buffer that goes back by itself at the end of its scope:
 *
 *     using lease = pool.lease(65536);
 *     socket.read(lease.buffer);
 *
 * Disposing gives back what the lease still has: after a dispose, a `free` or a `realloc` of the Buffer, or the end of its pool, there
 * is nothing left to give and it does nothing, so the end of a scope never hides the error that ended it. Nor does it where the memory of
 * a checked pool's Buffer was transferred away, which `free` refuses: such a Buffer is told at exit as never freed.
 */
import { hasLostMemory } from './ledger';
import { Stamp } from './stamp';

/** What `lease()` returns. */
export interface Lease extends Disposable {
  /** Valid until the lease is disposed of. */
  readonly buffer: Buffer<ArrayBuffer>;
}

/** A lease on a Buffer of a pool. */
export class PoolLease implements Lease {
  readonly buffer: Buffer<ArrayBuffer>;
  readonly #pool: { free(buffer: Buffer): void };

  constructor(pool: { free(buffer: Buffer): void }, buffer: Buffer<ArrayBuffer>) {
    this.#pool = pool;
    this.buffer = buffer;
  }

  [Symbol.dispose](): void {
    if (Stamp.liveMagazineOf(this.buffer)?.pool === this.#pool && !hasLostMemory(this.buffer)) {
      this.#pool.free(this.buffer);
    }
  }
}
