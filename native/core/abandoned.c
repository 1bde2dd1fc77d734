/* L5 abandoned: see abandoned.h. */
#include "abandoned.h"

#include "mutex.h"

static hak_mutex_t mutex;
static hak_heap_t *newest; /* under the lock, linked by next_abandoned */

void hak_abandoned_lock(void) {
  hak_mutex_lock_through_fork(&mutex);
}
void hak_abandoned_unlock(void) {
  hak_mutex_unlock_after_fork(&mutex);
}

void hak_abandoned_add(hak_heap_t *heap) {
  hak_counter_add(&heap->abandoned, 1);
  hak_mutex_lock(&mutex);
  heap->next_abandoned = newest;
  newest = heap;
  hak_mutex_unlock(&mutex);
}

hak_heap_t *hak_abandoned_adopt(void) {
  hak_mutex_lock(&mutex);
  hak_heap_t *heap = newest;
  if (heap != NULL) newest = heap->next_abandoned;
  hak_mutex_unlock(&mutex);
  if (heap != NULL) hak_counter_add(&heap->adopted, 1);
  return heap;
}

void hak_abandoned_each_locked(void (*visit)(hak_heap_t *heap, void *argument), void *argument) {
  for (hak_heap_t *heap = newest; heap != NULL; heap = heap->next_abandoned) visit(heap, argument);
}
