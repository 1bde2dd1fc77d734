/**
 * Stamps: what a handed-out Buffer knows of its block, where nobody can see or forge it.
 *
 *     view = new FastBuffer(arrayBuffer, offset, length)     exactly what Node makes itself
 *     new Stamp(view, magazine, id)                          adds two private fields to that object
 *
 * A class whose base constructor returns its argument puts its private fields on that argument. They are no properties: nothing
 * lists, copies or compares them, so a stamped Buffer is deeply equal to one of Node's. A subarray, a copy or a clone is
 * another object and has none. `free` clears the stamp, so a second free is told apart even if the block has a new owner.
 *
 * Threads: none; a stamp never leaves the thread of its Buffer.
 */
import { FastBuffer, makeRoom } from './fast-buffer';
import { type Magazine, NONE } from './magazine';

/** As a constructor it gives back what it is given, so that a derived class is laid over it. */
function Returning(view: object): object {
  return view;
}
const ReturningBase = Returning as unknown as new (view: object) => object;

/** In place of the id: `free` has given the block back. The engine takes constants of this file for granted, not imports. */
const DEAD = NONE;
/** The same: the block was shared. */
const MOVED = -2;

export class Stamp extends ReturningBase {
  #magazine: Magazine | null = null;
  #id = DEAD;

  /** Stamps a view that has no stamp yet. */
  constructor(view: Buffer, magazine: Magazine | null, id: number) {
    super(view);
    this.#magazine = magazine;
    this.#id = id;
  }

  /** @returns the id of the Buffer's block in its magazine; negative if it is dead, or has no stamp. @throws for what is no object. */
  static liveIdOf(view: object): number {
    return #id in view ? view.#id : DEAD;
  }

  /** @returns the magazine that the Buffer's block goes back to; undefined if it is dead, or has no stamp. */
  static liveMagazineOf(view: object): Magazine | undefined {
    return #id in view && view.#id >= 0 ? Stamp.magazineOf(view) : undefined;
  }

  /** @param view stamped. @returns the magazine that its block goes back to, or went. */
  static magazineOf(view: object): Magazine {
    // Null in none that was handed out: the id alone says whether it is dead, which is one look less.
    return (view as Stamp).#magazine as Magazine;
  }

  /** @param view stamped, and live. @returns its block's id in the magazine. */
  static idOf(view: object): number {
    return (view as Stamp).#id;
  }

  /** @returns whether it had a block, which is another's by now. */
  static isDead(view: object): boolean {
    return #id in view && view.#id < 0;
  }

  /** @param view stamped, and dead. */
  static hasMoved(view: object): boolean {
    return (view as Stamp).#id === MOVED;
  }

  /** @param view stamped. Its block is another's from here on. */
  static move(view: object): void {
    (view as Stamp).#id = MOVED;
  }

  /** Puts the stamp of one view, which is dead from here on, on another that has none. */
  static pass(from: Buffer, to: Buffer): void {
    new Stamp(to, Stamp.magazineOf(from), Stamp.idOf(from));
    Stamp.clear(from);
  }

  /** @param view stamped. It is dead from here on. */
  static clear(view: object): void {
    (view as Stamp).#id = DEAD;
  }
}

makeRoom((view) => new Stamp(view, null, DEAD));

/** @returns a Buffer over a block. @throws where the block's ArrayBuffer was detached by force. */
export function stampedView(magazine: Magazine, id: number, size: number): Buffer<ArrayBuffer> {
  const view = new FastBuffer(magazine.memoryOf(id), magazine.offsetOf(id), size);
  new Stamp(view, magazine, id);
  return view;
}

/** The stamp of a Buffer that a fixed pool recycles, which stays on the object: the pool's number, negative while it is not out. */
export class Loan extends ReturningBase {
  #lender: number;

  /** Stamps a view that has no loan yet; it is out. @param lender a number above 0, no other pool's. */
  constructor(view: Buffer, lender: number) {
    super(view);
    this.#lender = lender;
  }

  /** @param view stamped, and not out. */
  static lend(view: object, lender: number): void {
    (view as Loan).#lender = lender;
  }

  /** @returns whether the view is the lender's and was out; it no longer is. @throws for what is no object. */
  static takeBack(view: object, lender: number): boolean {
    if (#lender in view && view.#lender === lender) {
      view.#lender = -lender;
      return true;
    }
    return false;
  }

  /** @returns whether the view is the lender's, and not out. */
  static isBack(view: object, lender: number): boolean {
    return #lender in view && view.#lender === -lender;
  }
}
