/* L5 fresh: see fresh.h. */
#include "fresh.h"

#include "os.h"

/* Whether block `index` lies in memory that nobody was given before; true once. */
static bool take_fresh(hak_slab_t *slab, uint32_t index) {
  if (!slab->fresh || index == slab->blocks || index < slab->high_before) return false;
  slab->high_before = (uint16_t)(index + 1);
  return true;
}

/* Whoever pins the chunk may have written through a stale view, so memory that is given back already is given back again:
   that costs a system call, and no page. */
static bool clear(hak_slab_t *slab, void *block) {
  if (slab->chunk->heap->spare) return false; /* another thread may be at the slab */
  if (!take_fresh(slab, hak_slab_index(slab, block))) return false;
  /* Acquire: pairs with the last hak_chunk_unpin, after which no view is left. */
  if (hak_load_acquire(&slab->chunk->pins) == 1) return true;
  if ((((uintptr_t)block | slab->block_size) & (hak_os_page_size() - 1)) != 0) return false;
  return hak_os_purge(block, slab->block_size);
}

/* What a thread's heap took from a slab may have been in the thread's cache since. Blocks as small as those of the bins are cleared
   faster than anybody finds out whether they need it. */
bool hak_clear_fresh(void *block) {
  hak_slab_t *slab = hak_heap_slab_of(block);
  bool uncached = slab != NULL && (slab->chunk->heap->own || slab->size_class == HAK_SLAB_CLASSES);
  return uncached && slab->block_size > HAK_TCACHE_SIZE_MAX && clear(slab, block);
}

bool hak_fresh_clear_taken(hak_heap_t *heap, void *block) {
  hak_slab_t *slab = hak_heap_slab_of(block);
  if (slab == NULL) return false;
  hak_heap_enter(heap); /* or the slab might be lent meanwhile, and another thread be at it */
  bool cleared = hak_load_relaxed(&slab->heap) == heap && clear(slab, block);
  hak_heap_leave(heap);
  return cleared;
}
