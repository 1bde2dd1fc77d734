/*
 * L5 lend: slabs and free units of heaps whose threads do nothing, for heaps that would touch new pages.
 *
 *     main thread's heap, which made all at start       worker's heap
 *     chunk | slab | slab -> ...... lent ...........->  partial[class] -> slab
 *           | free | free -> opened as a slab, lent ->
 *
 * What a thread frees of another's blocks goes home to their slabs. Where the other one sleeps, or has ended, they are of no use
 * there: a server whose first thread made everything would hold it twice. So a heap that has no warm block of a class (one that was
 * handed out before) looks for a slab of the class that has some, in heaps that have done nothing while others looked; or, where it has no
 * warm units either, for units of theirs that are free. So threads that take turns, as a pool's that resize images, share what they have
 * free: 90,000 page faults in place of 175,000 with sharp.
 *
 * A lent slab is the borrower's in all but its units: it is in the borrower's list, its blocks count there, and frees by others come
 * there. Its chunk stays where it is, as those free units do that are in no slab. When the slab is empty, and nobody is about to free
 * into it, it goes home over the lender's stack of slabs to collect.
 *
 * Invariants: slab->heap changes only behind the doors of both heaps, or for an empty slab behind the borrower's; nobody is between
 * hak_remote_enter and hak_remote_leave of the lender when the borrower gets the slab, nor of the borrower when it goes home: so
 * whoever frees is announced where the slab is, and a slab with a freer is never empty at home.
 * Only threads' heaps lend and borrow: those are never destroyed.
 * Threads: the borrower's. It waits for no door and no lock, only for freers who are between enter and leave, which is short.
 */
#ifndef HAK_LEND_H
#define HAK_LEND_H

#include "heap.h"

/* Gets a slab of the class that has warm blocks, or is over warm units, to the front of the borrower's list; called inside its door.
   @return false: found none. */
bool hak_lend(hak_heap_t *borrower, unsigned size_class);

/* Whether an empty slab may leave the heap's lists: one of its own always, a lent one while nobody is about to free into it. Called
   inside the door. */
bool hak_lend_may_close(hak_heap_t *heap, hak_slab_t *slab);

/* Sends an empty lent slab home, over the lender's stack of slabs to collect; it is in no list, and may close. */
void hak_lend_return(hak_slab_t *slab);

#endif
