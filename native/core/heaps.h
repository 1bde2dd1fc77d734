/*
 * L5 heaps: all heaps of the process: for their sums, for those whose threads rest, and for those that lend (lend.h).
 *
 * A thread that waits, in a pool maybe for minutes, passes no tick: what others free of its slabs would stay uncollected, and what
 * it has free would keep its memory. So the threads that are awake look after it: a heap that has done next to nothing for ten times
 * HAKMEM_PURGE_DELAY_MS, as far as their looks could see, is taken to rest. Until then what it has free is lent to others, and its own when
 * it wakes. Its thread may wake at any moment; then it finds the heap's door closed (heap.h) and waits. Abandoned heaps rest as well.
 * Threads: any; one lock, under which doors are waited for, but never the other way round.
 */
#ifndef HAK_HEAPS_H
#define HAK_HEAPS_H

#include "heap.h"

void hak_heaps_enter(hak_heap_t *heap);

/* Takes the heap out, which is about to go; its running totals stay. */
void hak_heaps_remove(hak_heap_t *heap);

/* A look: visits each heap that rests, under the lock, and lets the large blocks that all share age. Nothing where another
   thread is at it, or was a moment ago. */
void hak_heaps_look(void (*visit)(hak_heap_t *heap));

/* Visits threads' heaps that have done nothing since they were last come upon here, a few of them at a time, until a visit says true.
   @return whether one did; false where another thread is at it. Waits for nothing. */
bool hak_heaps_find_resting(bool (*visit)(hak_heap_t *heap, void *argument), void *argument);

/* Whether others look after the heap; those of their own go by what their users do. Such a heap is never destroyed. */
HAK_INLINE bool hak_heaps_look_after(const hak_heap_t *heap) {
  return !heap->own || heap->spare;
}

/* Visits each heap, under the lock. */
void hak_heaps_each(void (*visit)(hak_heap_t *heap, void *argument), void *argument);

/* Adds the numbers of all heaps, and of those that are gone: none counts in both, or in neither. */
void hak_heaps_add_stats(hak_stats_t *stats);

/* Around fork: the child gets the lock open, and every heap whole but those that other threads were at work in. */
void hak_heaps_lock(void);
void hak_heaps_unlock(void);

#endif
