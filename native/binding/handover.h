/*
 * Hand-over: blocks that move from heap to heap, and so from thread to thread.
 *
 *     heap A: own block --share--> in flight --adopt--> held by heap B --flush--> back to its owner A (a remote free)
 *                                     ^                     |
 *                                     '------- share -------'           B may hand it on; A is its owner all the while
 *
 * Idea: the core knows who owns a block, and not who uses it. What left its owner stands here, in one table of the process:
 *
 *     in flight   by the number of its token     `party` is the heap that shared it; none, if that has ended
 *     held        by its address                 `party` is the heap that adopted it
 *
 * The end of a heap, however it comes (LiveHeap):
 *   - what it holds goes back to its owners;
 *   - what it has in flight goes back too if the heap was destroyed on purpose. If its thread has ended, or nobody knew the pool any
 *     more, the receiver may still have the handle before it: such a block can be adopted for a while longer (`grace`), and goes
 *     back then, as soon as any heap comes by here;
 *   - what others hold of its own blocks stays: the heap becomes an orphan (hak_heap_abandon), which ends with the last of them.
 *
 * Invariants: an entry is in exactly one of the two tables; it is in its owner's list unless the owner is an orphan, and in its
 * party's, or in the list of those without a party. A block that its owner adopts has no entry any more.
 * Threads: any; one lock. Under it nothing is called that can run JavaScript or its garbage collector. It is taken for batches of
 * blocks that moved, and never for a heap's own.
 */
#ifndef HAKMEM_BINDING_HANDOVER_H
#define HAKMEM_BINDING_HANDOVER_H

#include <cstddef>
#include <cstdint>

#include "hakmem.h"
#include "token.h"

namespace hakmem {

struct LiveHeap;
struct Handed;

/** The neighbours in one of the lists of entries. */
struct Link {
  Handed *previous = nullptr;
  Handed *next = nullptr;
};

/** A heap's part in hand-overs; the LiveHeap has it. All of it under the lock. */
struct Party {
  uint64_t id = 0;                   /**< names it for ever; 0: not entered */
  Handed *lent = nullptr;            /**< its own blocks that are elsewhere */
  Handed *mine = nullptr;            /**< what it holds of others, and what it has in flight */
  LiveHeap *previous = nullptr;      /**< all parties */
  LiveHeap *next = nullptr;
};

enum class Handover { done, no_memory, not_owned, moved, destroyed, no_room };

/** What travels. */
struct Parcel {
  void *block = nullptr;
  size_t block_size = 0;
  size_t length = 0;         /**< of the Buffer */
  uint64_t grace_ms = 0;
};

/** Makes a heap a party. */
void handover_enter(LiveHeap *heap);

/**
 * Sends a block off: one of the heap's own that its user gives up, or one that it holds.
 * @param token where the new token goes; in `again` the one that the block came with, which is to be valid once more.
 * @return done, no_memory, not_owned.
 */
Handover handover_share(LiveHeap *heap, const Parcel &parcel, bool again, Token *token);

/**
 * Takes delivery: the block is the heap's to use until it flushes it.
 * @param room the most bytes of a block.
 * @return done, moved (adopted before), destroyed, or no_room with `parcel` filled and nothing else done.
 */
Handover handover_adopt(LiveHeap *heap, const Token &token, double room, Parcel *parcel);

/** Gives blocks of other owners back that the heap holds. @return how many: it holds no others. */
size_t handover_give(LiveHeap *heap, void **blocks, size_t count);

/** Gives back what stayed in flight beyond its time. */
void handover_sweep(LiveHeap *heap);

/** The core counts a block where it was made; this moves it to where it is held. */
void handover_correct(LiveHeap *heap, hak_stats_t *stats);

/** Ends the heap and its part in this. @param destroyed on purpose, not with its thread or by the garbage collector. */
void handover_end(LiveHeap *heap, bool destroyed);

}  // namespace hakmem
#endif
