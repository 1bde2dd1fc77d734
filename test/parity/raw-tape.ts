/**
 * Tapes of what the front end asks of a backend: refill and flush of random batches, trim; and numbers that name no
 * live block, which must be rejected.
 *
 * Blocks are numbered in the order in which refills give them, so a tape can be written before it is replayed.
 */
import { drawLimit, FREE_ORDERS, type FreeOrder, LiveSet } from './live-set';
import { modelBlockSize } from './model';
import { Random } from './random';
import { classOf, drawSize, SIZE_PROFILES, type SizeProfile } from './sizes';

/** How much address space a tape may hold; nobody touches the memory. */
const LIMIT_BYTES = 256 * 1024 * 1024;

/** What a refill may ask for: at least one block of any size, and no more than the smallest limit of a tape. */
const BATCH_BYTES = LIMIT_BYTES / 64;

/**
 * `ids` of a flush: blocks in their order; one that comes twice must be rejected the second time.
 * `beyond`: ahead of them goes the number just beyond the blocks of the first one's slab, to be rejected too.
 */
export type RawStep =
  | { readonly op: 'refill'; readonly sizeClass: number; readonly firstId: number; readonly count: number }
  | { readonly op: 'flush'; readonly ids: readonly number[]; readonly beyond: boolean }
  | { readonly op: 'trim' };

/** A stretch of a tape in which it behaves alike. */
interface Phase {
  readonly profile: SizeProfile;
  readonly order: FreeOrder;
  /** Percent of the steps that are refills. */
  readonly refills: number;
  /** Blocks of a batch at most. */
  readonly batch: number;
  /** One class only, as a magazine asks; or another each time. */
  readonly sizeClass: number | null;
  readonly until: number;
}

/** @returns a tape of `steps` steps, and then those that give back all that is live. */
export function rawTape(seed: number, steps: number): RawStep[] {
  const random = new Random(seed);
  const live = new LiveSet(drawLimit(random, LIMIT_BYTES));
  const tape: RawStep[] = [];
  let nextId = 0;
  let phase = drawPhase(random, 0);
  while (tape.length < steps) {
    if (tape.length >= phase.until) {
      phase = drawPhase(random, tape.length);
    }
    const step = random.percent(2) ? ({ op: 'trim' } as const) : drawStep(random, phase, live, nextId);
    nextId += step.op === 'refill' ? step.count : 0;
    tape.push(step);
  }
  const order = random.pick(FREE_ORDERS);
  while (live.count > 0) {
    tape.push(drawFlush(random, live, order, 256));
  }
  tape.push({ op: 'trim' });
  return tape;
}

function drawPhase(random: Random, from: number): Phase {
  const profile = random.pick(SIZE_PROFILES);
  return {
    profile,
    order: random.pick(FREE_ORDERS),
    refills: random.pick([80, 60, 50, 50, 40, 15]),
    batch: random.pick([1, 2, 4, 8, 8, 16, 16, 32, 100]),
    sizeClass: random.percent(30) ? classOf(drawSize(random, profile)) : null,
    until: from + random.between(10, 150),
  };
}

function drawStep(random: Random, phase: Phase, live: LiveSet, nextId: number): RawStep {
  const sizeClass = phase.sizeClass ?? classOf(drawSize(random, phase.profile));
  const sizeBytes = modelBlockSize(sizeClass);
  const count = Math.min(drawBatch(random, phase.batch), Math.floor(BATCH_BYTES / sizeBytes));
  const wantsRefill = random.percent(phase.refills) || live.count === 0;
  if (!wantsRefill || !live.fits(count * sizeBytes)) {
    return drawFlush(random, live, phase.order, phase.batch);
  }
  for (let id = nextId; id < nextId + count; id++) {
    live.add(id, sizeBytes);
  }
  return { op: 'refill', sizeClass, firstId: nextId, count };
}

/** A batch is full, as a magazine's are, or of any size. */
function drawBatch(random: Random, limit: number): number {
  return random.percent(50) ? limit : random.between(1, limit);
}

/** Now and then some block comes twice. */
function drawFlush(random: Random, live: LiveSet, order: FreeOrder, batch: number): RawStep {
  const ids: number[] = [];
  for (let count = Math.min(drawBatch(random, batch), live.count); count > 0; count--) {
    ids.push(live.take(random, order).id);
    if (random.percent(1)) {
      ids.push(random.pick(ids));
    }
  }
  return { op: 'flush', ids, beyond: random.percent(3) };
}
