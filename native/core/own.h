/*
 * L5 own: heaps of their own, as the public header has them: no thread's cache lies before them, and whoever made one ends it.
 *
 *     hak_heap_new --malloc, batches--> in use --destroy--> gone            everything at once
 *                                              --abandon--> an orphan       see orphan.h
 *
 * Threads: one at a time uses a heap; any may free its blocks.
 */
#ifndef HAK_OWN_H
#define HAK_OWN_H

#include "heap.h"

/* Ends the orphans whose last block has come back. @return bytes given back. */
size_t hak_own_end_orphans(void);

/* The same, for a heap that has just given a block back to one. */
void hak_own_met_orphan(hak_heap_t *heap);

#endif
