/**
 * Block numbers, as the contract has them: the unit at which the slab starts, and the index of the block in it.
 *
 * Pure functions; arithmetic and no bit operations, since the numbers exceed 32 bits. Twin of native/binding/block_number.h.
 */
import { BLOCKS_PER_SLAB_LIMIT } from '../contract';

/** @returns the number of a block, or with no index that of the first one of its slab. */
export function blockAt(unit: number, index = 0): number {
  return unit * BLOCKS_PER_SLAB_LIMIT + index;
}

/** @returns the unit part of a block number. */
export function unitOf(block: number): number {
  return Math.floor(block / BLOCKS_PER_SLAB_LIMIT);
}

/** @param unit of the block, where it is known. @returns the index part of a block number; not by `%`, which takes longer on doubles. */
export function indexOf(block: number, unit = unitOf(block)): number {
  return block - blockAt(unit);
}
