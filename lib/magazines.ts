/**
 * The magazines of one pool: by size class, and for the hot path by slot (size-class.ts).
 *
 *     by class   | A | B | - | C | ...          '-': not used yet
 *     by slot    | A | A | B | - | - | C | C | ...
 *
 * The second array is made in full and stays the same object, so that the hot path indexes it without asking how long it is.
 */
import type { Magazine } from './magazine';
import { slotOf, slotsOf } from './size-class';

/** Requests above this take the slow path always: past it a size is no small integer in the engine. */
export const HOT_BYTES = 2 ** 30;

/** What the hot path may index. */
const HOT_SLOTS = slotOf(HOT_BYTES) + 1;

/** None for what was not used yet. */
export type Magazines = (Magazine | undefined)[];

/** A place for each slot that the hot path may ask for, all of them empty. */
export function emptySlots(): Magazines {
  // One by one: an array made with a length is one with holes, to the engine, and stays so.
  const slots: Magazines = [];
  while (slots.length < HOT_SLOTS) {
    slots.push(undefined);
  }
  return slots;
}

/** Puts a magazine into the slots of its class. */
export function fillSlots(slots: Magazines, magazine: Magazine): void {
  for (const slot of slotsOf(magazine.sizeClass)) {
    if (slot < HOT_SLOTS) {
      slots[slot] = magazine;
    }
  }
}

/** @returns those that were used, smallest class first. */
export function usedOf(magazines: Magazines): Magazine[] {
  return magazines.filter((magazine) => magazine !== undefined);
}
