/**
 * The one way in which the structures' check functions report a broken invariant.
 *
 * Every structure of this backend has a method `check()`: it walks the whole structure and throws here at the
 * first thing that cannot be. The tests call it after every step that could break something; the hot paths never do.
 */

/** @throws Error naming the broken invariant; such an error is a fault of the allocator, never of its caller. */
export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) {
    throw new Error(`hakmem: broken invariant: ${what}`);
  }
}
