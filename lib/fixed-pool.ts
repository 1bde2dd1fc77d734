/**
 * A fixed pool: Buffers of one length, recycled as the same objects. No view is made at each turn, so this is the cheapest way
 * to have a Buffer for a read loop.
 *
 *     hot     | b7 |                    the newest of all, or null: a Buffer that goes and comes in turn costs no array access
 *     idle    | b3 | b1 | b5 | b2 |     those that wait behind it, the newest last
 *
 * Memory comes from a pool of its own, so it has its own heap, and `destroy` gives everything back at once.
 *
 * Invariants: a Buffer's loan says that it is back exactly when it is `hot` or in `idle`; `count` is of these and those that are out.
 * Threads: a fixed pool and its Buffers belong to the thread that made it.
 */
import { types } from 'node:util';
import { checkKnown, checkObject, checkSize, classAligned } from './arguments';
import type { Backend, HeapStats } from './backend/contract';
import { currentBackend, infoOf } from './backend/select';
import { poolOf } from './checked-pool';
import { checkNumber, HakmemError, invalidArgType, outOfRange } from './errors';
import { allocationOf, lengthOf } from './ledger';
import type { Pool } from './pool';
import { enter, leave, type Reporter, type Totals } from './reporters';
import { classSizeBytes, sizeClassOf } from './size-class';
import { Loan } from './stamp';
import { countCached, type Stats } from './stats';

/** Options of `createFixedPool`. */
export interface FixedPoolOptions {
  /** Bytes of every Buffer, 0..`buffer.constants.MAX_LENGTH`. */
  size: number;
  /** Of the first byte's address: a power of two, 1..2 MiB. Default: 16. The ts backend promises no more than that. */
  alignment?: number | undefined;
  /** The most Buffers that there may be, acquired or not: an integer, 0 or more, or Infinity. Default: no limit. */
  maxBuffers?: number | undefined;
  /** Whether misuse is looked for: as in `createPool`. No Buffer is recycled then. Default: HAKMEM_CHECK. */
  checked?: boolean | undefined;
}

const OPTIONS: readonly (keyof FixedPoolOptions)[] = ['size', 'alignment', 'maxBuffers', 'checked'];

/** What `stats()` of a fixed pool returns. */
export interface FixedPoolStats extends Stats {
  /** Bytes of every Buffer. */
  readonly size: number;
  /** Infinity where there is no limit. */
  readonly maxBuffers: number;
  /** Buffers made. */
  readonly capacity: number;
  /** Buffers that callers hold. */
  readonly live: number;
  /** Buffers that wait to be acquired. */
  readonly cached: number;
  /** Calls of `acquire` and `release` that succeeded. */
  readonly acquired: number;
  readonly released: number;
}

/* The engine takes constants of this file for granted, not imports. */
const { lend, takeBack } = Loan;

/** Of fixed pools made in this thread so far: each has a number, for its loans. */
let pools = 0;

/** Of a fixed pool that was destroyed: no Buffer's. */
const NOBODY = 0;

/** Set by the class below, for what is built on it: gives the Buffers that wait to be acquired back to the pool behind. */
export let freeIdle: (pool: FixedPool) => void;

/**
 * A pool of recycled Buffers of one length. Made by `createFixedPool`.
 *
 * After `destroy()` every method but `destroy` throws HakmemError ERR_HAKMEM_DESTROYED.
 */
export class FixedPool {
  /** Bytes of every Buffer. */
  readonly size: number;
  /** The most Buffers that there may be; Infinity where there is no limit. */
  readonly maxBuffers: number;
  readonly #alignment: number | undefined;
  readonly #sizeClass: number;
  readonly #backend: Backend;
  readonly #pool: Pool;
  readonly #reporter: Reporter;
  /** What its loans are compared with. */
  #lender = ++pools;
  #destroyed = false;
  #hot: Buffer<ArrayBuffer> | null = null;
  #idle: Buffer<ArrayBuffer>[] = [];
  /** Buffers that there are. */
  #count = 0;
  /** Begins as a double, so that the engine never has to change its kind when it outgrows 31 bits. */
  #acquired = -0;
  /** Blocks that the pool behind was asked for. */
  #made = 0;

