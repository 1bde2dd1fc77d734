/* L5 heaps: see heaps.h. */
#include "heaps.h"

#include "options.h"
#include "os.h"

static hak_mutex_t mutex;
/* Under the lock. */
static hak_heap_t *newest;
static uint64_t moment_ms; /* when the large blocks last aged */
static hak_heap_t *to_ask; /* where hak_heaps_find_resting goes on; NULL: at the newest */

static _Atomic uint64_t looked_ms; /* relaxed: who comes too soon looks in vain */
static _Atomic bool several;       /* there ever were; relaxed: who does not see it yet looks the next time */

void hak_heaps_lock(void) {
  hak_mutex_lock_through_fork(&mutex);
}
void hak_heaps_unlock(void) {
  hak_mutex_unlock_after_fork(&mutex);
}

void hak_heaps_enter(hak_heap_t *heap) {
  hak_mutex_lock(&mutex);
  heap->prev = NULL;
  heap->next = newest;
  if (newest != NULL) {
    newest->prev = heap;
    hak_store_relaxed(&several, true);
  }
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
  if (to_ask == heap) to_ask = heap->next;
  hak_mutex_unlock(&mutex);
}

/* ---- looks ---- */

/* A heap rests that has passed next to no slow path for ten delays, as a server's at night; what a moment's pause gave back, its thread would
   only fetch again. */
enum { REST_DELAYS = 10, REST_ACTIVITY = 16, LOOKS_A_DELAY = 4 };

static uint64_t operations_of(hak_heap_t *heap) {
  return hak_counter_get(&heap->refills) + hak_counter_get(&heap->flushes);
}

/* Grows whenever the heap's thread does more than take from its bins and put there. */
static uint64_t activity_of(hak_heap_t *heap) {
  return operations_of(heap) + hak_counter_get(&heap->mid.allocs);
}

static void look_at(hak_heap_t *heap, uint64_t now, void (*visit)(hak_heap_t *heap)) {
  if (!hak_heaps_look_after(heap)) return;
  bool awake = activity_of(heap) - heap->activity_seen > REST_ACTIVITY;
  if (!awake && now - heap->seen_ms < REST_DELAYS * hak_option(hak_option_purge_delay_ms)) return;
  if (!awake) visit(heap);
  heap->activity_seen = activity_of(heap); /* a visit counts too */
  heap->seen_ms = now;
}

/* A program that does little has few looks: each lets as many moments pass as did, though no more than make everything old. */
static void age_shared(uint64_t now) {
  enum { MOMENTS_MOST = 64 };
  uint64_t delay = hak_option(hak_option_purge_delay_ms);
  uint64_t passed = delay == 0 ? 1 : (now - moment_ms) / delay;
  if (passed == 0) return;
  moment_ms = now;
  for (uint64_t moment = 0; moment < passed && moment < MOMENTS_MOST; moment++) hak_heap_tick_shared();
}

static void look(uint64_t now, void (*visit)(hak_heap_t *heap)) {
  hak_store_relaxed(&looked_ms, now);
  for (hak_heap_t *heap = newest; heap != NULL; heap = heap->next) look_at(heap, now, visit);
  age_shared(now);
}

/* A thread alone that never had a large block has nothing to look at: it does not even need the clock. */
void hak_heaps_look(void (*visit)(hak_heap_t *heap)) {
  if (!hak_load_relaxed(&several) && !hak_heap_shares()) return;
  uint64_t now = hak_os_now_ms();
  if (now - hak_load_relaxed(&looked_ms) < hak_option(hak_option_purge_delay_ms) / LOOKS_A_DELAY) return;
  if (!hak_mutex_try_lock(&mutex)) return;
  look(now, visit);
  hak_mutex_unlock(&mutex);
}

/* ---- the search for one that rests ---- */

/* A search is worth less than the page that it saves, however many heaps there are. */
enum { ASKED_MOST = 8 };

static bool did_nothing(hak_heap_t *heap) {
  uint64_t activity = operations_of(heap);
  bool same = activity == heap->activity_asked;
  heap->activity_asked = activity;
  return same;
}

static bool find_resting(bool (*visit)(hak_heap_t *heap, void *argument), void *argument) {
  hak_heap_t *heap = to_ask == NULL ? newest : to_ask;
  bool found = false;
  for (unsigned asked = 0; heap != NULL && asked < ASKED_MOST && !found; asked++, heap = heap->next)
    found = !heap->own && did_nothing(heap) && visit(heap, argument);
  to_ask = heap;
  return found;
}

bool hak_heaps_find_resting(bool (*visit)(hak_heap_t *heap, void *argument), void *argument) {
  if (!hak_mutex_try_lock(&mutex)) return false;
  bool found = find_resting(visit, argument);
  hak_mutex_unlock(&mutex);
  return found;
}

/* ---- all of them ---- */

void hak_heaps_each(void (*visit)(hak_heap_t *heap, void *argument), void *argument) {
  hak_mutex_lock(&mutex);
  for (hak_heap_t *heap = newest; heap != NULL; heap = heap->next) visit(heap, argument);
  hak_mutex_unlock(&mutex);
}

void hak_heaps_add_stats(hak_stats_t *stats) {
  hak_mutex_lock(&mutex);
  for (hak_heap_t *heap = newest; heap != NULL; heap = heap->next) {
    hak_heap_add_stats(heap, stats);
    hak_heap_take_returned(&heap->returned, stats);
  }
  hak_heap_add_retired_stats(stats);
  hak_mutex_unlock(&mutex);
}
