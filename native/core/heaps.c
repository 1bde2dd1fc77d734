/* L5 heaps: see heaps.h. */
#include "heaps.h"

#include "options.h"
#include "os.h"

static hak_mutex_t mutex = HAK_MUTEX_INITIALIZER;
/* Under the lock. */
static hak_heap_t *newest;
static uint64_t looked_ms;

void hak_heaps_lock(void) {
  hak_mutex_lock(&mutex);
}
void hak_heaps_unlock(void) {
  hak_mutex_unlock(&mutex);
}

void hak_heaps_enter(hak_heap_t *heap) {
  hak_mutex_lock(&mutex);
  heap->prev = NULL;
  heap->next = newest;
  if (newest != NULL) newest->prev = heap;
  newest = heap;
  hak_mutex_unlock(&mutex);
}

void hak_heaps_remove(hak_heap_t *heap) {
  hak_mutex_lock(&mutex);
  hak_heap_retire_stats(heap);
  if (heap->prev != NULL)
    heap->prev->next = heap->next;
  else
    newest = heap->next;
  if (heap->next != NULL) heap->next->prev = heap->prev;
  hak_mutex_unlock(&mutex);
}

/* ---- those that rest ---- */

static bool look_is_due(void) {
  uint64_t now = hak_os_now_ms();
  if (now - looked_ms < hak_option(hak_option_purge_delay_ms)) return false;
  looked_ms = now;
  return true;
}

/* Heaps of their own go by what their users do. */
static void look_at(hak_heap_t *heap) {
  uint64_t slow_paths = hak_counter_get(&heap->refills) + hak_counter_get(&heap->flushes);
  if (!heap->own && slow_paths == heap->slow_paths_seen) hak_heap_tick_resting(heap);
  heap->slow_paths_seen = slow_paths;
}

void hak_heaps_tick_resting(void) {
  if (!hak_mutex_try_lock(&mutex)) return;
  if (look_is_due())
    for (hak_heap_t *heap = newest; heap != NULL; heap = heap->next) look_at(heap);
  hak_mutex_unlock(&mutex);
}

/* ---- sums ---- */

void hak_heaps_add_stats(hak_stats_t *stats) {
  hak_mutex_lock(&mutex);
  for (hak_heap_t *heap = newest; heap != NULL; heap = heap->next) {
    hak_heap_add_stats(heap, stats);
    hak_heap_take_returned(&heap->returned, stats);
  }
  hak_heap_add_retired_stats(stats);
  hak_mutex_unlock(&mutex);
}
