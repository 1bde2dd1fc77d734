/*
 * L4 tcache: a thread's free blocks, an array a class. Whichever heap owns a block, any thread may cache and reuse it;
 * only the flush looks at the owner.
 *
 *     bin   blocks -> | p | p | p | p |   |   |   |   |
 *                       `-- count --'   `- capacity -'      pop and push at the end; the oldest are at the front
 *
 * Capacity grows on misses by doubling, from nothing, and is bounded by what all bins of the thread may hold (an option),
 * never by a number of slots.
 * Threads: the owner; `count` may be read by any.
 */
#ifndef HAK_TCACHE_H
#define HAK_TCACHE_H

#include "atomic.h"
#include "size_class.h"

typedef struct hak_bin {
  void **blocks;
  _Atomic uint32_t count; /* relaxed: the owner writes, statistics read */
  _Atomic uint32_t capacity; /* likewise */
  hak_counter_t allocs;   /* blocks handed out */
} hak_bin_t;

typedef struct hak_tcache {
  hak_bin_t bins[HAK_SLAB_CLASSES];
  size_t capacity_bytes;  /* what all bins may hold together */
  hak_counter_t capacity, grown, shrunk, misses;
} hak_tcache_t;

HAK_INLINE void *hak_bin_pop(hak_bin_t *bin) {
  uint32_t count = hak_load_relaxed(&bin->count);
  if (HAK_UNLIKELY(count == 0)) return NULL;
  hak_store_relaxed(&bin->count, count - 1);
  hak_counter_add(&bin->allocs, 1);
  return bin->blocks[count - 1];
}

/* @return false: the bin is full. */
HAK_INLINE bool hak_bin_push(hak_bin_t *bin, void *block) {
  uint32_t count = hak_load_relaxed(&bin->count);
  if (HAK_UNLIKELY(count >= hak_load_relaxed(&bin->capacity))) return false;
  bin->blocks[count] = block;
  hak_store_relaxed(&bin->count, count + 1);
  return true;
}

/* Doubles a bin's capacity where the thread's byte budget and memory allow. */
void hak_tcache_grow(hak_tcache_t *tcache, unsigned size_class);

/* Gives the arrays back; the bins are empty. */
void hak_tcache_release(hak_tcache_t *tcache);

#endif
