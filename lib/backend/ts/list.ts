/**
 * A doubly linked list whose links live in its elements: adding, removing and moving cost no memory and no search.
 *
 *     head -> element <-> element <-> element <- tail       the newest in front
 *
 * Used for the partial slabs of a class and for the chunks of a free-run bin. An element is in one list at most.
 *
 * Invariants: the links of neighbours agree; `head.prev` and `tail.next` are null; an element in no list has null links.
 */
import { invariant } from './assert';

/** What an element brings: room for its two links. Only its list writes them. */
export interface Linked<T> {
  prev: T | null;
  next: T | null;
}

export class List<T extends Linked<T>> {
  head: T | null = null;
  tail: T | null = null;

  pushFront(element: T): void {
    element.next = this.head;
    if (this.head === null) {
      this.tail = element;
    } else {
      this.head.prev = element;
    }
    this.head = element;
  }

  /** Takes out an element that is in this list. */
  remove(element: T): void {
    if (element.prev === null) {
      this.head = element.next;
    } else {
      element.prev.next = element.next;
    }
    if (element.next === null) {
      this.tail = element.prev;
    } else {
      element.next.prev = element.prev;
    }
    element.prev = null;
    element.next = null;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let element = this.head; element !== null; element = element.next) {
      yield element;
    }
  }

  check(): void {
    let last: T | null = null;
    for (const element of this) {
      invariant(element.prev === last, 'a list element names its predecessor');
      last = element;
    }
    invariant(this.tail === last, 'the last element of a list is its tail');
  }
}
