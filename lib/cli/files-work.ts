/**
 * The work of `hakmem files` for one contender: read every file of a tree whole into a Buffer, hash it, and keep it
 * until the working set has grown past its size; then the oldest Buffers go.
 *
 *     file -> allocate -> read -> hash -> [ oldest ... working set ... newest ] -> free
 *
 * Buffers are allocated and freed in batches and the clock is read around a batch, so its own price does not count. Reading
 * takes so long that it may be read around each file.
 * What the garbage collector does meanwhile is counted apart, by its own reports, and is part of the total time.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import type { ChunkPicture, HeapStats } from '../backend/contract';
import type { Contender } from './contenders';
import type { TreeFile } from './tree';

export interface FilesTask {
  files: TreeFile[];
  passes: number;
  /** Bytes of Buffers to hold. */
  workingSetBytes: number;
}

export interface FilesResult {
  allocateMs: number;
  /** Opening and closing, too. Whoever gets fresh memory pays for it here, where it is first written to. */
  readMs: number;
  freeMs: number;
  totalMs: number;
  collections: number;
  collectionMs: number;
  peakResidentBytes: number;
  /** Files that could not be read, or not whole, in one pass at least. They are in no hash. */
  unreadable: number;
  digest: string;
  heap: { chunks: ChunkPicture[]; stats: HeapStats } | null;
}

const BATCH_FILES = 64;
const BATCH_BYTES = 16 * 2 ** 20;
/** One read call takes no more. */
const READ_BYTES_LIMIT = 2 ** 30;

/** A queue of Buffers, first in first out; its room is reused from the front once the front is half of it. */
class WorkingSet {
  #buffers: Buffer[] = [];
  #first = 0;
  bytes = 0;

  add(buffer: Buffer): void {
    this.#buffers.push(buffer);
    this.bytes += buffer.length;
  }

  /** Takes out the oldest Buffers until no more than `limitBytes` are left. */
  shrinkTo(limitBytes: number): Buffer[] {
    const from = this.#first;
    while (this.#first < this.#buffers.length && (this.bytes > limitBytes || limitBytes === 0)) {
      this.bytes -= this.#buffers[this.#first++].length;
    }
    const taken = this.#buffers.slice(from, this.#first);
    // A place that is not cleared would keep a Buffer of Node's alive.
    this.#buffers.fill(undefined as unknown as Buffer, from, this.#first);
    if (this.#first > this.#buffers.length / 2) {
      this.#buffers = this.#buffers.slice(this.#first);
      this.#first = 0;
    }
    return taken;
  }
}

class Work {
  readonly #contender: Contender;
  readonly #hash: Hash = createHash('sha256');
  readonly #set = new WorkingSet();
  readonly #unreadable = new Set<string>();
  readonly result: FilesResult = {
    allocateMs: 0,
    readMs: 0,
    freeMs: 0,
    totalMs: 0,
    collections: 0,
    collectionMs: 0,
    peakResidentBytes: 0,
    unreadable: 0,
    digest: '',
    heap: null,
  };

  constructor(contender: Contender) {
    this.#contender = contender;
  }

  /** @returns the bytes read. */
  batch(files: readonly TreeFile[], workingSetBytes: number): number {
    const buffers = this.#allocate(files);
    let bytes = 0;
    for (const [at, buffer] of buffers.entries()) {
      const startMs = performance.now();
      const whole = readWhole(files[at].path, buffer);
      this.result.readMs += performance.now() - startMs;
      if (whole) {
        this.#hash.update(buffer);
      } else {
        this.#unreadable.add(files[at].path);
      }
      this.#set.add(buffer);
      bytes += buffer.length;
    }
    this.freeDownTo(workingSetBytes);
    return bytes;
  }

  freeDownTo(limitBytes: number): void {
    const old = this.#set.shrinkTo(limitBytes);
    const contender = this.#contender;
    const startMs = performance.now();
    for (const buffer of old) {
      contender.free(buffer);
    }
    this.result.freeMs += performance.now() - startMs;
  }

  finish(): void {
    this.result.heap = this.#contender.look();
    this.freeDownTo(0);
    this.result.digest = this.#hash.digest('hex');
    this.result.unreadable = this.#unreadable.size;
  }

  #allocate(files: readonly TreeFile[]): Buffer[] {
    const contender = this.#contender;
    const buffers: Buffer[] = [];
    const startMs = performance.now();
    for (const file of files) {
      buffers.push(contender.allocate(file.sizeBytes));
    }
    this.result.allocateMs += performance.now() - startMs;
    return buffers;
  }
}

/** Does the task. @param report called with the bytes read since the last call. */
export async function doFiles(
  task: FilesTask,
  contender: Contender,
  report: (bytes: number) => void,
): Promise<FilesResult> {
  const work = new Work(contender);
  const collector = new CollectionCounter();
  const batches = batchesOf(task.files);
  const startMs = performance.now();
  for (let pass = 0; pass < task.passes; pass++) {
    for (const batch of batches) {
      report(work.batch(batch, task.workingSetBytes));
      // The turn of the event loop in which finalizers and the collector's reports are delivered.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  work.finish();
  work.result.totalMs = performance.now() - startMs;
  await collector.stop(work.result);
  work.result.peakResidentBytes = process.resourceUsage().maxRSS * 1024;
  return work.result;
}

/** Counts garbage collections by the reports of the engine. */
class CollectionCounter {
  #collections = 0;
  #durationMs = 0;
  readonly #observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      this.#collections++;
      this.#durationMs += duration;
    }
  });

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Waits for the reports that are still under way. */
  async stop(result: FilesResult): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 20));
    this.#observer.disconnect();
    result.collections = this.#collections;
    result.collectionMs = this.#durationMs;
  }
}

/** Cuts the list so that a batch has neither too many files nor too many bytes; a file larger than that is one by itself. */
export function batchesOf(files: readonly TreeFile[]): TreeFile[][] {
  const batches: TreeFile[][] = [];
  let bytes = 0;
  for (const file of files) {
    const last = batches.at(-1);
    if (last && last.length < BATCH_FILES && bytes + file.sizeBytes <= BATCH_BYTES) {
      last.push(file);
      bytes += file.sizeBytes;
    } else {
      batches.push([file]);
      bytes = file.sizeBytes;
    }
  }
  return batches;
}

/** @returns whether the file could be read and has as many bytes as the Buffer. */
function readWhole(file: string, target: Buffer): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return false;
  }
  try {
    return fill(descriptor, target) === target.length;
  } catch {
    return false;
  } finally {
    closeSync(descriptor);
  }
}

function fill(descriptor: number, target: Buffer): number {
  let done = 0;
  while (done < target.length) {
    const count = readSync(descriptor, target, done, Math.min(READ_BYTES_LIMIT, target.length - done), null);
    if (count === 0) {
      break;
    }
    done += count;
  }
  return done;
}
