/*
 * L3 bigcache: freed huge mappings with their memory, in a hash table by length.
 *
 *     buckets[hash(units)] -> chunk -> chunk      newest first: the one whose memory is warmest
 *
 * The table doubles when it has more chunks than buckets and halves when it has an eighth: a collision lengthens a bucket
 * and never evicts. What evicts is age and the budget, both the caller's: oldest first.
 * Threads: any; one lock.
 */
#ifndef HAK_BIGCACHE_H
#define HAK_BIGCACHE_H

#include "chunk_cache.h"
#include "mutex.h"

/* Zero bytes are an empty one. */
typedef struct hak_bigcache {
  hak_mutex_t mutex;
  hak_chunk_cache_t cache;
  hak_chunk_t **buckets; /* NULL until the first chunk comes */
  size_t bucket_count;   /* a power of two, or 0 */
  uint64_t count;        /* chunks */
  hak_counter_t capacity, used, grown, shrunk, misses; /* buckets, chunks, rehashes, rehashes, look-ups; for statistics */
} hak_bigcache_t;

/* @return false: no memory for a table; the chunk is the caller's still. */
bool hak_bigcache_put(hak_bigcache_t *bigcache, hak_chunk_t *chunk);

/* The newest chunk of exactly that many units, or NULL. */
hak_chunk_t *hak_bigcache_take(hak_bigcache_t *bigcache, size_t units);

/* The oldest chunk if it came before `stamp` (UINT64_MAX: whenever it came), or NULL. */
hak_chunk_t *hak_bigcache_evict(hak_bigcache_t *bigcache, uint64_t stamp);

/* Gives the table back; the cache is empty. */
void hak_bigcache_release(hak_bigcache_t *bigcache);

/* Aborts where table, list and counts differ. */
void hak_bigcache_check(hak_bigcache_t *bigcache);

/* Around fork: the child gets the lock open. */
void hak_bigcache_lock(hak_bigcache_t *bigcache);
void hak_bigcache_unlock(hak_bigcache_t *bigcache);

#endif
