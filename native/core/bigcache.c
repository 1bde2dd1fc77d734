/* L3 bigcache: see bigcache.h. */
#include "bigcache.h"

#include "assert.h"
#include "chunk_list.h"
#include "meta.h"

enum { FIRST_BUCKETS = 8 };

static hak_chunk_t **bucket_of(hak_bigcache_t *bigcache, size_t units) {
  uint64_t hash = (uint64_t)units * 0x9e3779b97f4a7c15u; /* Fibonacci hashing, Knuth 6.4 */
  return &bigcache->buckets[(hash >> 32) & (bigcache->bucket_count - 1)];
}

/* The chunk is in the bucket of its length. */
static void check_linked(hak_bigcache_t *bigcache, const hak_chunk_t *chunk) {
  if (!hak_chunk_list_has(*bucket_of(bigcache, chunk->units), chunk))
    hak_fatal("bigcache: a chunk is not in its bucket", chunk->base);
}

static void check_table(hak_bigcache_t *bigcache) {
  uint64_t linked = 0;
  for (size_t i = 0; i < bigcache->bucket_count; i++)
    for (const hak_chunk_t *chunk = bigcache->buckets[i]; chunk != NULL; chunk = chunk->run_next, linked++) {
      check_linked(bigcache, chunk);
      if (bucket_of(bigcache, chunk->units) != &bigcache->buckets[i]) hak_fatal("bigcache: a chunk is not in its bucket", chunk->base);
    }
  if (hak_chunk_cache_check(&bigcache->cache) != linked || linked != bigcache->count)
    hak_fatal("bigcache: `count` differs from the table", bigcache);
}

void hak_bigcache_check(hak_bigcache_t *bigcache) {
  hak_mutex_lock(&bigcache->mutex);
  check_table(bigcache);
  hak_mutex_unlock(&bigcache->mutex);
}

/* Oldest first, so that each bucket has its newest in front again. @return false: no memory; all is as it was. */
static bool rehash(hak_bigcache_t *bigcache, size_t bucket_count) {
  hak_chunk_t **buckets = hak_meta_alloc(bucket_count * sizeof *buckets);
  if (buckets == NULL) return false;
  hak_meta_free(bigcache->buckets, bigcache->bucket_count * sizeof *buckets);
  hak_counter_add(bucket_count > bigcache->bucket_count ? &bigcache->grown : &bigcache->shrunk, 1);
  bigcache->buckets = buckets;
  bigcache->bucket_count = bucket_count;
  hak_store_relaxed(&bigcache->capacity, bucket_count);
  for (hak_chunk_t *chunk = bigcache->cache.oldest; chunk != NULL; chunk = chunk->prev)
    hak_chunk_list_add(bucket_of(bigcache, chunk->units), chunk);
  if (HAK_CHECKED) check_table(bigcache);
  return true;
}

/* A table that can't be resized for want of memory goes on as it is. */
static bool make_room(hak_bigcache_t *bigcache) {
  if (bigcache->bucket_count == 0) return rehash(bigcache, FIRST_BUCKETS);
  if (bigcache->count >= bigcache->bucket_count) rehash(bigcache, 2 * bigcache->bucket_count);
  return true;
}

static void forget(hak_bigcache_t *bigcache, hak_chunk_t *chunk) {
  if (HAK_CHECKED) check_linked(bigcache, chunk);
  hak_chunk_list_remove(bucket_of(bigcache, chunk->units), chunk);
  hak_chunk_cache_remove(&bigcache->cache, chunk);
  hak_store_relaxed(&bigcache->used, --bigcache->count);
  if (bigcache->bucket_count > FIRST_BUCKETS && bigcache->count * 8 <= bigcache->bucket_count)
    rehash(bigcache, bigcache->bucket_count / 2);
}

void hak_bigcache_lock(hak_bigcache_t *bigcache) {
  hak_mutex_lock_through_fork(&bigcache->mutex);
}
void hak_bigcache_unlock(hak_bigcache_t *bigcache) {
  hak_mutex_unlock_after_fork(&bigcache->mutex);
}

bool hak_bigcache_put(hak_bigcache_t *bigcache, hak_chunk_t *chunk) {
  hak_mutex_lock(&bigcache->mutex);
  bool room = make_room(bigcache);
  if (room) {
    hak_chunk_list_add(bucket_of(bigcache, chunk->units), chunk);
    hak_chunk_cache_add(&bigcache->cache, chunk);
    hak_store_relaxed(&bigcache->used, ++bigcache->count);
    if (HAK_CHECKED) check_linked(bigcache, chunk);
  }
  hak_mutex_unlock(&bigcache->mutex);
  return room;
}

hak_chunk_t *hak_bigcache_take(hak_bigcache_t *bigcache, size_t units) {
  hak_mutex_lock(&bigcache->mutex);
  hak_chunk_t *chunk = bigcache->bucket_count == 0 ? NULL : *bucket_of(bigcache, units);
  while (chunk != NULL && chunk->units != units) chunk = chunk->run_next;
  if (chunk != NULL)
    forget(bigcache, chunk);
  else
    hak_counter_add(&bigcache->misses, 1);
  hak_mutex_unlock(&bigcache->mutex);
  return chunk;
}

hak_chunk_t *hak_bigcache_evict(hak_bigcache_t *bigcache, uint64_t stamp) {
  hak_mutex_lock(&bigcache->mutex);
  hak_chunk_t *chunk = bigcache->cache.oldest;
  if (chunk != NULL && chunk->stamp >= stamp) chunk = NULL;
  if (chunk != NULL) forget(bigcache, chunk);
  hak_mutex_unlock(&bigcache->mutex);
  return chunk;
}

void hak_bigcache_release(hak_bigcache_t *bigcache) {
  HAK_ASSERT(bigcache->count == 0);
  hak_meta_free(bigcache->buckets, bigcache->bucket_count * sizeof *bigcache->buckets);
  bigcache->buckets = NULL;
  bigcache->bucket_count = 0;
  hak_store_relaxed(&bigcache->capacity, 0);
}
