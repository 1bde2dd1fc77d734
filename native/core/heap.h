/*
 * L5 heap: dispatch by size, and who owns what.
 *
 *     partial[class] -> slab -> slab       slabs with a free block; the head is filled first, a slab that gets its first
 *                                          block back goes before it: the fullest are filled, the others get empty
 *                                          (its own, and those lent to it: lend.h)
 *     superslab                            the chunks
 *     large                                freed blocks above 1 MiB: shared by the threads' heaps, apart for a heap of its own
 *     tcache, mid                          of the heap's thread; heaps of their own have none
 *     remote                               what other threads freed
 *
 * A block of the heap is free in its slab, or handed out; a thread's cache counts as handed out here.
 * Time is counted in ticks: so many refills and flushes (an option). What was idle from one tick to the next goes back.
 * Threads: the owner, one at a time, except where a function says "any". What is known of the slabs is behind the heap's door,
 * which each function here closes behind itself: others give large blocks back through it, and threads that are awake tick for those
 * that rest (heaps.h). The mid rings are behind it too; the tcache is the owner's alone.
 */
#ifndef HAK_HEAP_H
#define HAK_HEAP_H

#include "large.h"
#include "mid.h"
#include "mutex.h"
#include "superslab.h"
#include "options.h"
#include "os.h"
#include "registry.h"
#include "tcache.h"

typedef struct hak_heap_class {
  hak_slab_t *head, *tail;                 /* partial slabs */
  hak_counter_t live, refills, flushes;    /* blocks handed out, calls, calls */
} hak_heap_class_t;

/*
 * Blocks that were freed by way of a heap that does not own them, less those that came back to this one: modulo 2^64, each heap
 * counting what it does itself. Summed over all heaps it is what is still to be collected.
 */
typedef struct hak_returned {
  hak_counter_t blocks[HAK_SLAB_CLASSES + 1];
  hak_counter_t bytes;
  hak_counter_t frees;                     /* of the blocks, those that belong to threads' heaps */
} hak_returned_t;

/* In the order of use: what programs do without blocks for the mid rings is in two OS pages. */
struct hak_heap {
  hak_tcache_t tcache;
  hak_large_t *large;
  hak_heap_class_t classes[HAK_SLAB_CLASSES + 1]; /* the last counts huge blocks and lists nothing */
  hak_superslab_t superslab;
  uint64_t next_slab;
  uint64_t operations;                     /* refills and flushes since the last tick */
  uint64_t purged_ms;                      /* when it last looked for idle memory, 0: not yet; threads' heaps only */
  uint32_t hint;                           /* tells threads' heaps apart: which shard of the L2.5 pool, which mark */
  bool own;                                /* made by hak_heap_new: its blocks enter no thread's cache */
  bool spare;                              /* the one of spare.h: threads take turns */
  _Atomic bool met_orphan;                 /* gave a block back to an orphan: look whether it ends. Relaxed: its own affair */
  _Atomic bool orphan;                     /* see orphan.h; relaxed: whoever reads it holds a block of the heap */
  hak_counter_t live_bytes;                /* of blocks handed out, the thread's cached ones included */
  hak_counter_t frees;                     /* of a heap of its own, by hak_free; any thread */
  hak_counter_t refills, flushes, uncached_allocs, remote_frees, adopted, abandoned;
  hak_returned_t returned;
  hak_heap_t *next, *prev;                 /* list of all heaps, under its lock */
  uint64_t activity_asked;                 /* what it had done when it was last asked for a slab; under the lock of that list */
  uint64_t activity_seen, seen_ms;         /* what it had done at others' last look that found it awake, and when; under that lock too */
  hak_heap_t *next_abandoned;              /* or the next orphan */
  hak_remote_t remote;                     /* other threads write it: on a line of its own */
  hak_mutex_t door;                        /* locked while somebody is at its slabs */
  hak_mid_t mid;
};
_Static_assert(offsetof(struct hak_heap, mid.rings) <= 8 * HAK_KIB, "a heap without mid rings has two pages");

hak_heap_t *hak_heap_create(bool own);

/* ---- the door: closed while somebody is at the heap's slabs; not twice by one thread ---- */

HAK_INLINE bool hak_heap_try_enter(hak_heap_t *heap) {
  return hak_mutex_try_lock(&heap->door);
}

