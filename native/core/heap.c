/* L5 heap: see heap.h. */
#include "heap_inside.h"

#include "assert.h"
#include "bitmap.h"
#include "chunk.h"
#include "lend.h"
#include "os.h"
#include "registry.h"

hak_chunk_owner_t hak_heap_owner(hak_heap_t *heap) {
  hak_chunk_owner_t owner = {heap, heap->own ? HAK_TAG_SLOW : 0, &heap->remote, heap->tcache.own.mark};
  return owner;
}

/* ---- partial slabs ---- */

static void check_listed(const hak_heap_class_t *list, const hak_slab_t *slab) {
  const hak_slab_t *before = slab->prev == NULL ? list->head : slab->prev->next;
  const hak_slab_t *behind = slab->next == NULL ? list->tail : slab->next->prev;
  if (!slab->listed || before != slab || behind != slab) hak_fatal("heap: a list of slabs is broken", slab->base);
}

void hak_heap_list(hak_heap_class_t *list, hak_slab_t *slab) {
  slab->prev = NULL;
  slab->next = list->head;
  if (list->head != NULL)
    list->head->prev = slab;
  else
    list->tail = slab;
  list->head = slab;
  slab->listed = true;
  if (HAK_CHECKED) check_listed(list, slab);
}

void hak_heap_unlist(hak_heap_class_t *list, hak_slab_t *slab) {
  if (HAK_CHECKED) check_listed(list, slab);
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

/* ---- taking ---- */

hak_slab_t *hak_heap_open_slab(hak_heap_t *heap, unsigned size_class) {
  hak_chunk_owner_t owner = hak_heap_owner(heap);
  hak_slab_t *slab = hak_superslab_slab_new(&heap->superslab, &owner, size_class, heap->next_slab);
  if (slab == NULL) return NULL;
  heap->next_slab++;
  hak_heap_list(&heap->classes[size_class], slab);
  return slab;
}

/* A partial slab of the class, a new one if need be; but what lies warm elsewhere comes before new pages. @return NULL: no memory. */
static hak_slab_t *partial_slab(hak_heap_t *heap, unsigned size_class) {
  hak_heap_class_t *list = &heap->classes[size_class];
  bool good = list->head != NULL && (heap->own || hak_slab_is_warm(list->head));
  if (good || hak_lend(heap, size_class) || list->head != NULL) return list->head;
  return hak_heap_open_slab(heap, size_class);
}

static size_t take_blocks(hak_heap_t *heap, unsigned size_class, size_t count, void **blocks) {
  hak_heap_class_t *list = &heap->classes[size_class];
  size_t taken = 0;
  while (taken < count) {
    hak_slab_t *slab = partial_slab(heap, size_class);
    if (slab == NULL) break;
    taken += hak_slab_take(slab, count - taken, blocks + taken);
    if (slab->used == slab->blocks) hak_heap_unlist(list, slab);
    if (HAK_CHECKED) hak_slab_check(slab);
  }
  hak_counter_add(&heap->live_bytes, taken * hak_size_class_bytes(size_class));
  return taken;
}

/* A thread's request may get a warm chunk of up to twice its class: touching fresh memory costs more than its tail. A heap
   of its own gets exactly its class, for its user sees the block's length. */
enum { SHARED_SLACK = 4 };

/* Beyond a chunk's own alignment one in cache lies right by chance, or because it was made so: who takes and frees in turn finds it
   newest, so one is looked at. @return NULL: none. */
static hak_chunk_t *take_cached(hak_heap_t *heap, unsigned size_class, size_t alignment) {
  hak_chunk_owner_t owner = hak_heap_owner(heap);
  hak_chunk_t *chunk = hak_large_take(heap->large, heap->hint, size_class, heap->own ? 0 : SHARED_SLACK);
  if (chunk == NULL || ((uintptr_t)chunk->base & (alignment - 1)) == 0) return chunk;
  if (!hak_large_put(heap->large, heap->hint, chunk)) hak_superslab_discard(&heap->superslab, &owner, chunk);
  return NULL;
}

/* @return 1; 0: no memory. */
static size_t take_huge_block(hak_heap_t *heap, unsigned size_class, size_t alignment, void **block) {
  hak_chunk_owner_t owner = hak_heap_owner(heap);
  hak_chunk_t *chunk = take_cached(heap, size_class, alignment);
  if (chunk == NULL) chunk = hak_superslab_huge_map(&heap->superslab, &owner, hak_size_class_bytes(size_class), alignment);
  if (chunk == NULL) return 0;
  hak_slab_t *slab = hak_superslab_huge_new(&heap->superslab, &owner, chunk, heap->next_slab++);
  hak_counter_add(&heap->live_bytes, slab->block_size);
  hak_large_count_live(heap->large, slab->units);
  return hak_slab_take(slab, 1, block);
}

static size_t take_huge(hak_heap_t *heap, unsigned size_class, size_t count, void **blocks) {
  size_t taken = 0;
  while (taken < count && take_huge_block(heap, size_class, HAK_CHUNK_ALIGNMENT, &blocks[taken]) != 0) taken++;
  return taken;
}

/* Through the door, for blocks of a class. @return its row. */
static hak_heap_class_t *enter_to_take(hak_heap_t *heap, unsigned size_class) {
  hak_heap_class_t *row = &heap->classes[size_class >= HAK_SLAB_CLASSES ? HAK_SLAB_CLASSES : size_class];
  hak_heap_enter(heap);
  if (hak_remote_pending(&heap->remote)) hak_heap_collect_inside(heap);
  hak_counter_add(&row->refills, 1);
  hak_counter_add(&heap->refills, 1);
  return row;
}

static size_t leave_with(hak_heap_t *heap, hak_heap_class_t *row, size_t taken) {
  hak_counter_add(&row->live, taken);
  hak_heap_leave(heap);
  return taken;
}

size_t hak_heap_take(hak_heap_t *heap, unsigned size_class, size_t count, void **blocks) {
  bool huge = size_class >= HAK_SLAB_CLASSES;
  hak_heap_class_t *row = enter_to_take(heap, size_class);
  return leave_with(heap, row, huge ? take_huge(heap, size_class, count, blocks) : take_blocks(heap, size_class, count, blocks));
}

size_t hak_heap_take_aligned(hak_heap_t *heap, unsigned size_class, size_t alignment, void **block) {
  if (alignment <= HAK_CHUNK_ALIGNMENT) return hak_heap_take(heap, size_class, 1, block);
  hak_heap_class_t *row = enter_to_take(heap, size_class);
  return leave_with(heap, row, take_huge_block(heap, size_class, alignment, block));
}

static bool grow(hak_heap_t *heap, hak_slab_t *slab, size_t size) {
  size_t before = slab->units;
  if (!hak_superslab_huge_grow(&heap->superslab, slab, size / HAK_UNIT_SIZE)) return false;
  hak_counter_add(&heap->live_bytes, (slab->units - before) * HAK_UNIT_SIZE);
  hak_large_count_live(heap->large, (int64_t)(slab->units - before));
  return true;
}

bool hak_heap_grow(hak_heap_t *heap, hak_slab_t *slab, size_t size) {
  if (slab->chunk->heap != heap) return false;
  hak_heap_enter(heap);
  bool grown = grow(heap, slab, size);
  hak_heap_leave(heap);
  return grown;
}

/* ---- ticks, and what is idle ---- */

static void check_list(hak_heap_class_t *list) {
  for (hak_slab_t *slab = list->head; slab != NULL; slab = slab->next) {
    hak_slab_check(slab);
    check_listed(list, slab);
  }
}

static void check_slabs(hak_heap_t *heap) {
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) check_list(&heap->classes[c]);
  hak_superslab_check(&heap->superslab);
}

