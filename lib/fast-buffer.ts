/**
 * The class of all Buffers, and room in its objects for a stamp.
 *
 *     without room   | map | properties | ... view of bytes ... |  --> | map | length | magazine | id | (nothing) |     96 + 40 bytes
 *     with room      | map |            | ... view of bytes ... | magazine | id |                                       112 bytes
 *
 * V8 decides how many fields the objects of a class hold when the first is made, for all of them, and Node's Buffers have none: a
 * stamp then is a second object behind each Buffer, to be made, written, and copied by each collection that the Buffer survives. It
 * decides anew where a class is used with another builtin array than before, and looks then what the constructors above
 * the class are going to need. So for an instant there is one above it that needs two fields; nothing else of it can be seen, and none
 * of its code runs. V8 takes back what the first few objects did not fill, so they are stamped.
 *
 * The room is in Buffers of the program's own too, as far as JavaScript makes them: 16 bytes each.
 *
 * Invariant: nothing here is needed for correctness; an engine that decides otherwise keeps stamps as it did.
 * Threads: each has a class of its own, and makes the room when it loads this. Source: V8's Map and its in-object slack tracking.
 */
type BufferConstructor = new (memory: ArrayBuffer, byteOffset: number, length: number) => Buffer<ArrayBuffer>;

/** The class of all Buffers, without the deprecation warning and the argument checks of `Buffer` itself. */
export const FastBuffer = (Buffer as unknown as { readonly [Symbol.species]: BufferConstructor })[Symbol.species];

/** More than the objects that V8 looks at before it takes room back: 7 or 8. */
const FIRST_OBJECTS = 16;

/** What V8 expects of a class is what is assigned in its constructor. */
class TwoFields extends Uint8Array {
  readonly first: number;
  readonly second: number;

  constructor() {
    super();
    this.first = 0;
    this.second = 0;
  }
}

/**
 * Makes Buffers with room for a stamp from here on.
 *
 * @param stamp puts two private fields on a Buffer.
 */
export function makeRoom(stamp: (view: Buffer) => void): void {
  // In Bun's engine a class whose parent was ever changed is slower.
  if (process.versions.bun !== undefined) {
    return;
  }
  const parent: unknown = Object.getPrototypeOf(FastBuffer);
  // Says no, and throws nothing, where somebody has frozen the class.
  if (!Reflect.setPrototypeOf(FastBuffer, TwoFields)) {
    return;
  }
  try {
    Reflect.construct(Int8Array, [0], FastBuffer);
    Reflect.construct(Uint8Array, [0], FastBuffer);
  } finally {
    Reflect.setPrototypeOf(FastBuffer, parent as object);
  }
  const memory = new ArrayBuffer(0);
  for (let made = 0; made < FIRST_OBJECTS; made++) {
    stamp(new FastBuffer(memory, 0, 0));
  }
}