/* Nobody stays long: a tick at most. */
HAK_INLINE void hak_heap_enter(hak_heap_t *heap) {
  hak_mutex_lock(&heap->door);
}

HAK_INLINE void hak_heap_leave(hak_heap_t *heap) {
  hak_mutex_unlock(&heap->door);
}

/* The heap holds no block that anyone uses; its memory goes back. */
void hak_heap_delete(hak_heap_t *heap);

/* The slab that an address lies in, whichever heap owns it; NULL: none of ours. Any thread. */
HAK_INLINE hak_slab_t *hak_heap_slab_of(const void *address) {
  return (hak_slab_t *)(hak_registry_get(address) & ~HAK_REGISTRY_TAG_MASK);
}

/* Up to `count` blocks of a class (huge ones too), lowest first. @return how many. */
size_t hak_heap_take(hak_heap_t *heap, unsigned size_class, size_t count, void **blocks);

/* One block at a multiple of any power of two, of the class that hak_size_class_aligned says. @return 1; 0: no memory. */
size_t hak_heap_take_aligned(hak_heap_t *heap, unsigned size_class, size_t alignment, void **block);

/*
 * Gives blocks back to whichever heap owns them; `heap` is the caller's, for its counters.
 * @return how many were accepted; the others are gathered at the front of `blocks`.
 */
size_t hak_heap_give(hak_heap_t *heap, void **blocks, size_t count);

/* The same for blocks that must be live: aborts where one is not. */
void hak_heap_give_live(hak_heap_t *heap, void **blocks, size_t count);

/* hak_heap_give for one who is inside the heap's door; waits for no other. */
size_t hak_heap_give_inside(hak_heap_t *heap, void **blocks, size_t count);

/* Lengthens a huge block to `size` bytes, a class's, where it lies. @return false: it is another heap's, or has no room behind it. */
bool hak_heap_grow(hak_heap_t *heap, hak_slab_t *slab, size_t size);

/* Counts a refill or a flush. @return whether a tick is due. */
HAK_INLINE bool hak_heap_tick_due(hak_heap_t *heap) {
  return HAK_UNLIKELY(++heap->operations >= hak_option(hak_option_tick_operations));
}

/* Gives back what was idle since the last tick. */
void hak_heap_tick(hak_heap_t *heap);

/* The same for a heap whose thread rests: all that is idle goes. Any thread; nothing where another is at the heap's slabs. */
void hak_heap_tick_resting(hak_heap_t *heap);

/* Gives every block back but those that `next` names; see hak_heap_abandon. No cache holds any. */
void hak_heap_retain(hak_heap_t *heap, void *(*next)(void *argument), void *argument);

/* Gives idle memory back. @return bytes. */
size_t hak_heap_give_idle(hak_heap_t *heap);

/* Gives the large blocks back that the threads' heaps share. @return bytes. Any thread. */
size_t hak_heap_give_shared(void);

/* Whether there are any, held or kept, or were lately. Any thread. */
bool hak_heap_shares(void);

/* A moment has passed for them: those go that nobody has taken for long, or that are too many. Any thread. */
void hak_heap_tick_shared(void);

/* Around fork: the child gets the locks of what the threads' heaps share open. */
void hak_heap_lock_shared(void);
void hak_heap_unlock_shared(void);

/* Adds the numbers of cached large blocks. */
void hak_heap_add_large_stats(hak_large_t *large, hak_stats_t *stats);

/* Adds the numbers of what the threads' heaps share. */
void hak_heap_add_shared_stats(hak_stats_t *stats);

/* Adds the heap's numbers; what others freed is live until it is collected. Any thread. */
void hak_heap_add_stats(hak_heap_t *heap, hak_stats_t *stats);

/* Adds what it gave back: part of the former, and all that there is of threads without a heap. Any thread. */
void hak_heap_add_flush_stats(hak_heap_t *heap, hak_stats_t *stats);

/* Takes what is still to be collected off the numbers of all heaps together: called for each of them. Any thread. */
void hak_heap_take_returned(hak_returned_t *returned, hak_stats_t *stats);

/* The heap is about to go, with all that it has: its running totals stay. Under the lock of the list of all heaps, as the next. */
void hak_heap_retire_stats(hak_heap_t *heap);

/* Adds the running totals of heaps that are gone. */
void hak_heap_add_retired_stats(hak_stats_t *stats);

void hak_heap_check(hak_heap_t *heap);

#endif
