/* L5 own: see own.h. */
#include "own.h"

#include <errno.h>

#include "chunk.h"
#include "guard.h"
#include "heaps.h"
#include "live.h"
#include "orphan.h"
#include "thread.h"

static void *no_memory(void) {
  errno = ENOMEM;
  return NULL;
}

/* ---- life ---- */

size_t hak_own_end_orphans(void) {
  size_t sum = 0;
  hak_heap_t *ended;
  while ((ended = hak_orphan_reap(&sum)) != NULL) hak_heap_destroy(ended);
  return sum;
}

HAK_NOINLINE void hak_own_met_orphan(hak_heap_t *heap) {
  hak_store_relaxed(&heap->met_orphan, false);
  hak_own_end_orphans();
}

/* Where memory is refused, what lies idle elsewhere may be what is missing: here and below. */
hak_heap_t *hak_heap_new(void) {
  hak_heap_t *heap = hak_heap_create(true);
  if (heap == NULL) hak_trim();
  if (heap == NULL) heap = hak_heap_create(true);
  if (heap == NULL) return no_memory();
  hak_heaps_enter(heap);
  return heap;
}

void hak_heap_destroy(hak_heap_t *heap) {
  hak_heap_collect(heap); /* what others gave back is counted by them, and must be counted here too */
  hak_heaps_remove(heap);
  hak_heap_delete(heap);
}

/* The orphan may end at once: a heap without blocks is destroyed by the same way. */
void hak_heap_abandon(hak_heap_t *heap, void *(*next)(void *argument), void *argument) {
  hak_heap_retain(heap, next, argument);
  hak_orphan_add(heap);
  hak_own_end_orphans();
}

void *hak_heap_malloc(hak_heap_t *heap, size_t size) {
  return hak_heap_aligned_alloc(heap, HAK_MIN_ALIGNMENT, size);
}

void *hak_heap_aligned_alloc(hak_heap_t *heap, size_t alignment, size_t size) {
  void *block = NULL;
  if (!hak_is_power_of_two(alignment)) {
    errno = EINVAL;
    return NULL;
  }
  if (size > HAK_MAX_SIZE) return no_memory();
  unsigned size_class = hak_size_class_aligned(size, alignment);
  if (hak_heap_tick_due(heap)) hak_heap_tick(heap);
  size_t taken = hak_heap_take_aligned(heap, size_class, alignment, &block);
  if (taken == 0) hak_trim();
  if (taken == 0) taken = hak_heap_take_aligned(heap, size_class, alignment, &block);
  hak_counter_add(&heap->uncached_allocs, taken);
  return taken != 0 ? block : no_memory();
}

size_t hak_heap_malloc_batch(hak_heap_t *heap, size_t size, size_t count, void **blocks) {
  if (size > HAK_MAX_SIZE) {
    errno = ENOMEM;
    return 0;
  }
  unsigned size_class = hak_size_class_of(size);
  if (hak_heap_tick_due(heap)) hak_heap_tick(heap);
  size_t taken = hak_heap_take(heap, size_class, count, blocks);
  if (taken < count) hak_trim();
  if (taken < count) taken += hak_heap_take(heap, size_class, count - taken, blocks + taken);
  if (taken < count) errno = ENOMEM;
  return taken;
}

/* A block of a thread's heap, which is in the live map while it is held: it is no longer. @return false: nobody holds it. */
static bool leave_live_map(void *block) {
  size_t tag = hak_live_get(block);
  if (tag == 0 || !hak_size_class_starts_at((unsigned)tag - 1, block)) return false;
  hak_live_clear(block);
  if (HAK_CHECKED) hak_guard_fill(block, hak_size_class_bytes((unsigned)tag - 1));
  return true;
}

/* Gathers those that are to be rejected at the front. @return how many. */
static size_t reject_unheld(void **blocks, size_t count) {
  size_t rejected = 0;
  for (size_t i = 0; i < count; i++) {
    void *block = blocks[i];
    if (!hak_live_tracks(block) || leave_live_map(block)) continue;
    blocks[i] = blocks[rejected];
    blocks[rejected++] = block;
  }
  return rejected;
}

size_t hak_heap_free_batch(hak_heap_t *heap, void **blocks, size_t count) {
  if (hak_heap_tick_due(heap)) hak_heap_tick(heap);
  size_t rejected = reject_unheld(blocks, count);
  size_t given = hak_heap_give(heap, blocks + rejected, count - rejected);
  if (HAK_UNLIKELY(hak_load_relaxed(&heap->met_orphan))) hak_own_met_orphan(heap);
  return given;
}

size_t hak_heap_trim(hak_heap_t *heap) {
  return hak_heap_give_idle(heap);
}

void hak_heap_visit(hak_heap_t *heap, void (*visit)(const hak_slab_view_t *slab, void *argument), void *argument) {
  for (hak_chunk_t *chunk = heap->superslab.first; chunk != NULL; chunk = chunk->next)
    hak_chunk_visit(chunk, visit, argument);
}
