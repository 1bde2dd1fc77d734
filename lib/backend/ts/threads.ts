/**
 * Which JavaScript threads live: one table of the process, in shared memory, by thread id.
 *
 *     words   | identity | ended | thread 0 | thread 1 | ...        0: not here; parent + 1: lives; -1: has ended
 *
 * A thread that is terminated says nothing any more, so somebody else must say it. Node tells each thread of the workers that it
 * starts ('worker' of `process`) and of their end; whoever sees an end writes it down here. A thread lives while it and all that
 * it was started by do: with a thread its own workers end, and nobody is left to write that down.
 *
 * The table goes from thread to thread as environment data, which a worker has from its parent: so all threads share one, if
 * the first of them had loaded this module before it started the others. Threads with another table are strangers: they are
 * never taken for dead.
 *
 * Invariants: `ended` rises with each thread that ends, and each heap; an id is never used twice in a process.
 * Threads: any; every word is written atomically.
 */
import { randomInt } from 'node:crypto';
import { getEnvironmentData, setEnvironmentData, threadId, type Worker } from 'node:worker_threads';
import { growTo, makeGrowable } from './growable';

const KEY = 'hakmem:threads:1';
const IDENTITY = 0;
const ENDED = 1;
const FIRST = 2;
/** What stands for a thread that is gone. */
const GONE = -1;

/** Words at first, and at the most: ids of threads beyond are strangers. */
const WORDS = 1024;
const WORDS_LIMIT = 2 ** 24;

/** In place of a thread's id: one of which nothing is known, and so never its end. */
export const STRANGER = -2;
/** In place of a thread's id: nobody any more. */
export const NOBODY = -1;

/** What a worker gets from its parent. */
interface Inheritance {
  readonly memory: SharedArrayBuffer;
  readonly parent: number;
}

export class Threads {
  readonly #memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Tells tables apart. */
  get identity(): number {
    return this.#words[IDENTITY];
  }

  /** Changes with each thread that ends; who finds it unchanged needs to look at no thread. */
  get ended(): number {
    return Atomics.load(this.#words, ENDED);
  }

  /** @param parent the thread that started it, or itself. */
  enter(id: number, parent: number): void {
    if (growTo(this.#memory, FIRST + id)) {
      Atomics.store(this.#words, FIRST + id, parent + 1);
    }
  }

  /** Writes the end of a thread down. */
  end(id: number): void {
    if (FIRST + id < this.#words.length && Atomics.exchange(this.#words, FIRST + id, GONE) !== GONE) {
      this.tell();
    }
  }

  /** Lets owners look after what they lent. After what there is to see; pairs with the load in `ended`, which comes before. */
  tell(): void {
    Atomics.add(this.#words, ENDED, 1);
  }

  /** @param id a thread's, STRANGER or NOBODY. */
  lives(id: number): boolean {
    if (id < 0) {
      return id !== NOBODY;
    }
    for (let at = id; FIRST + at < this.#words.length; ) {
      const word = Atomics.load(this.#words, FIRST + at);
      if (word <= 0 || word - 1 === at) {
        return word !== GONE;
      }
      at = word - 1;
    }
    return true;
  }
}

let mine: Threads | undefined;

/** @returns the table, in which this thread stands from then on. */
export function enterThreads(): Threads {
  mine ??= enterOnce();
  return mine;
}

function enterOnce(): Threads {
  const inherited = getEnvironmentData(KEY) as unknown as Inheritance | undefined;
  const memory = inherited?.memory ?? makeTable();
  const threads = new Threads(memory);
  // The same thread's, if this module is loaded twice: then the other one has seen to everything.
  if (inherited?.parent !== threadId) {
    threads.enter(threadId, inherited?.parent ?? threadId);
    const bequest: Inheritance = { memory, parent: threadId };
    setEnvironmentData(KEY, bequest as unknown as Parameters<typeof setEnvironmentData>[1]);
    process.on('worker', (worker: Worker) => watch(threads, worker));
  }
  return threads;
}

function makeTable(): SharedArrayBuffer {
  const memory = makeGrowable(WORDS, WORDS_LIMIT);
  new Int32Array(memory)[IDENTITY] = randomInt(1, 2 ** 31);
  return memory;
}

/** First of all listeners, so that the others find the thread's blocks given back. */
function watch(threads: Threads, worker: Worker): void {
  const { threadId: id } = worker;
  worker.prependOnceListener('exit', () => threads.end(id));
}
