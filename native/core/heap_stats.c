/*
 * L5 heap_stats: the numbers of a heap, added to those of others. Nothing is stopped: each number is read by itself, and those
 * of a running thread may be a moment apart.
 */
#include "heap.h"

#include <string.h>

static void add_class(hak_heap_t *heap, unsigned size_class, hak_stats_t *stats) {
  hak_heap_class_t *from = &heap->classes[size_class];
  hak_class_stats_t *row = &stats->classes[size_class];
  row->size = size_class < HAK_SLAB_CLASSES ? hak_size_class_bytes(size_class) : 0;
  row->live += hak_counter_get(&from->live);
  row->refills += hak_counter_get(&from->refills);
  stats->blocks_live += hak_counter_get(&from->live);
}

/* Cached blocks were counted as live, for the heap has handed them out. */
static void add_cached(unsigned size_class, uint64_t count, uint64_t capacity, hak_stats_t *stats) {
  hak_class_stats_t *row = &stats->classes[size_class];
  row->live -= count;
  row->cached += count;
  row->capacity += capacity;
  stats->blocks_live -= count;
  stats->blocks_cached += count;
  stats->bytes_live -= count * row->size;
  stats->bytes_cached += count * row->size;
}

static void add_tcache(hak_tcache_t *tcache, hak_stats_t *stats) {
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++) {
    hak_bin_t *bin = hak_tcache_bin(tcache, c);
    uint64_t count = hak_bin_count_seen(bin);
    add_cached(c, count, hak_bin_capacity(bin), stats);
    stats->tcache.used += count;
    stats->operations_allocs += hak_counter_get(&bin->allocs);
  }
  stats->tcache.capacity += hak_counter_get(&tcache->capacity);
  stats->tcache.grown += hak_counter_get(&tcache->grown);
  stats->tcache.shrunk += hak_counter_get(&tcache->shrunk);
  stats->tcache.misses += hak_counter_get(&tcache->misses);
}

static void add_mid(hak_mid_t *mid, hak_stats_t *stats) {
  for (unsigned i = 0; i < HAK_MID_CLASSES; i++) {
    hak_ring_t *ring = &mid->rings[i];
    add_cached(HAK_MID_FIRST + i, hak_counter_get(&ring->count), hak_counter_get(&ring->capacity), stats);
    stats->mid_ring.capacity += hak_counter_get(&ring->capacity);
    stats->mid_ring.used += hak_counter_get(&ring->count);
    stats->mid_ring.grown += hak_counter_get(&ring->grown);
    stats->mid_ring.shrunk += hak_counter_get(&ring->shrunk);
  }
  stats->operations_allocs += hak_counter_get(&mid->allocs);
  stats->mid_ring.misses += hak_counter_get(&mid->misses);
}

/* Cached chunks are committed and reserved, and in no heap's chain. */
void hak_heap_add_large_stats(hak_large_t *large, hak_stats_t *stats) {
  hak_l25_t *l25 = &large->l25;
  hak_bigcache_t *bigcache = &large->bigcache;
  uint64_t bytes = hak_load_relaxed(&large->cached) * HAK_UNIT_SIZE;
  stats->bytes_cached += bytes;
  stats->bytes_committed += bytes;
  stats->bytes_reserved += bytes;
  stats->l25.capacity += hak_load_relaxed(&l25->count);
  stats->l25.used += hak_load_relaxed(&l25->used);
  stats->l25.grown += hak_load_relaxed(&l25->grown);
  stats->l25.shrunk += hak_load_relaxed(&l25->shrunk);
  stats->l25.misses += hak_load_relaxed(&l25->misses);
  stats->bigcache.capacity += hak_counter_get(&bigcache->capacity);
  stats->bigcache.used += hak_counter_get(&bigcache->used);
  stats->bigcache.grown += hak_counter_get(&bigcache->grown);
  stats->bigcache.shrunk += hak_counter_get(&bigcache->shrunk);
  stats->bigcache.misses += hak_counter_get(&bigcache->misses);
  uint64_t blocks = hak_load_relaxed(&l25->used) + hak_counter_get(&bigcache->used);
  stats->blocks_cached += blocks;
  stats->classes[HAK_SLAB_CLASSES].cached += blocks;
}

static void add_superslab(hak_superslab_t *superslab, hak_stats_t *stats) {
  stats->superslab.capacity += hak_counter_get(&superslab->capacity);
  stats->superslab.used += hak_counter_get(&superslab->used);
  stats->superslab.grown += hak_counter_get(&superslab->grown);
  stats->superslab.shrunk += hak_counter_get(&superslab->shrunk);
  stats->superslab.misses += hak_counter_get(&superslab->misses);
  stats->bytes_committed += hak_counter_get(&superslab->committed) * HAK_UNIT_SIZE;
  stats->bytes_reserved += hak_counter_get(&superslab->reserved) * HAK_UNIT_SIZE;
  stats->bytes_purged += hak_counter_get(&superslab->purged) * HAK_UNIT_SIZE;
}

