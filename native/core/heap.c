/* L5 heap: see heap.h. */
#include "heap.h"

#include "assert.h"
#include "chunk.h"
#include "meta.h"
#include "registry.h"

static hak_chunk_owner_t owner_of(hak_heap_t *heap) {
  hak_chunk_owner_t owner = {heap, heap->own ? HAK_TAG_SLOW : 0, &heap->remote};
  return owner;
}

/* ---- partial slabs ---- */

static void list_first(hak_heap_class_t *list, hak_slab_t *slab) {
  slab->prev = NULL;
  slab->next = list->head;
  if (list->head != NULL)
    list->head->prev = slab;
  else
    list->tail = slab;
  list->head = slab;
  slab->listed = true;
}

static void list_last(hak_heap_class_t *list, hak_slab_t *slab) {
  slab->next = NULL;
  slab->prev = list->tail;
  if (list->tail != NULL)
    list->tail->next = slab;
  else
    list->head = slab;
  list->tail = slab;
  slab->listed = true;
}

static void unlist(hak_heap_class_t *list, hak_slab_t *slab) {
  if (slab->prev != NULL)
    slab->prev->next = slab->next;
  else
    list->head = slab->next;
  if (slab->next != NULL)
    slab->next->prev = slab->prev;
  else
    list->tail = slab->prev;
  slab->listed = false;
}

static void close_slab(hak_heap_t *heap, hak_slab_t *slab) {
  hak_chunk_owner_t owner = owner_of(heap);
  hak_superslab_slab_free(&heap->superslab, &owner, slab);
}

/* ---- taking ---- */

/* A partial slab of the class, a new one if need be. @return NULL: no memory. */
static hak_slab_t *partial_slab(hak_heap_t *heap, unsigned size_class) {
  hak_heap_class_t *list = &heap->classes[size_class];
  if (list->head != NULL) return list->head;
  hak_chunk_owner_t owner = owner_of(heap);
  hak_slab_t *slab = hak_superslab_slab_new(&heap->superslab, &owner, size_class, heap->next_slab);
  if (slab == NULL) return NULL;
  heap->next_slab++;
  list_first(list, slab);
  return slab;
}

static size_t take_blocks(hak_heap_t *heap, unsigned size_class, size_t count, void **blocks) {
  hak_heap_class_t *list = &heap->classes[size_class];
  size_t taken = 0;
  while (taken < count) {
    hak_slab_t *slab = partial_slab(heap, size_class);
    if (slab == NULL) break;
    taken += hak_slab_take(slab, count - taken, blocks + taken);
    if (slab->used == slab->blocks) unlist(list, slab);
  }
  return taken;
}

static size_t take_huge(hak_heap_t *heap, size_t size, size_t count, void **blocks) {
  hak_chunk_owner_t owner = owner_of(heap);
  size_t taken = 0;
  for (; taken < count; taken++) {
    hak_slab_t *slab = hak_superslab_huge_new(&heap->superslab, &owner, size, heap->next_slab);
    if (slab == NULL) break;
    heap->next_slab++;
    hak_slab_take(slab, 1, &blocks[taken]);
  }
  return taken;
}

size_t hak_heap_take(hak_heap_t *heap, unsigned size_class, size_t count, void **blocks) {
  bool huge = size_class >= HAK_SLAB_CLASSES;
  hak_heap_class_t *row = &heap->classes[huge ? HAK_SLAB_CLASSES : size_class];
  size_t size = hak_size_class_bytes(size_class);
  if (hak_remote_pending(&heap->remote)) hak_heap_collect(heap);
  hak_counter_add(&row->refills, 1);
  hak_counter_add(&heap->refills, 1);
  size_t taken = huge ? take_huge(heap, size, count, blocks) : take_blocks(heap, size_class, count, blocks);
  hak_counter_add(&row->live, taken);
  hak_counter_add(&heap->live_bytes, taken * size);
  return taken;
}

/* ---- giving ---- */

/* `blocks` of the slab have just come back. */
static void count_back(hak_heap_t *heap, hak_slab_t *slab, size_t blocks) {
  hak_counter_sub(&heap->classes[slab->size_class].live, blocks);
  hak_counter_sub(&heap->live_bytes, blocks * slab->block_size);
}

/* Puts a slab that has just got blocks back where it belongs. An empty slab stays while it is its class's only one. */
static void settle(hak_heap_t *heap, hak_slab_t *slab) {
  if (slab->size_class == HAK_SLAB_CLASSES) {
    close_slab(heap, slab);
    return;
  }
  hak_heap_class_t *list = &heap->classes[slab->size_class];
  if (!slab->listed) list_last(list, slab);
  if (slab->used == 0 && list->head != list->tail) {
    unlist(list, slab);
    close_slab(heap, slab);
  }
}

static bool give_own(hak_heap_t *heap, hak_slab_t *slab, uint32_t index) {
  hak_give_t given = hak_slab_give(slab, index);
  if (given == HAK_NOT_LIVE) return false;
  count_back(heap, slab, 1);
  if (given == HAK_GIVEN_WAS_FULL || slab->used == 0) settle(heap, slab);
  return true;
}

static hak_slab_t *slab_of(const void *block) {
  return (hak_slab_t *)(hak_registry_get(block) & ~HAK_REGISTRY_TAG_MASK);
}

