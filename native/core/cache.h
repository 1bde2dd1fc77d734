/*
 * L5 cache: what moves blocks between a thread's cache (tcache and mid rings) and the heaps: refill, flush, decay.
 *
 *     miss: the bin doubles if the budget allows, and half of it is filled
 *     full: the older half is flushed
 *     tick: bins that were not used lose half of their blocks and of their room; rings half of what was not needed
 *
 *     rest: a thread that waits passes no tick, so those that are awake empty its rings and give back what is idle
 *
 * Budget: a quarter of what the thread's heap has handed out, between two options.
 * Threads: the heap's own, except where a function says "any".
 */
#ifndef HAK_CACHE_H
#define HAK_CACHE_H

#include "heap.h"

/* A block of a class below HAK_SLAB_CLASSES when the fast path had none. @return NULL: no memory. */
void *hak_cache_alloc(hak_heap_t *heap, unsigned size_class);

/* Takes a block in when the fast path had no room. @return false: it has to go to its slab. */
bool hak_cache_free(hak_heap_t *heap, unsigned size_class, void *block);

/* The same of another heap's block, of a class that shares lines, when hak_bin_push_other refused it. */
bool hak_cache_free_other(hak_heap_t *heap, unsigned size_class, void *block);

/* Counts a refill or a flush. Where a tick is due, what was idle since the last one goes back, of the caches and the heap. And it is time for
   a look. */
void hak_cache_count(hak_heap_t *heap);

/* A look after the heaps whose threads rest, and the large blocks that all share; nothing where another thread is at it, or was not long
   ago. Any thread. */
void hak_cache_look(void);

/* What a look does with a thread's heap: gives back what is idle and what its rings have. Any thread; nothing where another is at the
   heap's slabs. */
void hak_cache_rest(hak_heap_t *heap);

/* Gives everything cached back to the slabs. */
void hak_cache_flush(hak_heap_t *heap);

/* The same, and the caches' own memory. */
void hak_cache_release(hak_heap_t *heap);

#endif