/*
 * Frees need no counter on the fast path: of all threads together, what was allocated and is not live was freed.
 * Of one thread that frees the blocks of others the difference is negative; the sum, modulo 2^64, is right.
 */
static uint64_t frees_of_thread(hak_heap_t *heap) {
  uint64_t difference = hak_counter_get(&heap->uncached_allocs);
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++)
    difference += hak_counter_get(&hak_tcache_bin(&heap->tcache, c)->allocs) + hak_bin_count_seen(hak_tcache_bin(&heap->tcache, c));
  difference += hak_counter_get(&heap->mid.allocs);
  for (unsigned i = 0; i < HAK_MID_CLASSES; i++) difference += hak_counter_get(&heap->mid.rings[i].count);
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES; c++) difference -= hak_counter_get(&heap->classes[c].live);
  return difference;
}

void hak_heap_add_flush_stats(hak_heap_t *heap, hak_stats_t *stats) {
  stats->operations_flushes += hak_counter_get(&heap->flushes);
  stats->operations_remote_frees += hak_counter_get(&heap->remote_frees);
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES; c++) stats->classes[c].flushes += hak_counter_get(&heap->classes[c].flushes);
}

void hak_heap_add_stats(hak_heap_t *heap, hak_stats_t *stats) {
  stats->bytes_live += hak_counter_get(&heap->live_bytes);
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES; c++) add_class(heap, c, stats);
  add_tcache(&heap->tcache, stats);
  add_mid(&heap->mid, stats);
  add_superslab(&heap->superslab, stats);
  if (heap->own) hak_heap_add_large_stats(heap->large, stats);
  stats->operations_allocs += hak_counter_get(&heap->uncached_allocs);
  stats->operations_frees += heap->own ? hak_counter_get(&heap->frees) : frees_of_thread(heap);
  stats->operations_refills += hak_counter_get(&heap->refills);
  hak_heap_add_flush_stats(heap, stats);
  stats->operations_adopted += hak_counter_get(&heap->adopted);
  stats->operations_abandoned += hak_counter_get(&heap->abandoned);
}

void hak_heap_take_returned(hak_returned_t *returned, hak_stats_t *stats) {
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES; c++) {
    uint64_t blocks = hak_counter_get(&returned->blocks[c]);
    stats->classes[c].live -= blocks;
    stats->blocks_live -= blocks;
  }
  stats->bytes_live -= hak_counter_get(&returned->bytes);
  stats->operations_frees += hak_counter_get(&returned->frees);
}

/* ---- heaps that are gone ---- */

static hak_stats_t retired;
static hak_returned_t retired_returned;

/* What stands for a moment, as `capacity` and `used` do, goes with a heap. */
static void add_totals(hak_stats_t *to, const hak_stats_t *from) {
  to->bytes_purged += from->bytes_purged;
  to->operations_allocs += from->operations_allocs;
  to->operations_frees += from->operations_frees;
  to->operations_refills += from->operations_refills;
  to->operations_flushes += from->operations_flushes;
  to->operations_remote_frees += from->operations_remote_frees;
  to->operations_adopted += from->operations_adopted;
  to->operations_abandoned += from->operations_abandoned;
#define HAK_X(name, path)                \
  to->name.grown += from->name.grown;    \
  to->name.shrunk += from->name.shrunk;  \
  to->name.misses += from->name.misses;
  HAK_STATS_COMPONENTS(HAK_X)
#undef HAK_X
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES; c++) {
    to->classes[c].refills += from->classes[c].refills;
    to->classes[c].flushes += from->classes[c].flushes;
  }
}

static void add_returned(hak_returned_t *to, hak_returned_t *from) {
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES; c++) hak_counter_add(&to->blocks[c], hak_counter_get(&from->blocks[c]));
  hak_counter_add(&to->bytes, hak_counter_get(&from->bytes));
  hak_counter_add(&to->frees, hak_counter_get(&from->frees));
}

void hak_heap_retire_stats(hak_heap_t *heap) {
  hak_stats_t last;
  memset(&last, 0, sizeof last);
  hak_heap_add_stats(heap, &last);
  last.bytes_purged += last.bytes_committed; /* what is left goes now */
  last.operations_frees = last.operations_allocs;
  last.superslab.shrunk = last.superslab.grown;
  add_totals(&retired, &last);
  add_returned(&retired_returned, &heap->returned);
}

void hak_heap_add_retired_stats(hak_stats_t *stats) {
  add_totals(stats, &retired);
  hak_heap_take_returned(&retired_returned, stats);
}