static bool give_block(hak_heap_t *heap, void *block, unsigned *last_class) {
  hak_slab_t *slab = slab_of(block);
  if (slab == NULL) return false;
  uint32_t index = hak_slab_index(slab, block);
  if (index == slab->blocks) return false;
  unsigned size_class = slab->size_class;
  hak_heap_t *owner = slab->chunk->heap;
  bool given = owner == heap ? give_own(heap, slab, index) : hak_remote_give(&owner->remote, slab, index);
  if (!given) return false;
  if (owner != heap) hak_counter_add(&heap->remote_frees, 1);
  if (size_class != *last_class) hak_counter_add(&heap->classes[size_class].flushes, 1);
  *last_class = size_class;
  return true;
}

size_t hak_heap_give(hak_heap_t *heap, void **blocks, size_t count) {
  unsigned last_class = HAK_SLAB_CLASSES + 1;
  size_t rejected = 0;
  hak_counter_add(&heap->flushes, 1);
  for (size_t i = 0; i < count; i++)
    if (!give_block(heap, blocks[i], &last_class)) blocks[rejected++] = blocks[i];
  return count - rejected;
}

void hak_heap_collect(hak_heap_t *heap) {
  hak_slab_t *slab = hak_remote_take(&heap->remote);
  heap->remote.collecting = true;
  while (slab != NULL) {
    hak_slab_t *next = slab->remote_next;
    size_t collected = hak_slab_collect(slab);
    if (collected != 0) {
      count_back(heap, slab, collected);
      settle(heap, slab);
    }
    slab = next;
  }
  heap->remote.collecting = false;
}

size_t hak_heap_give_idle(hak_heap_t *heap) {
  hak_heap_collect(heap);
  uint64_t purged = hak_counter_get(&heap->superslab.purged);
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) {
    hak_heap_class_t *list = &heap->classes[c];
    for (hak_slab_t *slab = list->head, *next; slab != NULL; slab = next) {
      next = slab->next;
      if (slab->used != 0) continue;
      unlist(list, slab);
      close_slab(heap, slab);
    }
  }
  hak_chunk_owner_t owner = owner_of(heap);
  hak_superslab_trim(&heap->superslab, &owner);
  return (size_t)(hak_counter_get(&heap->superslab.purged) - purged) * HAK_UNIT_SIZE;
}

/* ---- life and numbers ---- */

hak_heap_t *hak_heap_create(bool own) {
  hak_heap_t *heap = hak_meta_alloc(sizeof *heap);
  if (heap == NULL) return NULL;
  heap->own = own;
  return heap;
}

void hak_heap_delete(hak_heap_t *heap) {
  hak_superslab_destroy(&heap->superslab);
  hak_meta_free(heap, sizeof *heap);
}

static void add_class(hak_heap_t *heap, unsigned size_class, hak_stats_t *stats) {
  hak_heap_class_t *from = &heap->classes[size_class];
  hak_class_stats_t *row = &stats->classes[size_class];
  row->size = size_class < HAK_SLAB_CLASSES ? hak_size_class_bytes(size_class) : 0;
  row->live += hak_counter_get(&from->live);
  row->refills += hak_counter_get(&from->refills);
  row->flushes += hak_counter_get(&from->flushes);
  stats->blocks_live += hak_counter_get(&from->live);
}

/* Cached blocks were counted as live, for the heap has handed them out. */
static void add_bin(hak_bin_t *bin, unsigned size_class, hak_stats_t *stats) {
  uint64_t count = hak_load_relaxed(&bin->count);
  hak_class_stats_t *row = &stats->classes[size_class];
  row->live -= count;
  row->cached += count;
  row->capacity += hak_load_relaxed(&bin->capacity);
  stats->blocks_live -= count;
  stats->blocks_cached += count;
  stats->bytes_live -= count * row->size;
  stats->bytes_cached += count * row->size;
  stats->tcache.used += count;
  stats->operations_allocs += hak_counter_get(&bin->allocs);
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
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++)
    difference += hak_counter_get(&heap->tcache.bins[c].allocs) + hak_load_relaxed(&heap->tcache.bins[c].count);
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES; c++) difference -= hak_counter_get(&heap->classes[c].live);
  return difference;
}

void hak_heap_add_stats(hak_heap_t *heap, hak_stats_t *stats) {
  stats->bytes_live += hak_counter_get(&heap->live_bytes);
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES; c++) add_class(heap, c, stats);
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) add_bin(&heap->tcache.bins[c], c, stats);
  add_superslab(&heap->superslab, stats);
  stats->tcache.capacity += hak_counter_get(&heap->tcache.capacity);
  stats->tcache.grown += hak_counter_get(&heap->tcache.grown);
  stats->tcache.shrunk += hak_counter_get(&heap->tcache.shrunk);
  stats->tcache.misses += hak_counter_get(&heap->tcache.misses);
  stats->operations_allocs += hak_counter_get(&heap->uncached_allocs);
  stats->operations_frees += heap->own ? hak_counter_get(&heap->frees) : frees_of_thread(heap);
  stats->operations_refills += hak_counter_get(&heap->refills);
  stats->operations_flushes += hak_counter_get(&heap->flushes);
  stats->operations_remote_frees += hak_counter_get(&heap->remote_frees);
  stats->operations_adopted += hak_counter_get(&heap->adopted);
  stats->operations_abandoned += hak_counter_get(&heap->abandoned);
}

static void check_list(hak_heap_class_t *list) {
  for (hak_slab_t *slab = list->head, *before = NULL; slab != NULL; before = slab, slab = slab->next) {
    hak_slab_check(slab);
    if (slab->prev != before) hak_fatal("heap: a list of slabs is broken", slab->base);
  }
}

void hak_heap_check(hak_heap_t *heap) {
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) check_list(&heap->classes[c]);
  hak_superslab_check(&heap->superslab);
}
