/* L5 heap: how heaps come and go, and the large blocks that those of threads share; see heap.h. */
#include "chunk.h"
#include "heap.h"
#include "live.h"
#include "meta.h"
#include "os.h"
#include "region.h"

/* The threads' heaps share their large blocks. Made ready by the first of them, under the lock. */
static hak_large_t shared_large;
static _Atomic uint64_t shared_purged, shared_shrunk; /* units, chunks; relaxed: shown only */
static bool shared_ready;
static uint32_t next_hint;
static hak_mutex_t mutex;

static hak_large_t *shared(uint32_t *hint) {
  hak_mutex_lock(&mutex);
  if (!shared_ready) hak_large_init(&shared_large, true);
  shared_ready = true;
  *hint = next_hint++;
  hak_store_relaxed(&shared_large.l25.users, next_hint);
  hak_mutex_unlock(&mutex);
  return &shared_large;
}

/* Before it is ready nobody looks into it, and the lock keeps it so. */
void hak_heap_lock_shared(void) {
  hak_mutex_lock_through_fork(&mutex);
  if (!shared_ready) return;
  hak_l25_lock(&shared_large.l25);
  hak_bigcache_lock(&shared_large.bigcache);
}

void hak_heap_unlock_shared(void) {
  if (shared_ready) {
    hak_bigcache_unlock(&shared_large.bigcache);
    hak_l25_unlock(&shared_large.l25);
  }
  hak_mutex_unlock_after_fork(&mutex);
}

static hak_large_t *apart(void) {
  hak_large_t *large = hak_meta_alloc(sizeof *large);
  if (large != NULL) hak_large_init(large, false);
  return large;
}

hak_heap_t *hak_heap_create(bool own) {
  if (!hak_region_start()) return NULL;
  hak_heap_t *heap = hak_meta_alloc(sizeof *heap);
  if (heap == NULL) return NULL;
  heap->own = own;
  hak_tcache_init(&heap->tcache);
  heap->large = own ? apart() : shared(&heap->hint);
  heap->tcache.own = hak_live_own(heap->hint);
  if (heap->large != NULL) return heap;
  hak_meta_free(heap, sizeof *heap);
  return NULL;
}

/* What is shared was alone with its heap when it was cached, and nobody can have pinned it since. @return bytes. */
static size_t give_shared(bool all) {
  hak_chunk_t *chunk;
  size_t units = 0, chunks = 0;
  for (; (chunk = hak_large_excess(&shared_large, all)) != NULL; chunks++) {
    units += chunk->units;
    hak_chunk_unpin(chunk);
  }
  hak_fetch_add_relaxed(&shared_purged, units);
  hak_fetch_add_relaxed(&shared_shrunk, chunks);
  return units * HAK_UNIT_SIZE;
}

size_t hak_heap_give_shared(void) {
  return give_shared(true);
}

bool hak_heap_shares(void) {
  return hak_load_relaxed(&shared_large.most) != 0 || hak_load_relaxed(&shared_large.cached) != 0;
}

void hak_heap_tick_shared(void) {
  hak_large_tick(&shared_large);
  give_shared(false);
}

void hak_heap_delete(hak_heap_t *heap) {
  hak_chunk_t *chunk;
  while ((chunk = hak_large_excess(heap->large, true)) != NULL) {
    hak_os_purge(chunk->base, chunk->units * HAK_UNIT_SIZE); /* who pins it keeps the addresses only */
    hak_chunk_unpin(chunk);
  }
  hak_large_release(heap->large);
  hak_meta_free(heap->large, sizeof *heap->large);
  hak_superslab_destroy(&heap->superslab);
  hak_meta_free(heap, sizeof *heap);
}

void hak_heap_add_shared_stats(hak_stats_t *stats) {
  hak_heap_add_large_stats(&shared_large, stats);
  stats->bytes_purged += hak_load_relaxed(&shared_purged) * HAK_UNIT_SIZE;
  stats->superslab.shrunk += hak_load_relaxed(&shared_shrunk);
}
