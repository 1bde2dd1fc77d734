/** Who is compared: Node's own Buffers and both backends of hakmem, behind the two calls that the work needs. */
import type { ChunkPicture, HeapStats } from '../backend/contract';

export const CONTENDERS = ['node', 'native', 'ts'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

export const TITLES: Record<ContenderName, string> = {
  node: "Node's Buffers",
  native: 'hakmem native',
  ts: 'hakmem ts',
};

export interface Contender {
  allocate(sizeBytes: number): Buffer;
  /** Node's Buffers have no such call: there the garbage collector does it, some time later. */
  free(buffer: Buffer): void;
  /** The heap as it is now; null where there is none to be seen. */
  look(): { chunks: ChunkPicture[]; stats: HeapStats } | null;
}

const NODE: Contender = {
  allocate: (sizeBytes) => Buffer.allocUnsafe(sizeBytes),
  free: () => undefined,
  look: () => null,
};

/** @returns the contender; loads hakmem only where it is one, so that the others' memory is not counted against Node. */
export function loadContender(name: ContenderName): Contender {
  if (name === 'node') {
    return NODE;
  }
  const { Pool } = require('../pool') as typeof import('../pool');
  const { pictureOf } = require('../pool-places') as typeof import('../pool-places');
  const pool = new Pool({ name: 'files' });
  return {
    allocate: (sizeBytes) => pool.allocUnsafe(sizeBytes),
    free: (buffer) => pool.free(buffer),
    look: () => ({ chunks: pictureOf(pool), stats: pool.stats() }),
  };
}
