/* L4 large: see large.h. */
#include "large.h"

#include "options.h"

static uint64_t at_least_0(uint64_t most, uint64_t live) {
  return most > live ? most - live : 0;
}

/* A quarter beyond the most that was held: what is cached is seldom of the sizes that are asked for next, and without room for some of
   each, one is unmapped for every other that is mapped. */
static uint64_t budget_of(hak_large_t *large) {
  uint64_t least = hak_option(hak_option_large_cache_bytes) / HAK_UNIT_SIZE;
  uint64_t live = hak_load_relaxed(&large->live), most = hak_load_relaxed(&large->most);
  uint64_t kept = large->shared ? at_least_0(most + most / 4, live) : live;
  return kept > least ? kept : least;
}

void hak_large_init(hak_large_t *large, bool shared) {
  large->shared = shared;
  hak_l25_init(&large->l25);
}

static bool is_huge(const hak_chunk_t *chunk) {
  return chunk->units > HAK_L25_SIZE_MAX / HAK_UNIT_SIZE;
}

static hak_chunk_t *take_exact(hak_large_t *large, uint32_t hint, unsigned size_class) {
  size_t size = hak_size_class_bytes(size_class);
  if (size <= HAK_L25_SIZE_MAX) return hak_l25_take(&large->l25, hint, size_class);
  return hak_bigcache_take(&large->bigcache, size / HAK_UNIT_SIZE);
}

hak_chunk_t *hak_large_take(hak_large_t *large, uint32_t hint, unsigned size_class, unsigned slack) {
  if (hak_load_relaxed(&large->cached) == 0) slack = 0;
  for (unsigned more = 0; more <= slack; more++) {
    hak_chunk_t *chunk = take_exact(large, hint, size_class + more);
    if (chunk == NULL) continue;
    hak_fetch_sub_relaxed(&large->cached, chunk->units);
    return chunk;
  }
  return NULL;
}

bool hak_large_put(hak_large_t *large, uint32_t hint, hak_chunk_t *chunk) {
  if (chunk->units > budget_of(large)) return false;
  uint64_t units = chunk->units; /* once it is in, another thread may take and end it */
  chunk->stamp = hak_load_relaxed(&large->moments);
  hak_fetch_add_relaxed(&large->cached, units);
  if (!is_huge(chunk)) {
    hak_l25_put(&large->l25, hint, chunk);
    return true;
  }
  if (hak_bigcache_put(&large->bigcache, chunk)) return true;
  hak_fetch_sub_relaxed(&large->cached, units);
  return false;
}

/* The BigCache first: what it holds is larger and rarer. */
static hak_chunk_t *evict(hak_large_t *large, uint64_t stamp) {
  hak_chunk_t *chunk = hak_bigcache_evict(&large->bigcache, stamp);
  if (chunk == NULL) chunk = hak_l25_evict(&large->l25, stamp);
  if (chunk != NULL) hak_fetch_sub_relaxed(&large->cached, chunk->units);
  return chunk;
}

hak_chunk_t *hak_large_excess(hak_large_t *large, bool all) {
  uint64_t cached = hak_load_relaxed(&large->cached);
  if (cached == 0) return NULL;
  if (all || cached > budget_of(large)) return evict(large, UINT64_MAX);
  uint64_t moments = hak_load_relaxed(&large->moments);
  uint64_t age = hak_option(hak_option_large_cache_ticks);
  return moments > age ? evict(large, moments - age) : NULL;
}

void hak_large_tick(hak_large_t *large) {
  uint64_t most = hak_load_relaxed(&large->most), above = at_least_0(most, hak_load_relaxed(&large->live));
  hak_cas_relaxed(&large->most, &most, most - (above + 15) / 16); /* where it has just grown, the next tick is soon enough */
  hak_fetch_add_relaxed(&large->moments, 1);
}

void hak_large_count_live(hak_large_t *large, int64_t units) {
  uint64_t live = hak_fetch_add_relaxed(&large->live, (uint64_t)units) + (uint64_t)units;
  if (units > 0 && live > hak_load_relaxed(&large->most)) hak_store_relaxed(&large->most, live);
}

void hak_large_release(hak_large_t *large) {
  hak_l25_release(&large->l25);
  hak_bigcache_release(&large->bigcache);
}

void hak_large_check(hak_large_t *large) {
  hak_l25_check(&large->l25);
  hak_bigcache_check(&large->bigcache);
}
