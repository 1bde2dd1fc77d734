/* L3 l25: see l25.h. */
#include "l25.h"

#include "assert.h"
#include "bits.h"
#include "chunk_list.h"
#include "meta.h"

/* After so many operations the number of shards is looked at; more than this share of waits asks for more. */
enum { WINDOW = 1024, CONTENDED_SHARE = 16 };

static hak_l25_shard_t *shard_at(hak_l25_t *l25, uint32_t index) {
  if (index == 0) return &l25->first;
  unsigned segment = hak_log2(index);
  return &l25->segments[segment][index - ((uint32_t)1 << segment)];
}

/* ---- one shard, under its lock ---- */

static unsigned list_index(const hak_chunk_t *chunk) {
  return hak_size_class_of(chunk->units * HAK_UNIT_SIZE) - HAK_SLAB_CLASSES;
}

/* The chunk is in the list of its class. */
static void check_linked(const hak_l25_shard_t *shard, const hak_chunk_t *chunk) {
  if (!hak_chunk_list_has(shard->lists[list_index(chunk)], chunk)) hak_fatal("l25: a chunk is not in its list", chunk->base);
}

static void check_shard(const hak_l25_shard_t *shard) {
  uint64_t linked = 0;
  for (unsigned i = 0; i < HAK_L25_CLASSES; i++)
    for (const hak_chunk_t *chunk = shard->lists[i]; chunk != NULL; chunk = chunk->run_next, linked++) {
      if (list_index(chunk) != i) hak_fatal("l25: a chunk is not in its list", chunk->base);
      check_linked(shard, chunk);
    }
  if (hak_chunk_cache_check(&shard->cache) != linked) hak_fatal("l25: a shard's lists differ from its order", shard);
}

static void add(hak_l25_shard_t *shard, hak_chunk_t *chunk) {
  hak_chunk_list_add(&shard->lists[list_index(chunk)], chunk);
  hak_chunk_cache_add(&shard->cache, chunk);
  if (HAK_CHECKED) check_linked(shard, chunk);
}

static void remove_from(hak_l25_shard_t *shard, hak_chunk_t *chunk) {
  if (HAK_CHECKED) check_linked(shard, chunk);
  hak_chunk_list_remove(&shard->lists[list_index(chunk)], chunk);
  hak_chunk_cache_remove(&shard->cache, chunk);
}

/* ---- the number of shards ---- */

static bool add_segment(hak_l25_t *l25, uint32_t count) {
  unsigned segment = hak_log2(count);
  if (l25->segments[segment] != NULL) return true; /* left from before a merge */
  hak_l25_shard_t *shards = hak_meta_alloc(count * sizeof *shards);
  if (shards == NULL) return false;
  l25->segments[segment] = shards;
  return true;
}

static void double_shards(hak_l25_t *l25, uint32_t count) {
  if (count >= hak_load_relaxed(&l25->users) || !add_segment(l25, count)) return;
  hak_store_release(&l25->count, 2 * count); /* pairs with the acquire in lock_shard: the segment is filled */
  hak_fetch_add_relaxed(&l25->grown, 1);
}

/* Oldest first, so that their order stays. */
static void move_all(hak_l25_shard_t *from, hak_l25_shard_t *to) {
  for (;;) {
    hak_mutex_lock(&from->mutex);
    hak_chunk_t *chunk = from->cache.oldest;
    if (chunk != NULL) remove_from(from, chunk);
    hak_mutex_unlock(&from->mutex);
    if (chunk == NULL) return;
    hak_mutex_lock(&to->mutex);
    add(to, chunk);
    hak_mutex_unlock(&to->mutex);
  }
}

/* The count falls first: whoever locks an upper shard afterwards sees that and leaves it alone. */
static void halve_shards(hak_l25_t *l25, uint32_t count) {
  hak_store_release(&l25->count, count / 2);
  for (uint32_t i = count / 2; i < count; i++) move_all(shard_at(l25, i), shard_at(l25, i - count / 2));
  hak_fetch_add_relaxed(&l25->shrunk, 1);
}

/* At the end of a window. One thread does it; others go on meanwhile. */
static void resize(hak_l25_t *l25) {
  if (!hak_mutex_try_lock(&l25->resizing)) return;
  uint32_t contended = hak_load_relaxed(&l25->contended);
  uint32_t count = hak_load_relaxed(&l25->count);
  hak_store_relaxed(&l25->operations, 0);
  hak_store_relaxed(&l25->contended, 0);
  if (contended * CONTENDED_SHARE > WINDOW)
    double_shards(l25, count);
  else if (contended == 0 && count > 1)
    halve_shards(l25, count);
  if (HAK_CHECKED) hak_l25_check(l25);
  hak_mutex_unlock(&l25->resizing);
}