  /** @param backend where blocks come from; for tests and tools. */
  constructor(options: FixedPoolOptions, backend: Backend = currentBackend()) {
    checkObject(options);
    checkKnown(options, OPTIONS);
    const { size, alignment, maxBuffers = Number.POSITIVE_INFINITY, checked } = options;
    checkSize(size, 'options.size');
    checkCount(maxBuffers, 'options.maxBuffers');
    this.#sizeClass =
      alignment === undefined ? sizeClassOf(size) : classAligned(backend, size, alignment, 'options.alignment');
    this.size = Math.floor(size);
    this.maxBuffers = maxBuffers;
    this.#alignment = alignment;
    this.#backend = backend;
    this.#acquired = 0;
    this.#pool = poolOf({ name: `fixed pool of ${this.size} bytes`, checked }, backend);
    this.#reporter = {
      backend,
      addTo: (stats) => this.#addTo(stats),
      totals: () => this.#totals(),
      trim: () => this.#trimViews(),
    };
    enter(this.#reporter);
  }

  static {
    freeIdle = (pool) => pool.#freeIdle();
  }

  /**
   * @returns a Buffer of `size` bytes, contents undefined: usually one that was released, with its old bytes.
   * @throws HakmemError ERR_HAKMEM_LIMIT where `maxBuffers` are out; ERR_HAKMEM_OUT_OF_MEMORY.
   */
  acquire(): Buffer<ArrayBuffer> {
    const view = this.#hot;
    // One without memory is left to the slow path too.
    if (view === null || view.length !== this.size) {
      return this.#acquireBehind();
    }
    this.#hot = null;
    this.#acquired++;
    lend(view, this.#lender);
    return view;
  }

  /**
   * Gives a Buffer back. It must not be used any more: the next `acquire` may return the same object. One whose memory was transferred
   * away, or a neighbour's and so its own, is taken as well, and replaced by a new one.
   *
   * @param buffer as this fixed pool returned it; a subarray or a copy is not.
   * @throws TypeError ERR_INVALID_ARG_TYPE; HakmemError ERR_HAKMEM_DOUBLE_FREE, ERR_HAKMEM_NOT_OWNED. Then nothing is changed.
   */
  release(buffer: Buffer): void {
    if (!isTakenBack(buffer, this.#lender)) {
      this.#refuse(buffer);
    }
    if (this.#hot !== null) {
      this.#idle.push(this.#hot);
    }
    this.#hot = buffer as Buffer<ArrayBuffer>;
  }

  /** @returns the numbers of this fixed pool: see `FixedPoolStats`. */
  stats(): FixedPoolStats {
    this.#checkAlive();
    const { name: _name, maxBytes: _maxBytes, ...stats } = this.#pool.stats();
    this.#addTo(stats);
    const live = this.#live;
    return {
      ...stats,
      size: this.size,
      maxBuffers: this.maxBuffers,
      capacity: this.#count,
      live,
      cached: this.#cached,
      acquired: this.#acquired,
      released: this.#acquired - live,
      backend: infoOf(this.#backend),
    };
  }

  /**
   * Gives the Buffers that wait to be acquired back, and idle memory to the OS.
   *
   * @returns bytes given back.
   */
  trim(): number {
    this.#checkAlive();
    return this.#trimViews();
  }

  /**
   * Gives all memory back at once. Buffers that still exist keep their memory until they are collected, and can be read and written;
   * they belong to no pool any more. Destroying a fixed pool again does nothing.
   */
  destroy(): void {
    if (this.#destroyed) {
      return;
    }
    leave(this.#reporter);
    this.#pool.destroy();
    this.#destroyed = true;
    this.#lender = NOBODY;
    this.#hot = null;
    this.#idle = [];
    this.#count = 0;
  }

  /** Buffers that wait to be acquired. */
  get #cached(): number {
    return this.#idle.length + (this.#hot === null ? 0 : 1);
  }

  get #live(): number {
    return this.#count - this.#cached;
  }

  #acquireBehind(): Buffer<ArrayBuffer> {
    for (let view = this.#takeIdle(); view !== undefined; view = this.#takeIdle()) {
      if (view.length === this.size) {
        this.#acquired++;
        lend(view, this.#lender);
        return view;
      }
      this.#drop(view);
    }
    return this.#acquireNew();
  }

  /** Takes out the newest of those that wait. */
  #takeIdle(): Buffer<ArrayBuffer> | undefined {
    const view = this.#hot ?? this.#idle.pop();
    this.#hot = null;
    return view;
  }

  /** Gives a Buffer that is in neither place any more back to the pool behind. */
  #drop(view: Buffer<ArrayBuffer>): void {
    this.#pool.free(view);
    this.#count--;
  }

