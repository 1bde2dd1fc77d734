/**
 * Plays a pool tape on a `Pool` over every backend, and compares them with each other and with a plain model:
 * which Buffers are live, how long each is, and what was written into it.
 */
import type { Backend } from '../../lib/backend/contract';
import { Pool } from '../../lib/pool';
import { placeOf } from '../../lib/pool-places';
import type { PoolStats } from '../../lib/stats';
import { type Variant, variants } from './backends';
import { classLines, mustEqual } from './compare';
import { checkPayload, wordOf, writePayload } from './payload';
import { type PoolStep, poolTape } from './pool-tape';
import { playSteps } from './settings';

/** Between two comparisons of all the numbers. */
const STATS_STEPS = 100;

/** What the model knows of a live Buffer. */
interface Entry {
  sizeBytes: number;
  /** How often it was written. */
  writes: number;
}

/** One backend's pool, and its Buffers by id. */
class Party {
  readonly pool: Pool;
  readonly buffers = new Map<number, Buffer>();

  constructor(
    readonly name: string,
    { backend, shared }: Variant,
  ) {
    this.pool = new Pool({ name: 'parity', shared }, backend);
  }

  /** Does what the step says; `before` is what the model knew of the Buffer. */
  play(step: PoolStep, before: Entry | undefined): void {
    if (step.op === 'trim') {
      return;
    }
    const old = this.buffers.get(step.id);
    if (old !== undefined && before !== undefined) {
      checkPayload(old, wordOf(step.id, before.writes), before.sizeBytes);
    }
    if (step.op === 'alloc') {
      this.buffers.set(step.id, this.pool.allocUnsafe(step.sizeBytes));
    } else if (old !== undefined && step.op === 'free') {
      this.pool.free(old);
      this.buffers.delete(step.id);
    } else if (old !== undefined && before !== undefined && step.op === 'realloc') {
      const moved = this.pool.realloc(old, step.sizeBytes);
      checkPayload(moved, wordOf(step.id, before.writes), before.sizeBytes);
      this.buffers.set(step.id, moved);
    }
  }

  /** Checks a Buffer's length, and writes into it. @returns where it lies. */
  write(id: number, { sizeBytes, writes }: Entry): unknown {
    const buffer = this.#bufferOf(id);
    mustEqual(buffer.length, sizeBytes, 'length');
    writePayload(buffer, wordOf(id, writes));
    return { ...placeOf(this.pool, buffer) };
  }

  #bufferOf(id: number): Buffer {
    const buffer = this.buffers.get(id);
    if (buffer === undefined) {
      throw new Error(`there is no Buffer ${id}`);
    }
    return buffer;
  }
}

class Replay {
  readonly #model = new Map<number, Entry>();

  constructor(readonly parties: readonly Party[]) {}

  play(step: PoolStep): void {
    if (step.op === 'trim') {
      this.#compare('trimmed bytes', ({ pool }) => pool.trim());
      return;
    }
    const before = this.#model.get(step.id);
    this.#compare('step', (party) => party.play(step, before));
    if (step.op === 'free') {
      this.#model.delete(step.id);
      return;
    }
    const sizeBytes = step.op === 'fill' ? (before?.sizeBytes ?? 0) : step.sizeBytes;
    const after = { sizeBytes, writes: (before?.writes ?? 0) + 1 };
    this.#model.set(step.id, after);
    this.#compare('place', (party) => party.write(step.id, after));
  }

  compareStats(): void {
    this.#compare('stats', ({ pool }) => {
      const stats = pool.stats();
      mustEqual(stats.blocks.live, this.#model.size, 'live blocks');
      return shared(stats);
    });
  }

  /** After everything was given back and trimmed. */
  compareEnd(): void {
    this.compareStats();
    this.#compare('end', ({ pool }) => {
      const { bytes, blocks, operations } = pool.stats();
      mustEqual([blocks.live, blocks.cached, bytes.live, bytes.cached], [0, 0, 0, 0], 'live and cached');
      mustEqual([bytes.committed, bytes.reserved], [0, 0], 'committed and reserved');
      mustEqual(operations.allocs, operations.frees, 'allocations');
    });
  }

  /** Each party must come to what the first one comes to. */
  #compare(what: string, act: (party: Party) => unknown): void {
    let expected: unknown;
    for (const [at, party] of this.parties.entries()) {
      try {
        const actual = act(party);
        expected = at === 0 ? actual : expected;
        mustEqual(actual, expected, what);
      } catch (error) {
        throw new Error(`${party.name}: ${String(error)}`, { cause: error });
      }
    }
  }
}

/** All but what says which backend it is, and the registry, which each backend has in its own way. */
function shared({ bytes, blocks, operations, classes, components }: PoolStats): unknown {
  const cached = classes.map((row) => `cached ${row.cached}, capacity ${row.capacity}`);
  return {
    bytes,
    blocks,
    operations,
    classes: classLines(classes),
    cached,
    components: { ...components, registry: null },
  };
}

/** @throws Error at the first difference. */
export function playPoolTape(backends: readonly Backend[], seed: number, steps: number): void {
  const replay = new Replay(variants(backends).map((variant) => new Party(variant.name, variant)));
  playSteps(poolTape(seed, steps), (step, at) => {
    replay.play(step);
    if (at % STATS_STEPS === 0) {
      replay.compareStats();
    }
  });
  replay.compareEnd();
  for (const { pool } of replay.parties) {
    pool.destroy();
  }
}
