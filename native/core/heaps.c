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

/* Several looks in the time that a heap must have done nothing: so it is found not much later. */
enum { LOOKS_A_REST = 4 };

static bool look_is_due(uint64_t now) {
  if (now - looked_ms < hak_option(hak_option_purge_delay_ms) / LOOKS_A_REST) return false;
  looked_ms = now;
  return true;
}

/* Grows whenever the heap's thread does more than take from its bins and put there. */
static uint64_t activity_of(hak_heap_t *heap) {
  uint64_t sum = hak_counter_get(&heap->refills) + hak_counter_get(&heap->flushes);
  for (unsigned i = 0; i < HAK_MID_CLASSES; i++) sum += hak_counter_get(&heap->mid.allocs[i]);
  return sum;
}

/* Heaps of their own go by what their users do. */
static void look_at(hak_heap_t *heap, uint64_t now, void (*visit)(hak_heap_t *heap)) {
  if (heap->own) return;
  bool awake = activity_of(heap) != heap->activity_seen;
  if (!awake && now - heap->seen_ms < hak_option(hak_option_purge_delay_ms)) return;
  if (!awake) visit(heap);
  heap->activity_seen = activity_of(heap); /* a visit counts too */
  heap->seen_ms = now;
}

void hak_heaps_each_resting(void (*visit)(hak_heap_t *heap)) {
  if (!hak_mutex_try_lock(&mutex)) return;
  uint64_t now = hak_os_now_ms();
  if (look_is_due(now))
    for (hak_heap_t *heap = newest; heap != NULL; heap = heap->next) look_at(heap, now, visit);
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
