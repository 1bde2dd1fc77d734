/*
 * L4 mid: a thread's recently freed blocks of the classes above 32 KiB, a ring a class.
 *
 *     rings[class]   oldest ... newest      free pushes and malloc pops at the newest end: the block whose memory is warm;
 *                                           what leaves for the slabs leaves at the oldest
 *
 * All rings together hold as many bytes as the budget says, which follows what the thread uses; a ring has no number of
 * slots. `low` is the least count since the last tick: so many blocks were not needed, and half of them go back.
 * Threads: one at a time, behind the heap's door (heap.h); the numbers may be read by any.
 */
#ifndef HAK_MID_H
#define HAK_MID_H

#include "ring.h"
#include "size_class.h"

/* Smaller classes are the tcache's, larger ones the L2.5 pool's. */
#define HAK_MID_FIRST 40
#define HAK_MID_CLASSES (HAK_SLAB_CLASSES - HAK_MID_FIRST)

typedef struct hak_mid {
  hak_counter_t bytes, allocs, misses; /* first, for others look at them: see hak_heap_t */
  bool used;                           /* a ring ever had a block; else they are not looked at, for many a program needs no memory for them */
  hak_ring_t rings[HAK_MID_CLASSES];
  uint64_t low[HAK_MID_CLASSES];
} hak_mid_t;

/* @return NULL: none of this class. */
void *hak_mid_pop(hak_mid_t *mid, unsigned size_class);

/* @return false: no memory to grow; the block is the caller's still. */
bool hak_mid_push(hak_mid_t *mid, unsigned size_class, void *block);

/* The oldest block of a class, to be given back. */
void *hak_mid_evict(hak_mid_t *mid, unsigned size_class);

/* How many blocks of a class were idle since the last call, half of them rounded up; starts the count anew. */
uint64_t hak_mid_idle(hak_mid_t *mid, unsigned size_class);

/* Aborts where the sums differ from the rings; these check themselves. */
void hak_mid_check(hak_mid_t *mid);

#endif
