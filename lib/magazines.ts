/**
 * The magazines of one pool, by size class.
 *
 *     | - | - | magazine | - | magazine | - | ...      one place for each class that the hot path may ask for; '-': not used yet
 *
 * The array is made in full and stays the same object, so that the hot path indexes it without asking how long it is.
 */
import type { Magazine } from './magazine';
import { sizeClassOf } from './size-class';

/** Requests above this take the slow path always: past it a size is no small integer in the engine. */
export const HOT_BYTES = 2 ** 30;

/** Magazines that the hot path may index without asking how many there are. */
const HOT_CLASSES = sizeClassOf(HOT_BYTES) + 1;

/** Magazines by size class; none for a class that was not used yet. */
export type Magazines = (Magazine | undefined)[];

/** Room for as many as the hot path needs, all of them empty. */
export function noMagazines(): Magazines {
  // One by one: an array made with a length is one with holes, to the engine, and stays so.
  const magazines: Magazines = [];
  while (magazines.length < HOT_CLASSES) {
    magazines.push(undefined);
  }
  return magazines;
}

/** @returns those that were used, smallest class first. */
export function usedOf(magazines: Magazines): Magazine[] {
  return magazines.filter((magazine) => magazine !== undefined);
}
