/**
 * The memory of a program and its descendants over time, looked at in intervals. A run may take long: once there are
 * many samples every other one is dropped, and the interval doubles.
 */
import { hasMapped, processTree, residentBytes } from './proc';

export interface Sample {
  /** Since the start. */
  timeMs: number;
  residentBytes: number;
}

const FIRST_INTERVAL_MS = 4;
const SAMPLES_LIMIT = 1024;
/** So many looks tell something of a program; one that ended before was seen while it was loaded, at best. */
const LOOKS_ENOUGH = 5;

export class Sampler {
  readonly #pid: number;
  readonly #library: string;
  readonly #startMs: number;
  #samples: Sample[] = [];
  #intervalMs = FIRST_INTERVAL_MS;
  #timer: NodeJS.Timeout | undefined;
  #peakBytes = 0;
  #looks = 0;
  #loaded: boolean;

  /**
   * @param library the file that the program should have loaded, without symbolic links; '' for none.
   * @param startMs when it was started, by the clock.
   */
  constructor(pid: number, library: string, startMs: number) {
    this.#pid = pid;
    this.#library = library;
    this.#loaded = library === '';
    this.#startMs = startMs;
    this.#look();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Whether there were looks enough for the memory to mean something. */
  get sawEnough(): boolean {
    return this.#looks >= LOOKS_ENOUGH;
  }

  /** The most there was: of a single process at any time until the last look, of several at the moments of the looks. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Whether there was time to see that the library is not there. */
  get missedLibrary(): boolean {
    return !this.#loaded && this.sawEnough;
  }

  #look(): void {
    this.#timer = setTimeout(() => this.#look(), this.#intervalMs);
    const timeMs = performance.now() - this.#startMs;
    const all = processTree(this.#pid).map(residentBytes);
    const sum = all.reduce((bytes, { now }) => bytes + now, 0);
    if (sum === 0) {
      return;
    }
    this.#looks++;
    this.#loaded ||= hasMapped(this.#pid, this.#library);
    this.#peakBytes = Math.max(this.#peakBytes, sum, all[0].peak);
    this.#samples.push({ timeMs, residentBytes: sum });
    if (this.#samples.length >= SAMPLES_LIMIT) {
      this.#samples = this.#samples.filter((_, at) => at % 2 === 0);
      this.#intervalMs *= 2;
    }
  }
}
