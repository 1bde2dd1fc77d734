/*
 * L4 large: what becomes of freed blocks above 1 MiB: the L2.5 pool up to 32 MiB, the BigCache beyond, by one budget and age.
 *
 *     put -> l25 or bigcache          excess -> what must go: the oldest, while more is cached than the budget, or too old
 *     take <- the same, by class
 *
 * The threads' heaps share one; a heap of its own has one of its own. Age counts moments: a chunk that was not taken for so many of them
 * (an option) goes. The budget is no less than an option says, and beyond that
 *
 *                  a moment is                                        as much is kept as
 *     shared       HAKMEM_PURGE_DELAY_MS, whichever threads are       brings what is held up to the most that was held lately, and a quarter more: a
 *                  awake                                              program with a garbage collector, which frees half of all at once, takes it
 *                                                                     all again, in other sizes
 *     of its own   a tick: its user may do nothing for long           is held now
 *
 * Threads: any.
 */
#ifndef HAK_LARGE_H
#define HAK_LARGE_H

#include "bigcache.h"
#include "l25.h"

typedef struct hak_large {
  hak_l25_t l25;
  hak_bigcache_t bigcache;
  _Atomic uint64_t live, cached; /* units; relaxed: they steer and are shown, nothing depends on their order */
  _Atomic uint64_t most;         /* likewise: of `live`; each moment takes a sixteenth of what it is above it */
  _Atomic uint64_t moments;      /* likewise */
  bool shared;
} hak_large_t;

void hak_large_init(hak_large_t *large, bool shared);

/* A cached chunk of a huge class, or of one of the `slack` next larger ones; or NULL. */
hak_chunk_t *hak_large_take(hak_large_t *large, uint32_t hint, unsigned size_class, unsigned slack);

/* @return false: not worth keeping; the chunk is the caller's still. */
bool hak_large_put(hak_large_t *large, uint32_t hint, hak_chunk_t *chunk);

/* The next chunk that must go, or NULL. `all`: everything must. */
hak_chunk_t *hak_large_excess(hak_large_t *large, bool all);

/* A moment has passed. */
void hak_large_tick(hak_large_t *large);

/* So many units more are held, or less. */
void hak_large_count_live(hak_large_t *large, int64_t units);

/* Gives the structure's own memory back; nothing is cached. */
void hak_large_release(hak_large_t *large);

/* Aborts where what is cached is not in order. */
void hak_large_check(hak_large_t *large);

#endif
