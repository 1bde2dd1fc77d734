/**
 * Which sizes a tape asks for: mostly small, with a tail to 3 MiB, and often right at the end of a size class.
 */
import { modelBlockSize } from './model';
import type { Random } from './random';

const KIB = 1024;
const LARGEST = 3072 * KIB;

/** Bytes of the blocks of each class, up to the one beyond 3 MiB. */
const BLOCK_SIZES = Array.from({ length: 68 }, (_, sizeClass) => modelBlockSize(sizeClass));

/** What the sizes of a stretch of a tape are like. */
export type SizeProfile = 'small' | 'mixed' | 'large';

/** Mostly small ones. */
export const SIZE_PROFILES: readonly SizeProfile[] = ['small', 'small', 'small', 'mixed', 'mixed', 'large'];

/** @returns a size in bytes, 0..3 MiB. */
export function drawSize(random: Random, profile: SizeProfile): number {
  const from = profile === 'large' ? 16 * KIB : 1;
  const to = profile === 'small' ? 2 * KIB : random.percent(profile === 'mixed' ? 90 : 70) ? 64 * KIB : LARGEST;
  if (random.percent(1)) {
    return 0;
  }
  return random.percent(30) ? atBoundary(random, from, to) : random.skewed(from, to);
}

/** A class's size, the one before or the one after; about from..to. */
function atBoundary(random: Random, from: number, to: number): number {
  const size = BLOCK_SIZES[classOf(random.skewed(from, to))];
  return size + random.between(-1, 1);
}

/** @param sizeBytes 0..3 MiB + 1. @returns the class that a request gets. */
export function classOf(sizeBytes: number): number {
  return BLOCK_SIZES.findIndex((size) => size >= sizeBytes);
}
