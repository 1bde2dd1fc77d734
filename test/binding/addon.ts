/*
 * The addon as the tests see it: below the front end, without lib/backend/native.ts.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Heap, HeapStats } from '../../lib/backend/contract';

export interface NativeHeap extends Omit<Heap, 'refill' | 'share' | 'adopt' | 'shareable' | 'keepsPlaces'> {
  refill(sizeBytes: number, count: number, blocks: Float64Array): number;
  share(block: number, lengthBytes: number, graceMs: number, token?: string): string;
  adopt(token: string, roomBytes: number, parcel: Float64Array): boolean;
}

export interface Addon {
  createHeap(): NativeHeap;
  stats(): HeapStats;
  trim(): number;
  readonly version: string;
}

export const addonFile = join(__dirname, '..', '..', 'build', 'Release', 'hakmem.node');
export const isBuilt = existsSync(addonFile);

/** Inside of tests and hooks only: vitest runs the body of a suite that it leaves out too. */
export function loadAddon(): Addon {
  return createRequire(__filename)(addonFile) as Addon;
}
