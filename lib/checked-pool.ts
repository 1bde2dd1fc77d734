/**
 * A pool that finds misuse: for tests and for the search for a fault, not for production.
 *
 *     block of the pool   held, counted and placed as in any pool; nobody sees its memory
 *     Buffer              the block's stamp on an ArrayBuffer of its own (checked-memory.ts), detached by `free`, `realloc` and `share`
 *
 * So a use after free reads nothing or throws, as does one of a slice; what was written beyond a Buffer cannot be another's; what frees
 * twice learns where it was freed before, and what is never freed is told at exit with the stack that allocated it (ledger.ts).
 * Everything else is the pool's: limits, statistics, errors and the places of blocks are those of the same program unchecked.
 *
 * Threads: as a pool's.
 */
import { checkSize } from './arguments';
import type { Backend } from './backend/contract';
import { currentBackend } from './backend/select';
import { ownBuffer, retire, soil } from './checked-memory';
import { filled } from './contents';
import { untransferable } from './errors';
import type { BufferHandle } from './handle';
import { allocationOf, Ledger } from './ledger';
import { options as settings } from './options';
import { Pool } from './pool';
import type { PoolOptions } from './pool-options';
import { Stamp, stampedView } from './stamp';

/** @returns a pool as the options and HAKMEM_CHECK say. @throws what `createPool` throws. */
export function poolOf(options: PoolOptions = {}, backend: Backend = currentBackend()): Pool {
  return isChecked(options) ? new CheckedPool(options, backend) : new Pool(options, backend);
}

/** Whether somebody asks for checks. */
export function isChecked(options: { checked?: boolean | undefined } | null): boolean {
  return options?.checked ?? settings.check;
}

export class CheckedPool extends Pool {
  readonly #backend: Backend;
  readonly #zero: boolean;
  readonly #ledger: Ledger;

  constructor(options: PoolOptions, backend: Backend) {
    super(options, backend);
    this.#backend = backend;
    this.#zero = options.zero ?? false;
    this.#ledger = new Ledger(this.name);
  }

  override allocUnsafe(size: number, alignment?: number): Buffer<ArrayBuffer> {
    return this.#inOwnMemory(super.allocUnsafe(size, alignment), alignment ?? 1, 0);
  }

  override alloc(size: number, fill?: string | Uint8Array | number, encoding?: BufferEncoding): Buffer<ArrayBuffer> {
    return filled(this, this.allocUnsafe(size), fill, encoding);
  }

  override realloc(buffer: Buffer, size: number): Buffer<ArrayBuffer> {
    this.#checkHeld(buffer);
    checkSize(size);
    const moved = ownBuffer(this.#backend, Math.floor(size), 1);
    const block = super.realloc(buffer, size);
    const kept = Math.min(buffer.length, moved.length);
    moved.set(buffer.subarray(0, kept));
    this.#end(buffer, 'given back by realloc');
    return this.#begin(moved, block, kept);
  }

  override free(buffer: Buffer): void {
    this.#checkHeld(buffer);
    super.free(buffer);
    this.#end(buffer, 'freed');
  }

  override share(buffer: Buffer): BufferHandle {
    this.#checkHeld(buffer);
    const block = stampedView(Stamp.magazineOf(buffer), Stamp.idOf(buffer), buffer.length);
    block.set(buffer);
    const handle = super.share(buffer);
    this.#end(buffer, 'shared');
    return handle;
  }

  override adopt(handle: BufferHandle): Buffer<ArrayBuffer> {
    const block = super.adopt(handle);
    return this.#inOwnMemory(block, 1, block.length);
  }

  override destroy(): void {
    super.destroy();
    this.#ledger.close();
  }

  /** @param written bytes of the block that have contents. */
  #inOwnMemory(block: Buffer, alignment: number, written: number): Buffer<ArrayBuffer> {
    try {
      const buffer = ownBuffer(this.#backend, block.length, alignment);
      buffer.set(block.subarray(0, written));
      return this.#begin(buffer, block, written);
    } catch (error) {
      super.free(block);
      throw error;
    }
  }

  /** @param written bytes that have contents; the others are undefined. @returns the Buffer, in the block's place. */
  #begin(buffer: Buffer<ArrayBuffer>, block: Buffer, written: number): Buffer<ArrayBuffer> {
    if (!this.#zero) {
      soil(buffer, written);
    }
    Stamp.pass(block, buffer);
    this.#ledger.begin(buffer);
    return buffer;
  }

  #end(buffer: Buffer, what: string): void {
    this.#ledger.end(buffer, what);
    retire(buffer);
  }

  /** @throws what `free` throws; TypeError ERR_INVALID_STATE where somebody took the memory away. */
  #checkHeld(buffer: Buffer): void {
    this.usableSize(buffer);
    if (buffer.length !== allocationOf(buffer)?.lengthBytes) {
      throw untransferable();
    }
  }
}
