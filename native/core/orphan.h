/*
 * L5 orphan: heaps of their own whose user has ended while others hold blocks of them. Such a heap hands nothing out any more;
 * it waits for its last blocks and then ends.
 *
 *     hak_heap_abandon --> orphan, all other blocks given back --last block freed, by anyone--> reaped, destroyed
 *
 * A freer reads `orphan` of the heap to which it gives a block while it still holds that block; if it is set, it looks after the
 * orphans when it is done. It may miss one that is orphaned at the same moment: then the next who looks, or a trim, finds it.
 *
 * Threads: any; one lock. Under it an orphan may be used as by its owner.
 */
#ifndef HAK_ORPHAN_H
#define HAK_ORPHAN_H

#include "heap.h"

/* The heap holds only blocks that others will free; nobody else uses it any more. */
void hak_orphan_add(hak_heap_t *heap);

/*
 * Takes over what was freed, and adds the bytes given back to `sum`.
 * @return an orphan without blocks, which is the caller's now to destroy; NULL: there is none.
 */
hak_heap_t *hak_orphan_reap(size_t *sum);

/* Around fork: the child gets the lock open. */
void hak_orphan_lock(void);
void hak_orphan_unlock(void);

#endif
