/* L5 spare: see spare.h. */
#include "spare.h"

#include "heaps.h"
#include "region.h"

static hak_mutex_t mutex;
static hak_heap_t *spare; /* under the lock; NULL until it is needed */

static hak_heap_t *get(void) {
  if (spare != NULL) return spare;
  spare = hak_heap_create(true);
  if (spare == NULL) return NULL;
  spare->spare = true;
  hak_heaps_enter(spare);
  return spare;
}

static void *take(hak_heap_t *heap, unsigned size_class) {
  void *block = NULL;
  if (hak_heap_tick_due(heap)) hak_heap_tick(heap);
  hak_counter_add(&heap->uncached_allocs, hak_heap_take(heap, size_class, 1, &block));
  return block;
}

void *hak_spare_alloc(unsigned size_class) {
  if (!hak_region_lacks_addresses(hak_size_class_grain(size_class))) return NULL;
  hak_mutex_lock(&mutex);
  hak_heap_t *heap = get();
  void *block = heap == NULL ? NULL : take(heap, size_class);
  hak_mutex_unlock(&mutex);
  return block;
}

void hak_spare_lock(void) {
  hak_mutex_lock_through_fork(&mutex);
  if (spare != NULL) hak_mutex_lock_through_fork(&spare->door);
}

void hak_spare_unlock(void) {
  if (spare != NULL) hak_mutex_unlock_after_fork(&spare->door);
  hak_mutex_unlock_after_fork(&mutex);
}