/* An empty slab that stayed because it was alone is the last of its list. One that is lent and could not close is looked for by trims. */
static void tick_list(hak_heap_t *heap, hak_heap_class_t *list) {
  hak_slab_t *slab = list->tail;
  if (slab == NULL || slab->used != 0) return;
  if (slab->idle)
    hak_heap_close_if_empty(heap, slab);
  else
    slab->idle = true;
}

/* Ticks count operations, and a busy thread has many of them in the time that memory must lie idle to be worth a system call
   and its pages anew. A heap of its own goes by operations alone: what it does follows from its calls. */
static bool purge_is_due(hak_heap_t *heap) {
  if (heap->own) return true;
  uint64_t now = hak_os_now_ms_seldom();
  if (now - heap->purged_ms < hak_option(hak_option_purge_delay_ms)) return false;
  heap->purged_ms = now;
  return true;
}

/* A moment has passed for what lies idle in chunks, and for the heap's own cached large blocks. */
static void age_memory(hak_heap_t *heap) {
  hak_chunk_owner_t owner = hak_heap_owner(heap);
  hak_superslab_tick(&heap->superslab, &owner);
  if (heap->own) hak_large_tick(heap->large);
}

void hak_heap_tick(hak_heap_t *heap) {
  heap->operations = 0;
  hak_heap_enter(heap);
  hak_heap_collect_inside(heap);
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) tick_list(heap, &heap->classes[c]);
  if (purge_is_due(heap)) age_memory(heap);
  hak_registry_shrink();
  hak_heap_give_excess(heap, false);
  hak_heap_leave(heap);
  if (HAK_CHECKED) hak_heap_check(heap);
}