  #acquireNew(): Buffer<ArrayBuffer> {
    this.#checkAlive();
    if (this.#count >= this.maxBuffers) {
      throw new HakmemError('ERR_HAKMEM_LIMIT', `All ${this.maxBuffers} Buffers of this fixed pool are in use`);
    }
    const view = this.#pool.allocUnsafe(this.size, this.#alignment);
    new Loan(view, this.#lender);
    this.#count++;
    this.#made++;
    this.#acquired++;
    return view;
  }

  /** Throws the error for a Buffer that cannot be released. */
  #refuse(buffer: Buffer): never {
    this.#checkAlive();
    if (!types.isUint8Array(buffer)) {
      throw invalidArgType('buffer', 'an instance of Buffer or Uint8Array', buffer);
    }
    if (Loan.isBack(buffer, this.#lender)) {
      const ended = allocationOf(buffer)?.ended;
      throw new HakmemError(
        'ERR_HAKMEM_DOUBLE_FREE',
        `This Buffer of ${this.size} bytes was released before; use no Buffer after its release`,
        ended ? { cause: ended } : {},
      );
    }
    throw new HakmemError(
      'ERR_HAKMEM_NOT_OWNED',
      `This Buffer of ${lengthOf(buffer)} bytes is not one that this fixed pool handed out; is it a slice or a copy?`,
    );
  }

  /** Counts what waits here as cached, and turns of the Buffers as allocations in place of the blocks behind them. */
  #addTo(stats: HeapStats): void {
    countCached(stats, this.#sizeClass, this.#cached, classSizeBytes(this.#sizeClass));
    stats.operations.allocs += this.#acquired - this.#made;
    stats.operations.frees += this.#acquired - this.#live - (this.#made - this.#count);
  }

  /** The turns of its Buffers; blocks are counted by the pool behind. */
  #totals(): Totals {
    const turns = this.#acquired - this.#made;
    return { allocs: turns, frees: turns, adopted: 0, grown: 0, shrunk: 0, misses: 0 };
  }

  #trimViews(): number {
    this.#freeIdle();
    return this.#pool.trim();
  }

  /** Gives those that wait to be acquired back. */
  #freeIdle(): void {
    for (let view = this.#takeIdle(); view !== undefined; view = this.#takeIdle()) {
      this.#drop(view);
    }
  }

  #checkAlive(): void {
    if (this.#destroyed) {
      throw new HakmemError(
        'ERR_HAKMEM_DESTROYED',
        'This fixed pool was destroyed; neither it nor its Buffers can be used any more',
      );
    }
  }
}

/** What is no object throws, which costs less than asking first. */
function isTakenBack(buffer: object, lender: number): boolean {
  try {
    return takeBack(buffer, lender);
  } catch {
    return false;
  }
}

/** @throws TypeError ERR_INVALID_ARG_TYPE; RangeError ERR_OUT_OF_RANGE unless it is a whole number, or Infinity. */
function checkCount(value: unknown, name: string): void {
  checkNumber(value, name, 0, Number.POSITIVE_INFINITY);
  if (Number.isFinite(value) && !Number.isInteger(value)) {
    throw outOfRange(name, 'an integer', value);
  }
}
