/**
 * The native backend: the C core through its addon, shaped as the contract wants it.
 *
 * The addon speaks of class sizes where the contract has class numbers, and throws plain errors with a code; both are
 * translated here and nowhere else.
 *
 * Only what a user cannot help leads to the other backend: no such file, a file that this runtime cannot load, a runtime that
 * loads no addons (`--no-addons`, `--permission`) or allows no external ArrayBuffers. Anything else is a broken build, and is thrown.
 *
 * Threads: each JavaScript thread loads the addon for itself; the core behind it is shared by all of them.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { placesOf } from '../built-files';
import { HakmemError, type HakmemErrorCode } from '../errors';
import { options } from '../options';
import { classSizeBytes, MAX_ALIGNMENT } from '../size-class';
import type { Backend, BlockPlace, Capabilities, ChunkPicture, Heap, HeapStats, Token } from './contract';

/** What `createHeap` of the addon gives: as the contract's Heap, but for the first argument of `refill`. */
interface NativeHeap extends Omit<Heap, 'refill' | 'share' | 'adopt' | 'shareable' | 'keepsPlaces'> {
  refill(blockSizeBytes: number, count: number, blocks: Float64Array): number;
  share(block: number, lengthBytes: number, graceMs: number, token?: string): string;
  adopt(token: string, roomBytes: number, parcel: Float64Array): boolean;
}

interface Addon {
  createHeap(): NativeHeap;
  stats(): HeapStats;
  bytesToAlignment(memory: ArrayBuffer, alignment: number): number;
  readonly version: string;
}

/** The backend, or why it cannot be had here. */
export type NativeOutcome = { readonly backend: Backend } | { readonly reason: string };

/** Errors of loading that say 'not here', by their code. */
const NOT_HERE: ReadonlySet<string> = new Set([
  'ERR_DLOPEN_FAILED',
  'ERR_DLOPEN_DISABLED',
  'ERR_HAKMEM_NO_EXTERNAL_BUFFERS',
]);

const CAPABILITIES: Capabilities = { maxAlignment: MAX_ALIGNMENT, share: true };

/**
 * Loads the addon.
 * @throws whatever a build that is there and broken throws.
 */
export function loadNative(): NativeOutcome {
  const files = placesOf('hakmem.node');
  const present = files.filter((file) => existsSync(file));
  if (present.length === 0) {
    return { reason: `the native addon is not built: there is no ${files.join(' and no ')}` };
  }
  const refusals: string[] = [];
  for (const file of present) {
    const loaded = loadAddon(file);
    if (typeof loaded !== 'string') {
      return { backend: new NativeBackend(loaded) };
    }
    // The loader of the system begins with the file itself.
    refusals.push(loaded.includes(file) ? loaded : `${file}: ${loaded}`);
  }
  return { reason: `the native addon does not load: ${refusals.join('; ')}` };
}

/** @returns the addon, or why this runtime refuses it. */
function loadAddon(file: string): Addon | string {
  try {
    return createRequire(__filename)(file) as Addon;
  } catch (error) {
    if (error instanceof Error && NOT_HERE.has(codeOf(error))) {
      return error.message.split('\n', 1)[0].replace(/\.$/, '');
    }
    throw error;
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Calls the addon. @throws its errors as the errors that callers know. */
function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Error && codeOf(error).startsWith('ERR_HAKMEM_')) {
      throw new HakmemError(codeOf(error) as HakmemErrorCode, error.message, { cause: error });
    }
    throw error;
  }
}

/** @throws HakmemError ERR_HAKMEM_NOT_OWNED for a token of the other backend, which may run in another thread. */
function textOf(token: Token): string {
  if (typeof token !== 'string') {
    throw new HakmemError(
      'ERR_HAKMEM_NOT_OWNED',
      'This handle is one of the ts backend; the native one cannot adopt it',
    );
  }
  return token;
}

class NativeBackend implements Backend {
  readonly name = 'native';
  readonly capabilities = CAPABILITIES;
  readonly #addon: Addon;

  constructor(addon: Addon) {
    this.#addon = addon;
  }

  createHeap(): Heap {
    return translated(() => new TranslatedHeap(this.#addon.createHeap()));
  }

  bytesToAlignment(memory: ArrayBuffer, alignment: number): number {
    return this.#addon.bytesToAlignment(memory, alignment);
  }

  stats(): HeapStats {
    return this.#addon.stats();
  }
}

class TranslatedHeap implements Heap {
  readonly shareable = true;
  /** Numbers are addresses, and what an ArrayBuffer shows stays mapped. */
  readonly keepsPlaces = true;
  readonly #heap: NativeHeap;

  constructor(heap: NativeHeap) {
    this.#heap = heap;
  }

  refill(sizeClass: number, count: number, blocks: Float64Array): number {
    const blockSizeBytes = classSizeBytes(sizeClass);
    if (blockSizeBytes > Number.MAX_SAFE_INTEGER) {
      return 0;
    }
    return translated(() => this.#heap.refill(blockSizeBytes, count, blocks));
  }

  flush(blocks: Float64Array, count: number): number {
    return translated(() => this.#heap.flush(blocks, count));
  }

  memory(block: number, whole: boolean): ArrayBuffer {
    return translated(() => this.#heap.memory(block, whole));
  }

  clearFresh(block: number): boolean {
    return translated(() => this.#heap.clearFresh(block));
  }

  move(from: number, to: number, lengthBytes: number): boolean {
    return translated(() => this.#heap.move(from, to, lengthBytes));
  }

  share(block: number, lengthBytes: number, _memory: ArrayBuffer | null, token?: Token): string {
    const { shareGraceMs: graceMs } = options;
    // The addon counts its arguments.
    return translated(() =>
      token === undefined
        ? this.#heap.share(block, lengthBytes, graceMs)
        : this.#heap.share(block, lengthBytes, graceMs, textOf(token)),
    );
  }

  adopt(token: Token, roomBytes: number, parcel: Float64Array): boolean {
    return translated(() => this.#heap.adopt(textOf(token), roomBytes, parcel));
  }

  place(block: number): BlockPlace {
    return translated(() => this.#heap.place(block));
  }

  stats(): HeapStats {
    return this.#heap.stats();
  }

  picture(): ChunkPicture[] {
    return this.#heap.picture();
  }

  trim(): number {
    return this.#heap.trim();
  }

  destroy(): void {
    this.#heap.destroy();
  }
}
