/*
 * L5 thread: which heap a thread uses, and what becomes of it.
 *
 *     nobody --first slow path--> a heap, adopted or new --thread ends--> cache flushed, abandoned --> adopted ...
 *     ended  --slow path--> a heap, borrowed for this one call --> abandoned again
 *
 * A thread has ended when its key's destructor has run. Destructors of other keys may allocate after it, in the last round too, after which
 * nobody is told anything: so nothing may be left with such a thread. Only one that allocates there for the first time keeps its heap for good,
 * some 20 KiB, for nothing tells it from a thread at its beginning.
 * A thread without a heap points at `hak_nobody`, whose bins are empty and have no room: the fast paths need no test for it.
 * Heaps of threads are never unmapped: a freer in another thread may hold a pointer to one at any time.
 * Threads: any.
 */
#ifndef HAK_THREAD_H
#define HAK_THREAD_H

#include "cache.h"

extern hak_heap_t hak_nobody;
/* The builds choose the TLS model: initial-exec in the preload library, where it is faster; the compiler's default in the
   addon, for a module that is loaded later can fail to load with initial-exec. */
extern _Thread_local hak_heap_t *hak_thread_heap;

/* The calling thread's heap, made if need be; `hak_nobody` where there is no memory for one. */
hak_heap_t *hak_thread_heap_get(void);

/* The call that got the heap is done with it: one that was borrowed goes back. */
void hak_thread_heap_put(hak_heap_t *heap);

/* The same for a free. A thread that has ended gets none for that alone, nor one that never allocated for its first frees: the C library's
   own last ones come when nothing tells of an end any more, and each such thread would keep a heap for ever. */
hak_heap_t *hak_thread_heap_to_free(void);

/* Adds the numbers of all heaps, and of what threads without one gave back. */
void hak_thread_add_stats(hak_stats_t *stats);

#endif