static hak_l25_shard_t *lock_shard(hak_l25_t *l25, uint32_t hint) {
  for (;;) {
    uint32_t index = hint & (hak_load_acquire(&l25->count) - 1); /* pairs with the release in double_shards */
    hak_l25_shard_t *shard = shard_at(l25, index);
    if (!hak_mutex_try_lock(&shard->mutex)) {
      hak_fetch_add_relaxed(&l25->contended, 1);
      hak_mutex_lock(&shard->mutex);
    }
    /* Under the lock a merge has either not yet moved this shard or has made the smaller count visible. */
    if (index < hak_load_acquire(&l25->count)) return shard;
    hak_mutex_unlock(&shard->mutex);
  }
}

/* At the end of each operation, when it holds no lock. */
static void count_operation(hak_l25_t *l25) {
  if (hak_fetch_add_relaxed(&l25->operations, 1) + 1 >= WINDOW) resize(l25);
}

/* ---- put, take, evict ---- */

void hak_l25_init(hak_l25_t *l25) {
  hak_store_relaxed(&l25->count, 1);
  hak_store_relaxed(&l25->users, 1);
}

void hak_l25_put(hak_l25_t *l25, uint32_t hint, hak_chunk_t *chunk) {
  hak_l25_shard_t *shard = lock_shard(l25, hint);
  add(shard, chunk);
  hak_mutex_unlock(&shard->mutex);
  hak_fetch_add_relaxed(&l25->used, 1);
  count_operation(l25);
}

/* Takes out the newest chunk of a class, or with no class the oldest one if it came before `stamp`. */
static hak_chunk_t *take_from(hak_l25_shard_t *shard, unsigned size_class, uint64_t stamp) {
  hak_chunk_t *chunk = size_class != 0 ? shard->lists[size_class - HAK_SLAB_CLASSES] : shard->cache.oldest;
  if (chunk == NULL || (size_class == 0 && chunk->stamp >= stamp)) return NULL;
  remove_from(shard, chunk);
  return chunk;
}

static hak_chunk_t *take_from_any(hak_l25_t *l25, uint32_t hint, unsigned size_class, uint64_t stamp) {
  hak_chunk_t *chunk = NULL;
  for (uint32_t i = 0; chunk == NULL && i < hak_load_acquire(&l25->count); i++) { /* it may double meanwhile */
    hak_l25_shard_t *shard = lock_shard(l25, hint + i);
    chunk = take_from(shard, size_class, stamp);
    hak_mutex_unlock(&shard->mutex);
  }
  if (chunk != NULL) hak_fetch_sub_relaxed(&l25->used, 1);
  return chunk;
}

hak_chunk_t *hak_l25_take(hak_l25_t *l25, uint32_t hint, unsigned size_class) {
  hak_chunk_t *chunk = take_from_any(l25, hint, size_class, 0);
  if (chunk == NULL) hak_fetch_add_relaxed(&l25->misses, 1);
  count_operation(l25);
  return chunk;
}

hak_chunk_t *hak_l25_evict(hak_l25_t *l25, uint64_t stamp) {
  return take_from_any(l25, 0, 0, stamp);
}

void hak_l25_release(hak_l25_t *l25) {
  HAK_ASSERT(hak_load_relaxed(&l25->used) == 0);
  for (unsigned k = 0; k < HAK_L25_SEGMENTS; k++) {
    hak_meta_free(l25->segments[k], ((size_t)1 << k) * sizeof(hak_l25_shard_t));
    l25->segments[k] = NULL;
  }
}

/* ---- checking, fork ---- */

void hak_l25_check(hak_l25_t *l25) {
  for (uint32_t i = 0; i < hak_load_acquire(&l25->count); i++) { /* pairs with the release in double_shards */
    hak_l25_shard_t *shard = shard_at(l25, i);
    hak_mutex_lock(&shard->mutex);
    check_shard(shard);
    hak_mutex_unlock(&shard->mutex);
  }
}

/* All shards that there ever were: a thread that comes late may hold a merged one for a moment. */
static void each_shard(hak_l25_t *l25, void (*visit)(hak_mutex_t *mutex)) {
  visit(&l25->first.mutex);
  for (unsigned k = 0; k < HAK_L25_SEGMENTS && l25->segments[k] != NULL; k++)
    for (uint32_t i = 0; i < (uint32_t)1 << k; i++) visit(&l25->segments[k][i].mutex);
}

void hak_l25_lock(hak_l25_t *l25) {
  hak_mutex_lock_through_fork(&l25->resizing); /* now the segments stay as they are */
  each_shard(l25, hak_mutex_lock_through_fork);
}

void hak_l25_unlock(hak_l25_t *l25) {
  each_shard(l25, hak_mutex_unlock_after_fork);
  hak_mutex_unlock_after_fork(&l25->resizing);
}
