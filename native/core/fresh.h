/*
 * L5 fresh: blocks whose memory is zero already, since it comes from the OS and nobody had it before: they need no clearing.
 *
 *     slab   | handed out before | the last batch | never handed out |
 *                                `- high_before   `- high              from high_before on, of a slab whose units were fresh
 *
 * hak_clear_fresh, in hakmem.h, is for heaps of their own and huge blocks, which no thread's cache keeps.
 * Threads: the one that was handed the block.
 */
#ifndef HAK_FRESH_H
#define HAK_FRESH_H

#include "heap.h"

/* hak_clear_fresh for a block that the calling thread's heap has just taken from a slab, past the cache. */
bool hak_fresh_clear_taken(hak_heap_t *heap, void *block);

#endif
