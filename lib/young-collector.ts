/**
 * Young collections, asked for by the bytes of the ArrayBuffers allocated.
 *
 * V8 counts the memory behind ArrayBuffers, and when much of it is new it collects. Which collection it takes decides what a Buffer
 * costs: on Node 20 and 22 a scavenge, which looks at young objects only; on 24 always, and on 26 often, a mark-compact, which walks
 * the whole heap, because its limit for external memory is reached before the one for scavenges. A short-lived Buffer needs no more
 * than the scavenge. So a scavenge is asked for well before that limit:
 *
 *     bytes allocated   0 ---- interval ---- | ---- interval ---- | ...        limit of V8 (tens of MiB more)
 *                                        scavenge             scavenge         mark-compact: hardly ever reached
 *
 * Where scavenges turn out dear (a program with many young objects that survive), the interval doubles, and past its ceiling the
 * collector rests, leaving all to V8, before it tries again: grow on need, shrink when cheap.
 *
 * Invariant: nothing here is needed for correctness; a collection that does not happen is one that V8 does later.
 *
 * The function is that of `--expose-gc`. It is taken out of a context of its own, so no global appears in the program's; the flag is
 * off again when `connect` returns. The context costs about a millisecond and 0.8 MiB, once, and only when the first is due.
 *
 * Threads: each has a heap, and a collector, of its own.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'minor'; execution: 'sync' }) => void;

/** So many dear collections in a row before one is not taken for an accident: the first of a program are dear everywhere. */
const DEAR_IN_A_ROW = 3;
/** The interval doubles up to this factor; after that the collector rests. */
const CEILING_FACTOR = 2;
/** How many intervals it then rests. */
const REST_FACTOR = 32;
const MIB = 1024 * 1024;

const SCAVENGE = { type: 'minor', execution: 'sync' } as const;

export interface YoungCollectorStats {
  /** Collections asked for so far. */
  readonly collections: number;
  /** Milliseconds spent in them. */
  readonly milliseconds: number;
  /** Bytes between them, as it stands. */
  readonly intervalBytes: number;
  /** Why there are none for now; '' where there are. */
  readonly resting: string;
}

export class YoungCollector {
  readonly #startBytes: number;
  readonly #dearMicrosPerMib: number;
  #intervalBytes: number;
  #collect: Collect | null = null;
  #unavailable = '';
  #resting = false;
  #dear = 0;
  #collections = 0;
  #milliseconds = 0;

  /**
   * @param intervalBytes between collections at first.
   * @param dearMicrosPerMib what one may cost for each MiB allocated since the last.
   */
  constructor(intervalBytes: number, dearMicrosPerMib: number) {
    this.#startBytes = intervalBytes;
    this.#intervalBytes = intervalBytes;
    this.#dearMicrosPerMib = dearMicrosPerMib;
  }

  /** Collects. @returns how many bytes to allocate before the next call; Infinity: never again. */
  run(): number {
    if (this.#resting) {
      this.#resting = false;
      this.#intervalBytes = this.#startBytes;
      return this.#intervalBytes;
    }
    this.#collect ??= this.#connect();
    if (this.#collect === null) {
      return Number.POSITIVE_INFINITY;
    }
    const start = performance.now();
    this.#collect(SCAVENGE);
    const took = performance.now() - start;
    this.#collections++;
    this.#milliseconds += took;
    return this.#next((took * 1000) / (this.#intervalBytes / MIB));
  }

  stats(): YoungCollectorStats {
    return {
      collections: this.#collections,
      milliseconds: this.#milliseconds,
      intervalBytes: this.#intervalBytes,
      resting: this.#resting ? 'young collections are too dear here for now' : this.#unavailable,
    };
  }

  /** Adapts to what the last one cost. */
  #next(microsPerMib: number): number {
    if (microsPerMib <= this.#dearMicrosPerMib) {
      this.#dear = 0;
      if (microsPerMib * 4 <= this.#dearMicrosPerMib) {
        this.#intervalBytes = Math.max(this.#startBytes, this.#intervalBytes / 2);
      }
      return this.#intervalBytes;
    }
    if (++this.#dear < DEAR_IN_A_ROW) {
      return this.#intervalBytes;
    }
    this.#dear = 0;
    this.#intervalBytes *= 2;
    if (this.#intervalBytes <= this.#startBytes * CEILING_FACTOR) {
      return this.#intervalBytes;
    }
    this.#resting = true;
    return this.#startBytes * REST_FACTOR;
  }

  #connect(): Collect | null {
    const found = findCollect();
    if (typeof found === 'function') {
      return found;
    }
    this.#unavailable = found;
    return null;
  }
}

/** @returns V8's function, or why this runtime does not give it. */
function findCollect(): Collect | string {
  try {
    // With --expose-gc on the command line it is there already, and the flag must stay.
    const given = takeFromNewContext();
    if (given !== null) {
      return given;
    }
    setFlagsFromString('--expose-gc');
    try {
      return takeFromNewContext() ?? 'this runtime does not expose its collector';
    } finally {
      setFlagsFromString('--no-expose-gc');
    }
  } catch (error) {
    return `this runtime does not expose its collector: ${String(error)}`;
  }
}

function takeFromNewContext(): Collect | null {
  const found: unknown = runInNewContext('typeof gc === "function" ? gc : null');
  return found as Collect | null;
}
