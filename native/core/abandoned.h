/*
 * L5 abandoned: heaps whose thread has ended. Their slabs stay as they are, and warm, for the thread that comes next; what
 * is idle in them goes back at the ticks of the threads that live (heaps.h).
 *
 * Threads: any; one lock. Under it an abandoned heap may be used as by its owner.
 */
#ifndef HAK_ABANDONED_H
#define HAK_ABANDONED_H

#include "heap.h"

/* The heap's cache is flushed; its thread does not use it any more. */
void hak_abandoned_add(hak_heap_t *heap);

/* The heap that was abandoned last, or NULL. */
hak_heap_t *hak_abandoned_adopt(void);

/* Visits the abandoned heaps, newest first; between hak_abandoned_lock and hak_abandoned_unlock. */
void hak_abandoned_each_locked(void (*visit)(hak_heap_t *heap, void *argument), void *argument);

/* Around fork: the child gets the lock open. */
void hak_abandoned_lock(void);
void hak_abandoned_unlock(void);

#endif
