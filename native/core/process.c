/*
 * L5 process: what concerns all heaps at once: trimming, and the numbers; see hakmem.h. Nothing is stopped for it.
 */
#include "heaps.h"

#include <string.h>

#include "cache.h"
#include "own.h"
#include "region.h"
#include "registry.h"
#include "thread.h"

/* ---- trimming ---- */

static void rest(hak_heap_t *heap, void *unused) {
  (void)unused;
  if (hak_heaps_look_after(heap)) hak_cache_rest(heap);
}

static void add_purged(hak_heap_t *heap, void *sum) {
  if (hak_heaps_look_after(heap)) *(uint64_t *)sum += hak_counter_get(&heap->superslab.purged);
}

size_t hak_trim(void) {
  uint64_t before = 0, after = 0;
  hak_heap_t *heap = hak_thread_heap;
  hak_heaps_each(add_purged, &before);
  if (heap != &hak_nobody) hak_cache_release(heap);
  hak_heaps_each(rest, NULL);
  hak_heaps_each(add_purged, &after);
  size_t bytes = hak_own_end_orphans() + hak_heap_give_shared(); /* where closed chunks of the heaps have come */
  hak_region_fit();
  return bytes + (size_t)(after - before) * HAK_UNIT_SIZE;
}

/* ---- numbers ---- */

static void add_registry(hak_stats_t *stats) {
  hak_registry_stats_t registry;
  hak_registry_stats_get(&registry);
  stats->registry.capacity = registry.capacity;
  stats->registry.used = registry.used;
  stats->registry.grown = registry.grown;
  stats->registry.shrunk = registry.shrunk;
}

/* What others freed counts as live in its heap until the owner collects it; the owner is asking, so now. */
static void collect_own(hak_heap_t *heap) {
  if (heap != &hak_nobody && hak_remote_pending(&heap->remote)) hak_heap_collect(heap);
}

static uint64_t at_least_0(uint64_t difference) {
  return (int64_t)difference < 0 ? 0 : difference;
}

/* Heaps of running threads are read one after the other: one may have taken before that was read what another has given back since. */
static void clamp_live(hak_stats_t *stats) {
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES; c++) stats->classes[c].live = at_least_0(stats->classes[c].live);
  stats->blocks_live = at_least_0(stats->blocks_live);
  stats->bytes_live = at_least_0(stats->bytes_live);
}

void hak_stats_get(hak_stats_t *stats) {
  collect_own(hak_thread_heap);
  memset(stats, 0, sizeof *stats);
  hak_thread_add_stats(stats);
  clamp_live(stats);
  hak_heap_add_shared_stats(stats);
  add_registry(stats);
}

void hak_heap_stats_get(hak_heap_t *heap, hak_stats_t *stats) {
  collect_own(heap);
  memset(stats, 0, sizeof *stats);
  hak_heap_add_stats(heap, stats);
  add_registry(stats);
}
