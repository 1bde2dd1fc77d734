/**
 * What the front end needs of a backend: blocks in batches, memory to view them, numbers.
 *
 * A block is named by one number: `unit * 4096 + index`, where `unit` is the number of the 64 KiB unit at which
 * its slab starts (an address divided by 65536 in the native backend, a running number in ts) and `index` counts
 * the slab's blocks. The numbers stay below 2^53; use arithmetic on them, not bit operations.
 *
 * Threads: a Backend and its Heaps belong to the JavaScript thread that made them. Blocks move between heaps by `share` and `adopt`; a
 * block is flushed by the heap that has it, and goes to the one that owns it.
 */

/** Index part of a block number: a slab holds at most this many blocks. */
export const BLOCKS_PER_SLAB_LIMIT = 4096;

/** What a backend can do; where it says no, the public function throws ERR_HAKMEM_BACKEND or ERR_HAKMEM_NOT_SHAREABLE. */
export interface Capabilities {
  /** The largest alignment in bytes that `allocUnsafe(size, alignment)` can promise. */
  readonly maxAlignment: number;
  /** Whether Buffers of every pool can be moved to another worker: `share` and `adopt`. Those of `createPool({ shared: true })` always can. */
  readonly share: boolean;
}

/** What names a block on its way, where memory must travel with it. Can be cloned, though not as text. */
export interface SharedToken {
  readonly text: string;
  /** The block's memory, or its whole slab's. */
  readonly memory: SharedArrayBuffer;
  /** What all threads know of the slab. */
  readonly state: SharedArrayBuffer;
  /** Where its owner looks for what was freed. */
  readonly post: SharedArrayBuffer;
}

/** What names a block on its way: text where the process knows the rest. */
export type Token = string | SharedToken;

/** One growing component; units are the component's own. */
export interface ComponentStats {
  capacity: number;
  used: number;
  grown: number;
  shrunk: number;
  misses: number;
}

/** One size class. */
export interface ClassStats {
  size: number;
  live: number;
  cached: number;
  capacity: number;
  refills: number;
  flushes: number;
}

/** What `stats()` returns of a heap or a backend, before the front end adds its own cache. DESIGN names are fixed. */
export interface HeapStats {
  bytes: { live: number; cached: number; committed: number; reserved: number; purged: number };
  blocks: { live: number; cached: number };
  operations: {
    allocs: number;
    frees: number;
    refills: number;
    flushes: number;
    remoteFrees: number;
    adopted: number;
    abandoned: number;
  };
  classes: ClassStats[];
  components: {
    superslab: ComponentStats;
    tcache: ComponentStats;
    midRing: ComponentStats;
    registry: ComponentStats;
    l25: ComponentStats;
    bigcache: ComponentStats;
  };
}

/** Where a block lies, for the parity tests and the heap picture. */
export interface BlockPlace {
  /** Running number of the slab in its heap, from 0. */
  slabSequence: number;
  blockIndex: number;
  blockSizeBytes: number;
  slabSizeBytes: number;
}

/** One chunk as the heap picture shows it. */
export interface ChunkPicture {
  /** Units in the chunk. */
  units: number;
  /** For each slab in the chunk: where it starts, how long it is, and how full. A huge mapping is a chunk of one slab. */
  slabs: { unit: number; units: number; blockSizeBytes: number; blocks: number; used: number }[];
}

/** Blocks from chunks of its own. One for each pool. */
export interface Heap {
  /** Whether `share` and `adopt` can be called. */
  readonly shareable: boolean;
  /**
   * Whether a block number names the same memory for good, in whatever heap the block is and however often it is handed out anew: then
   * an ArrayBuffer over a large block is worth keeping.
   */
  readonly keepsPlaces: boolean;
  /**
   * Takes up to `count` blocks of a class into `blocks[0..]`, lowest free first.
   * @param sizeClass index as `lib/size-class.ts` gives it; beyond the slab classes each block is a mapping of its own.
   * @returns how many; fewer only where memory is exhausted.
   */
  refill(sizeClass: number, count: number, blocks: Float64Array): number;
  /** Gives `blocks[0..count)` back. @returns how many were accepted: all of them, unless a number names no live block. */
  flush(blocks: Float64Array, count: number): number;
  /**
   * The memory to view a block through: an ArrayBuffer over the block's whole slab (`whole` false: over that block alone).
   * Made anew at each call; the front end keeps and reuses it. A shared heap of the ts backend gives a SharedArrayBuffer, the same at
   * each call: views do not tell them apart.
   */
  memory(block: number, whole: boolean): ArrayBuffer;
  /**
   * Clears a block where that takes no writing, because its memory is fresh from the system. Only for one that the last refill handed
   * out, and that will be seen through an ArrayBuffer of its own which `memory` has not made yet.
   * @returns false: nothing was done; it has to be written.
   */
  clearFresh(block: number): boolean;
  /**
   * Moves the first bytes of one block to another without copying them; what follows up to the end of an OS page moves along. Views of
   * the old block stay valid. Both are held by the caller.
   * @returns false: nothing was moved, and what `to` holds is undefined; the caller copies.
   */
  move(from: number, to: number, lengthBytes: number): boolean;
  /**
   * Sends a block off: the heap's own, or one that it adopted. Only where `shareable` says so. How long it may still be adopted after
   * the heap has ended without `destroy` is an option.
   * @param lengthBytes of the Buffer; travels with it.
   * @param memory that the block is seen through, or null where the front end had none for it. From `memory`, perhaps of an earlier
   *   block in the same place.
   * @param token of an `adopt` that is to be undone: it is valid again.
   * @returns a token for `adopt` of any heap of the process.
   */
  share(block: number, lengthBytes: number, memory: ArrayBuffer | null, token?: Token): Token;
  /**
   * Takes delivery of a block, which goes back by `flush` like any other. The heap of its owner may end meanwhile.
   * @param roomBytes the largest block that may come.
   * @param parcel becomes [block, length of the Buffer, bytes of the block].
   * @returns false, with nothing done but the block's size told, where it is larger.
   * @throws ERR_HAKMEM_MOVED (adopted before), ERR_HAKMEM_DESTROYED, ERR_HAKMEM_NOT_OWNED (no token of this process).
   */
  adopt(token: Token, roomBytes: number, parcel: Float64Array): boolean;
  /** Where a live block lies. */
  place(block: number): BlockPlace;
  /** Numbers of this heap: blocks handed to the front end count as live here, adopted ones too and shared ones no more. */
  stats(): HeapStats;
  /** The heap's chunks in order of their creation. */
  picture(): ChunkPicture[];
  /** Gives idle memory back. @returns bytes given back. */
  trim(): number;
  /**
   * Gives everything back, what it shared and nobody has adopted yet too; ArrayBuffers that live on keep their memory, and what
   * others adopted stays theirs. The heap must not be used afterwards.
   */
  destroy(): void;
}

export interface Backend {
  readonly name: 'native' | 'ts';
  readonly capabilities: Capabilities;
  /** @param shared whether its blocks must be fit to be sent to other threads, where not every heap's are. */
  createHeap(shared: boolean): Heap;
  /**
   * Where memory of the engine's own has an address of an alignment, up to `maxAlignment`.
   * @returns bytes from its start, less than `alignment`.
   */
  bytesToAlignment(memory: ArrayBuffer, alignment: number): number;
  /** Numbers of all heaps: of the whole process (native), of this thread (ts). */
  stats(): HeapStats;
}
