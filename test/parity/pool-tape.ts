/**
 * Tapes of what a program asks of a pool: allocUnsafe, free, realloc, trim, and writing to what it holds.
 *
 * A tape is a row of phases: growing, shrinking, steady churn, bursts of one size. Buffers have running numbers.
 */
import { drawLimit, FREE_ORDERS, type FreeOrder, LiveSet } from './live-set';
import { Random } from './random';
import { drawSize, SIZE_PROFILES, type SizeProfile } from './sizes';

/** How much memory a tape may hold; the Buffers are real. */
const LIMIT_BYTES = 32 * 1024 * 1024;

export type PoolStep =
  | { readonly op: 'alloc'; readonly id: number; readonly sizeBytes: number }
  | { readonly op: 'free'; readonly id: number }
  | { readonly op: 'realloc'; readonly id: number; readonly sizeBytes: number }
  | { readonly op: 'fill'; readonly id: number }
  | { readonly op: 'trim' };

/** A stretch of a tape in which it behaves alike. */
interface Phase {
  readonly profile: SizeProfile;
  readonly order: FreeOrder;
  /** Percent of the allocations and frees that are allocations. */
  readonly allocs: number;
  /** Percent of all steps that are none of both. */
  readonly others: number;
  /** The one size of a burst; null: any. */
  readonly sizeBytes: number | null;
  readonly until: number;
}

/** Writes a tape; knows what is live at each step. */
class Writer {
  readonly #random: Random;
  readonly #live: LiveSet;
  readonly #tape: PoolStep[] = [];
  #nextId = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#live = new LiveSet(drawLimit(this.#random, LIMIT_BYTES));
  }

  write(steps: number): PoolStep[] {
    while (this.#tape.length < steps) {
      const phase = this.#drawPhase();
      while (this.#tape.length < Math.min(phase.until, steps)) {
        this.#tape.push(this.#drawStep(phase));
      }
    }
    const order = this.#random.pick(FREE_ORDERS);
    while (this.#live.count > 0) {
      this.#tape.push(this.#free(order));
    }
    this.#tape.push({ op: 'trim' });
    return this.#tape;
  }

  #drawPhase(): Phase {
    const random = this.#random;
    const profile = random.pick(SIZE_PROFILES);
    return {
      profile,
      order: random.pick(FREE_ORDERS),
      allocs: random.pick([100, 80, 60, 50, 50, 50, 40, 20, 0]),
      others: random.pick([0, 10, 30]),
      sizeBytes: random.percent(30) ? drawSize(random, profile) : null,
      until: this.#tape.length + random.between(10, 150),
    };
  }

  #drawStep(phase: Phase): PoolStep {
    if (this.#random.percent(phase.others) && this.#live.count > 0) {
      return this.#drawOther(phase);
    }
    const sizeBytes = Math.min(phase.sizeBytes ?? drawSize(this.#random, phase.profile), this.#live.limitBytes);
    const wantsAlloc = this.#random.percent(phase.allocs) || this.#live.count === 0;
    return wantsAlloc && this.#live.fits(sizeBytes) ? this.#alloc(sizeBytes) : this.#free(phase.order);
  }

  #drawOther(phase: Phase): PoolStep {
    if (this.#random.percent(8)) {
      return { op: 'trim' };
    }
    if (this.#random.percent(30)) {
      return { op: 'fill', id: this.#live.peek(this.#random).id };
    }
    const { id, sizeBytes: before } = this.#live.take(this.#random, phase.order);
    const wanted = this.#drawReallocSize(before, phase.profile);
    const sizeBytes = this.#live.fits(wanted) ? wanted : Math.min(wanted, before);
    this.#live.add(id, sizeBytes);
    return { op: 'realloc', id, sizeBytes };
  }

  /** A little more, a little less, double, or anything. */
  #drawReallocSize(before: number, profile: SizeProfile): number {
    const random = this.#random;
    const sizes = [before + 1, Math.max(0, before - 1), before * 2, Math.floor(before / 2), drawSize(random, profile)];
    return Math.min(random.pick(sizes), LIMIT_BYTES / 8);
  }

  #alloc(sizeBytes: number): PoolStep {
    const id = this.#nextId++;
    this.#live.add(id, sizeBytes);
    return { op: 'alloc', id, sizeBytes };
  }

  #free(order: FreeOrder): PoolStep {
    return { op: 'free', id: this.#live.take(this.#random, order).id };
  }
}

/** @returns a tape of `steps` steps, and then those that give back all that is live. */
export function poolTape(seed: number, steps: number): PoolStep[] {
  return new Writer(seed).write(steps);
}
