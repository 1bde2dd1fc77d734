/*
 * L3 remote: blocks freed by threads that do not own their slab.
 *
 *     stack -> slab -> slab      slabs with remote bits; pushed by whoever set a slab's first bit, taken whole by the owner
 *     freers                     threads that are between setting a bit and having pushed
 *
 * A freer announces itself, sets the blocks' bits, pushes the slab if it had none before, and leaves. Between bits and
 * push the owner may already have collected the blocks and closed its slab; the push then brings a slab with nothing to
 * collect, which is harmless, as long as its header is still mapped. Hence the one rule:
 * a chunk is unmapped only while hak_remote_is_quiet(), for then nobody holds or will hold a pointer into its header: a
 * freer that comes later brings a live block, and so a slab that is not empty.
 * A slab may be lent to another heap (lend.h). So a freer announces itself where the slab is, and looks again whether it still is there.
 * What was pushed on the wrong stack its owner hands on: until then the blocks count as used, and the slab stays where it is.
 * Threads: give any; take and quiet the owner.
 */
#ifndef HAK_REMOTE_H
#define HAK_REMOTE_H

#include "atomic.h"
#include "slab.h"

typedef struct hak_remote {
  _Atomic(hak_slab_t *) stack;
  _Atomic uint32_t freers;
  bool collecting; /* the owner walks slabs that it took */
} __attribute__((aligned(HAK_CACHE_LINE))) hak_remote_t;

/* Any thread, between which it frees blocks of the heap's. Sequential: whoever lends a slab changes its heap first and then reads
   `freers`; whoever enters reads the heap afterwards (enter_owner in heap_give.c). The release pairs with the acquire in hak_remote_is_quiet. */
HAK_INLINE void hak_remote_enter(hak_remote_t *remote) {
  hak_fetch_add_seq_cst(&remote->freers, 1);
}
HAK_INLINE void hak_remote_leave(hak_remote_t *remote) {
  hak_fetch_sub_release(&remote->freers, 1);
}

/* Frees the batch's blocks. Those that were freed before stay in it. */
void hak_remote_give(hak_remote_t *remote, hak_slab_t *slab, hak_batch_t *batch);

HAK_INLINE bool hak_remote_pending(hak_remote_t *remote) {
  return hak_load_relaxed(&remote->stack) != NULL; /* a hint; the exchange in hak_remote_take synchronises */
}

/* All pushed slabs, linked by remote_next. Read a slab's link before collecting it: then it may be pushed anew. */
hak_slab_t *hak_remote_take(hak_remote_t *remote);

/* Nobody is between enter and leave: neither now nor, but for those who found a heap changed, later. See hak_remote_enter. */
HAK_INLINE bool hak_remote_has_no_freers(hak_remote_t *remote) {
  return hak_load_seq_cst(&remote->freers) == 0;
}

/* In the child of a fork, to which no freer has come along. */
HAK_INLINE void hak_remote_forget_freers(hak_remote_t *remote) {
  hak_store_relaxed(&remote->freers, 0);
}

/* Pushes a slab with a summary that is not 0, which is on no stack. */
void hak_remote_push(hak_remote_t *remote, hak_slab_t *slab);

/* Nobody has to do with a header of an empty chunk. */
bool hak_remote_is_quiet(hak_remote_t *remote);

#endif
