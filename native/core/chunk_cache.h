/*
 * L3 chunk_cache: a list of cached huge chunks in the order of their coming, with a count of units. The part that the
 * L2.5 pool's shards and the BigCache share.
 *
 *     newest <-> ... <-> oldest          by `next`, `prev`: what is evicted leaves at the oldest end
 *
 * A cached chunk belongs to no heap's chain and to no registry entry; it keeps its memory.
 * Threads: under the lock of the structure around it.
 */
#ifndef HAK_CHUNK_CACHE_H
#define HAK_CHUNK_CACHE_H

#include "superslab.h"

typedef struct hak_chunk_cache {
  hak_chunk_t *newest, *oldest;
  uint64_t units;
} hak_chunk_cache_t;

void hak_chunk_cache_add(hak_chunk_cache_t *cache, hak_chunk_t *chunk);
void hak_chunk_cache_remove(hak_chunk_cache_t *cache, hak_chunk_t *chunk);

/* Aborts where the list is broken or its count wrong. @return how many chunks it has. */
uint64_t hak_chunk_cache_check(const hak_chunk_cache_t *cache);

#endif
