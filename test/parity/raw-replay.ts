/**
 * Plays a raw tape on a heap of every backend and on the model, and compares them after every step.
 */
import { type Backend, BLOCKS_PER_SLAB_LIMIT, type Heap } from '../../lib/backend/contract';
import { TsHeap } from '../../lib/backend/ts/heap';
import { SharedHeap } from '../../lib/backend/ts/shared-heap';
import { type Variant, variants } from './backends';
import { classLines, comparable, mustEqual } from './compare';
import { type ModelBlock, ModelHeap } from './model';
import { type RawStep, rawTape } from './raw-tape';
import { playSteps } from './settings';

/** Between two comparisons of all the numbers. */
const STATS_STEPS = 100;

/** One backend's heap, and the numbers of its blocks by id. */
class Party {
  readonly heap: Heap;
  readonly numbers: number[] = [];
  readonly batch = new Float64Array(1024);

  constructor(
    readonly name: string,
    { backend, shared }: Variant,
  ) {
    this.heap = backend.createHeap(shared);
  }

  refill(step: RawStep & { op: 'refill' }, expected: readonly ModelBlock[]): void {
    mustEqual(this.heap.refill(step.sizeClass, step.count, this.batch), step.count, 'refilled blocks');
    for (const [at, { slab, index }] of expected.entries()) {
      const block = this.batch[at];
      this.numbers[step.firstId + at] = block;
      mustEqual(block % BLOCKS_PER_SLAB_LIMIT, index, `index of block ${step.firstId + at}`);
      if (at > 0 && expected[at - 1].slab === slab) {
        mustEqual(block - this.batch[at - 1], index - expected[at - 1].index, 'distance of two blocks of a slab');
      } else {
        this.#comparePlace(block, slab, index);
      }
    }
  }

  flush(blocks: readonly number[]): number {
    this.batch.set(blocks);
    return this.heap.flush(this.batch, blocks.length);
  }

  #comparePlace(block: number, slab: ModelBlock['slab'], blockIndex: number): void {
    const place = this.heap.place(block);
    mustEqual(place.slabSequence, slab.sequence, 'slab sequence');
    mustEqual(place.blockIndex, blockIndex, 'block index');
    mustEqual(place.blockSizeBytes, slab.blockSize, 'block size');
    mustEqual(place.slabSizeBytes, slab.units * 65536, 'slab size');
  }
}

class Replay {
  readonly #model = new ModelHeap();
  readonly #blocks: ModelBlock[] = [];

  constructor(readonly parties: readonly Party[]) {}

  play(step: RawStep): void {
    if (step.op === 'refill') {
      const expected = this.#model.refill(step.sizeClass, step.count);
      this.#blocks.push(...expected);
      this.#each((party) => party.refill(step, expected));
    } else if (step.op === 'flush') {
      this.#flush(step.ids, step.beyond);
    } else {
      const expected = this.#model.trim();
      this.#each(({ heap }) => mustEqual(heap.trim(), expected, 'trimmed bytes'));
    }
  }

  compareAll(): void {
    const model = this.#model.stats();
    const stats = { ...model, classes: classLines(model.classes) };
    const picture = this.#model.picture();
    this.#each(({ heap }) => {
      mustEqual(comparable(heap.stats()), stats, 'stats');
      mustEqual(heap.picture(), picture, 'picture');
      if (heap instanceof TsHeap || heap instanceof SharedHeap) {
        heap.check();
      }
    });
  }

  /** After everything was given back and trimmed. */
  compareEnd(): void {
    this.compareAll();
    this.#each(({ heap }) => {
      const { bytes, blocks } = heap.stats();
      mustEqual([blocks.live, bytes.live, bytes.committed, bytes.reserved], [0, 0, 0, 0], 'live, committed, reserved');
      mustEqual(heap.picture(), [], 'chunks left');
    });
  }

  #flush(ids: readonly number[], beyond: boolean): void {
    const blocks = ids.map((id) => this.#blocks[id]);
    const { slab, index } = blocks[0];
    const ahead = beyond && slab.taken.length < BLOCKS_PER_SLAB_LIMIT ? slab.taken.length : null;
    const expected = this.#model.flush(ahead === null ? blocks : [{ slab, index: ahead }, ...blocks]);
    this.#each((party) => {
      const numbers = ids.map((id) => party.numbers[id]);
      const accepted = party.flush(ahead === null ? numbers : [numbers[0] - index + ahead, ...numbers]);
      mustEqual(accepted, expected, 'accepted blocks');
    });
  }

  #each(act: (party: Party) => void): void {
    for (const party of this.parties) {
      try {
        act(party);
      } catch (error) {
        throw new Error(`${party.name}: ${String(error)}`, { cause: error });
      }
    }
  }
}

/** @throws Error at the first difference. */
export function playRawTape(backends: readonly Backend[], seed: number, steps: number): void {
  const replay = new Replay(variants(backends).map((variant) => new Party(variant.name, variant)));
  playSteps(rawTape(seed, steps), (step, at) => {
    replay.play(step);
    if (at % STATS_STEPS === 0) {
      replay.compareAll();
    }
  });
  replay.compareEnd();
  for (const { heap } of replay.parties) {
    heap.destroy();
  }
}
