/* L5 orphan: see orphan.h. */
#include "orphan.h"

#include "mutex.h"

static hak_mutex_t mutex;
static hak_heap_t *newest; /* under the lock, linked by next_abandoned */

void hak_orphan_lock(void) {
  hak_mutex_lock_through_fork(&mutex);
}
void hak_orphan_unlock(void) {
  hak_mutex_unlock_after_fork(&mutex);
}

void hak_orphan_add(hak_heap_t *heap) {
  hak_counter_add(&heap->abandoned, 1);
  hak_store_relaxed(&heap->orphan, true);
  hak_mutex_lock(&mutex);
  heap->next_abandoned = newest;
  newest = heap;
  hak_mutex_unlock(&mutex);
}

/* Quiet: the freer of the last block has left, so nobody will touch the heap again. */
static bool has_ended(hak_heap_t *heap) {
  return hak_counter_get(&heap->live_bytes) == 0 && hak_remote_is_quiet(&heap->remote);
}

hak_heap_t *hak_orphan_reap(size_t *sum) {
  hak_mutex_lock(&mutex);
  hak_heap_t **link = &newest;
  for (; *link != NULL; link = &(*link)->next_abandoned) {
    if (hak_remote_pending(&(*link)->remote)) *sum += hak_heap_give_idle(*link);
    if (has_ended(*link)) break;
  }
  hak_heap_t *ended = *link;
  if (ended != NULL) *link = ended->next_abandoned;
  hak_mutex_unlock(&mutex);
  return ended;
}
