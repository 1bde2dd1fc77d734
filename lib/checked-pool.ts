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
import { type BufferHandle, tokenOf } from './handle';
import { allocationOf, checkMemory, Ledger, stackHere } from './ledger';
import { options as settings } from './options';
import { Pool, tcacheOf } from './pool';
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

class CheckedPool extends Pool {
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
    const buffer = this.#make(size, alignment);
    if (!this.#zero) {
      soil(buffer, 0);
    }
    return buffer;
  }

  override alloc(size: number, fill?: string | Uint8Array | number, encoding?: BufferEncoding): Buffer<ArrayBuffer> {
    return filled(this, this.#make(size, undefined), fill, encoding);
  }

  override realloc(buffer: Buffer, size: number): Buffer<ArrayBuffer> {
    this.#checkHeld(buffer);
    checkSize(size);
    const [ended, began] = [stackHere('It was given back by realloc here'), stackHere('It was allocated here')];
    const alignment = allocationOf(buffer)?.alignment ?? 1;
    const moved = this.#ownMemory(Math.floor(size), alignment, () => this.#checkRoom(buffer, size));
    const kept = Math.min(buffer.length, moved.length);
    moved.set(new Uint8Array(buffer.buffer, buffer.byteOffset, kept));
    if (!this.#zero) {
      soil(moved, kept);
    }
    const block = super.realloc(buffer, size);
    this.#end(buffer, ended);
    return this.#begin(moved, block, alignment, began);
  }

  override free(buffer: Buffer): void {
    this.#checkHeld(buffer);
    const ended = stackHere('It was freed here');
    super.free(buffer);
    this.#end(buffer, ended);
  }

  override share(buffer: Buffer): BufferHandle {
    this.#checkHeld(buffer);
    const ended = stackHere('It was shared here');
    const block = stampedView(Stamp.magazineOf(buffer), Stamp.idOf(buffer), buffer.length);
    block.set(buffer);
    const handle = super.share(buffer);
    this.#end(buffer, ended);
    return handle;
  }

  override adopt(handle: BufferHandle): Buffer<ArrayBuffer> {
    const token = tokenOf(handle);
    const began = stackHere('It was allocated here');
    const block = super.adopt(handle);
    const [magazine, id] = [Stamp.magazineOf(block), Stamp.idOf(block)];
    const buffer = this.#ownMemory(block.length, 1, () => tcacheOf(this).share(magazine, id, block.length, token));
    buffer.set(block);
    return this.#begin(buffer, block, 1, began);
  }

  override destroy(): void {
    super.destroy();
    this.#ledger.close();
  }

  /** @returns a Buffer of zeros. */
  #make(size: number, alignment = 1): Buffer<ArrayBuffer> {
    const began = stackHere('It was allocated here');
    const block = super.allocUnsafe(size, alignment === 1 ? undefined : alignment);
    const buffer = this.#ownMemory(block.length, alignment, () => super.free(block));
    return this.#begin(buffer, block, alignment, began);
  }

  /** @param refused what to do first where there is no memory. */
  #ownMemory(lengthBytes: number, alignment: number, refused: () => void): Buffer<ArrayBuffer> {
    try {
      return ownBuffer(this.#backend, lengthBytes, alignment);
    } catch (error) {
      refused();
      throw error;
    }
  }

  /** @throws what a pool without checks throws where there is no room for the block that a Buffer would move to. */
  #checkRoom(buffer: Buffer, size: number): void {
    if (size > this.usableSize(buffer)) {
      super.free(super.allocUnsafe(size));
    }
  }

  /** @returns the Buffer, in the block's place. */
  #begin(buffer: Buffer<ArrayBuffer>, block: Buffer, alignment: number, began: Error): Buffer<ArrayBuffer> {
    Stamp.pass(block, buffer);
    this.#ledger.begin(buffer, alignment, began);
    return buffer;
  }

  #end(buffer: Buffer, ended: Error): void {
    this.#ledger.end(buffer, ended);
    retire(buffer);
  }

  /** @throws what `free` throws; TypeError ERR_INVALID_STATE where somebody took the memory away. */
  #checkHeld(buffer: Buffer): void {
    this.usableSize(buffer);
    checkMemory(buffer);
  }
}