static size_t give_idle(hak_heap_t *heap) {
  uint64_t purged = hak_counter_get(&heap->superslab.purged);
  hak_heap_collect_inside(heap);
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) {
    hak_heap_class_t *list = &heap->classes[c];
    for (hak_slab_t *slab = list->head, *next; slab != NULL; slab = next) {
      next = slab->next;
      hak_heap_close_if_empty(heap, slab);
    }
  }
  hak_chunk_owner_t owner = hak_heap_owner(heap);
  hak_superslab_trim(&heap->superslab, &owner);
  if (heap->own) hak_heap_give_excess(heap, true);
  hak_registry_shrink();
  return (size_t)(hak_counter_get(&heap->superslab.purged) - purged) * HAK_UNIT_SIZE;
}

size_t hak_heap_give_idle(hak_heap_t *heap) {
  hak_heap_enter(heap);
  size_t given = give_idle(heap);
  hak_heap_leave(heap);
  return given;
}

void hak_heap_tick_resting(hak_heap_t *heap) {
  if (!hak_heap_try_enter(heap)) return;
  give_idle(heap);
  if (HAK_CHECKED) check_slabs(heap);
  hak_heap_leave(heap);
}

/* ---- retaining ---- */

/* A slab of which nothing is held; listed, so that it is found. */
static void release_slab(hak_heap_t *heap, hak_slab_t *slab) {
  hak_heap_count_back(heap, slab, hak_slab_release(slab));
  if (slab->size_class < HAK_SLAB_CLASSES && !slab->listed) hak_heap_list(&heap->classes[slab->size_class], slab);
}

static void release_chunk(hak_heap_t *heap, hak_chunk_t *chunk) {
  for (hak_slab_t *slab = hak_chunk_slab_from(chunk, 0); slab != NULL; slab = hak_chunk_slab_from(chunk, slab->unit + slab->units))
    release_slab(heap, slab);
}

static void retake(hak_heap_t *heap, void *block) {
  hak_slab_t *slab = hak_heap_slab_of(block);
  if (slab == NULL || slab->chunk->heap != heap) return;
  uint32_t index = hak_slab_index(slab, block);
  if (index == slab->blocks || !hak_slab_retake(slab, index)) return;
  hak_heap_class_t *list = &heap->classes[slab->size_class];
  hak_counter_add(&list->live, 1);
  hak_counter_add(&heap->live_bytes, slab->block_size);
  if (slab->used == slab->blocks && slab->listed) hak_heap_unlist(list, slab);
}

static void close_empty_huge(hak_heap_t *heap) {
  for (hak_chunk_t *chunk = heap->superslab.first, *next; chunk != NULL; chunk = next) {
    next = chunk->next;
    if (chunk->huge && chunk->slabs[0].used == 0) hak_heap_close_huge(heap, &chunk->slabs[0]);
  }
}

/* What is kept is marked anew after everything was released: so no list of the blocks is needed, nor memory for one. */
void hak_heap_retain(hak_heap_t *heap, void *(*next)(void *argument), void *argument) {
  hak_heap_enter(heap);
  hak_heap_collect_inside(heap);
  for (hak_chunk_t *chunk = heap->superslab.first; chunk != NULL; chunk = chunk->next) release_chunk(heap, chunk);
  for (void *block = next(argument); block != NULL; block = next(argument)) retake(heap, block);
  close_empty_huge(heap);
  give_idle(heap);
  hak_heap_leave(heap);
}

/* ---- checking ---- */

void hak_heap_check(hak_heap_t *heap) {
  hak_heap_enter(heap);
  check_slabs(heap);
  hak_mid_check(&heap->mid);
  hak_heap_leave(heap);
  hak_large_check(heap->large);
  hak_tcache_check(&heap->tcache);
}
