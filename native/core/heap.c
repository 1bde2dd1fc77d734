/* L5 heap: see heap.h. */
#include "heap.h"

#include "assert.h"
#include "bitmap.h"
#include "chunk.h"
#include "meta.h"
#include "os.h"
#include "registry.h"

static hak_chunk_owner_t owner_of(hak_heap_t *heap) {
  hak_chunk_owner_t owner = {heap, heap->own ? HAK_TAG_SLOW : 0, &heap->remote};
  return owner;
}

/* ---- partial slabs ---- */

static void check_listed(const hak_heap_class_t *list, const hak_slab_t *slab) {
  const hak_slab_t *before = slab->prev == NULL ? list->head : slab->prev->next;
  const hak_slab_t *behind = slab->next == NULL ? list->tail : slab->next->prev;
  if (!slab->listed || before != slab || behind != slab) hak_fatal("heap: a list of slabs is broken", slab->base);
}

static void list_first(hak_heap_class_t *list, hak_slab_t *slab) {
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

static void list_last(hak_heap_class_t *list, hak_slab_t *slab) {
  slab->next = NULL;
  slab->prev = list->tail;
  if (list->tail != NULL)
    list->tail->next = slab;
  else
    list->head = slab;
  list->tail = slab;
  slab->listed = true;
  if (HAK_CHECKED) check_listed(list, slab);
}

static void unlist(hak_heap_class_t *list, hak_slab_t *slab) {
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
    if (HAK_CHECKED) hak_slab_check(slab);
  }
  hak_counter_add(&heap->live_bytes, taken * hak_size_class_bytes(size_class));
  return taken;
}

/* A thread's request may get a warm chunk of up to twice its class: touching fresh memory costs more than its tail. A heap
   of its own gets exactly its class, for its user sees the block's length. */
enum { SHARED_SLACK = 4 };

static size_t take_huge(hak_heap_t *heap, unsigned size_class, size_t count, void **blocks) {
  hak_chunk_owner_t owner = owner_of(heap);
  size_t size = hak_size_class_bytes(size_class);
  size_t taken = 0;
  for (; taken < count; taken++) {
    hak_chunk_t *cached = hak_large_take(heap->large, heap->hint, size_class, heap->own ? 0 : SHARED_SLACK);
    hak_slab_t *slab = hak_superslab_huge_new(&heap->superslab, &owner, size, heap->next_slab, cached);
    if (slab == NULL) break;
    heap->next_slab++;
    hak_counter_add(&heap->live_bytes, slab->block_size);
    hak_large_count_live(heap->large, slab->units);
    hak_slab_take(slab, 1, &blocks[taken]);
  }
  return taken;
}

size_t hak_heap_take(hak_heap_t *heap, unsigned size_class, size_t count, void **blocks) {
  bool huge = size_class >= HAK_SLAB_CLASSES;
  hak_heap_class_t *row = &heap->classes[huge ? HAK_SLAB_CLASSES : size_class];
  if (hak_remote_pending(&heap->remote)) hak_heap_collect(heap);
  hak_counter_add(&row->refills, 1);
  hak_counter_add(&heap->refills, 1);
  size_t taken = huge ? take_huge(heap, size_class, count, blocks) : take_blocks(heap, size_class, count, blocks);
  hak_counter_add(&row->live, taken);
  return taken;
}

bool hak_heap_grow(hak_heap_t *heap, hak_slab_t *slab, size_t size) {
  size_t before = slab->units;
  if (slab->chunk->heap != heap) return false;
  if (!hak_superslab_huge_grow(&heap->superslab, slab, size / HAK_UNIT_SIZE)) return false;
  hak_counter_add(&heap->live_bytes, (slab->units - before) * HAK_UNIT_SIZE);
  hak_large_count_live(heap->large, (int64_t)(slab->units - before));
  return true;
}

/* ---- giving ---- */

/* `blocks` of the slab have just come back. */
static void count_back(hak_heap_t *heap, hak_slab_t *slab, size_t blocks) {
  hak_counter_sub(&heap->classes[slab->size_class].live, blocks);
  hak_counter_sub(&heap->live_bytes, blocks * slab->block_size);
}

static void give_excess(hak_heap_t *heap, bool all) {
  hak_chunk_owner_t owner = owner_of(heap);
  hak_chunk_t *chunk;
  while ((chunk = hak_large_excess(heap->large, all)) != NULL) hak_superslab_discard(&heap->superslab, &owner, chunk);
}

/* A chunk that others still look at must not get into other heaps' hands. */
static void close_huge(hak_heap_t *heap, hak_slab_t *slab) {
  hak_chunk_owner_t owner = owner_of(heap);
  hak_chunk_t *chunk = hak_superslab_huge_close(&heap->superslab, slab);
  hak_large_count_live(heap->large, -(int64_t)chunk->units);
  bool shareable = heap->own || hak_superslab_lone(&owner, chunk);
  if (!shareable || !hak_large_put(heap->large, heap->hint, chunk))
    hak_superslab_discard(&heap->superslab, &owner, chunk);
  give_excess(heap, false);
}

/* Puts a slab that has just got blocks back where it belongs. An empty slab stays while it is its class's only one. */
static void settle(hak_heap_t *heap, hak_slab_t *slab) {
  if (slab->size_class == HAK_SLAB_CLASSES) {
    close_huge(heap, slab);
    return;
  }
  hak_heap_class_t *list = &heap->classes[slab->size_class];
  if (!slab->listed) list_last(list, slab);
  if (HAK_CHECKED) hak_slab_check(slab);
  if (slab->used == 0 && list->head != list->tail) {
    unlist(list, slab);
    close_slab(heap, slab);
  }
}

/* A run: blocks of one slab, one after the other in what is given back. */
typedef struct run {
  void **blocks;
  size_t count;
} run_t;

/* What of the run are blocks, each once. @return how many are not: rejected. */
static size_t gather(const hak_slab_t *slab, run_t run, hak_batch_t *batch, void **rejected) {
  size_t bad = 0;
  batch->words = 0;
  for (size_t i = 0; i < run.count; i++) {
    uint32_t index = hak_slab_index(slab, run.blocks[i]);
    if (HAK_UNLIKELY(index == slab->blocks || !hak_batch_add(batch, index))) rejected[bad++] = run.blocks[i];
  }
  return bad;
}

/* A slab's blocks as addresses, though it may be another by now. */
typedef struct places {
  char *base;
  size_t block_size;
} places_t;

/* What is left in the batch was free before. @return how many. */
static size_t reject(places_t places, const hak_batch_t *batch, void **rejected) {
  size_t bad = 0;
  for (uint64_t words = batch->words; words != 0; words &= words - 1) {
    size_t word = hak_ctz(words);
    for (uint64_t bits = batch->bits[word]; bits != 0; bits &= bits - 1)
      rejected[bad++] = places.base + (word * 64 + hak_ctz(bits)) * places.block_size;
  }
  return bad;
}

static size_t give_own(hak_heap_t *heap, hak_slab_t *slab, run_t run, void **rejected) {
  hak_batch_t batch;
  places_t places = {slab->base, slab->block_size};
  bool was_full = slab->used == slab->blocks;
  size_t bad = gather(slab, run, &batch, rejected);
  if (bad == run.count) return bad;
  size_t given = hak_slab_give(slab, &batch);
  if (given < run.count - bad) bad += reject(places, &batch, rejected + bad);
  if (given == 0) return bad;
  count_back(heap, slab, given);
  if (was_full || slab->used == 0)
    settle(heap, slab);
  else if (HAK_CHECKED)
    hak_slab_check(slab);
  return bad;
}

/* By what the return of a block is counted. */
typedef struct kind {
  unsigned size_class;
  size_t block_size;
  bool own; /* belongs to a heap of its own */
} kind_t;

static kind_t kind_of(const hak_heap_t *owner, const hak_slab_t *slab) {
  return (kind_t){slab->size_class, slab->block_size, owner->own};
}

/* Threads without a heap count in one that nobody made, maybe several at once. Relaxed: only the sum is of interest. */
static void add_returned(const hak_heap_t *heap, hak_counter_t *counter, uint64_t amount) {
  if (HAK_UNLIKELY(heap->large == NULL))
    hak_fetch_add_relaxed(counter, amount);
  else
    hak_counter_add(counter, amount);
}

static void count_returned(hak_heap_t *heap, kind_t kind, uint64_t blocks) {
  add_returned(heap, &heap->returned.blocks[kind.size_class], blocks);
  add_returned(heap, &heap->returned.bytes, blocks * kind.block_size);
  if (!kind.own) add_returned(heap, &heap->returned.frees, blocks);
}

/* Once it has left, neither the slab nor its heap may be looked at; once a block is given, the slab may be made another. */
static size_t give_remote(hak_heap_t *heap, hak_heap_t *owner, hak_slab_t *slab, run_t run, void **rejected) {
  hak_batch_t batch;
  places_t places = {slab->base, slab->block_size};
  kind_t kind = kind_of(owner, slab);
  size_t bad = gather(slab, run, &batch, rejected);
  if (bad == run.count) return bad;
  hak_remote_enter(&owner->remote);
  hak_remote_give(&owner->remote, slab, &batch);
  hak_remote_leave(&owner->remote);
  bad += reject(places, &batch, rejected + bad);
  hak_counter_add(&heap->remote_frees, run.count - bad);
  count_returned(heap, kind, run.count - bad);
  return bad;
}

/* @return how many of the run were rejected; `rejected` may lie before them in the same array. */
static size_t give_run(hak_heap_t *heap, hak_slab_t *slab, run_t run, void **rejected) {
  hak_heap_t *owner = slab->chunk->heap;
  if (owner == heap) return give_own(heap, slab, run, rejected);
  bool orphan = hak_load_relaxed(&owner->orphan); /* now, for without the block the owner may end at any time */
  size_t bad = give_remote(heap, owner, slab, run, rejected);
  if (orphan && bad < run.count) hak_store_relaxed(&heap->met_orphan, true);
  return bad;
}

static run_t run_from(const hak_slab_t *slab, void **blocks, size_t most) {
  run_t run = {blocks, 1};
  size_t bytes = slab->units * HAK_UNIT_SIZE;
  while (run.count < most && (size_t)((char *)blocks[run.count] - slab->base) < bytes) run.count++;
  return run;
}

size_t hak_heap_give(hak_heap_t *heap, void **blocks, size_t count) {
  unsigned last_class = HAK_SLAB_CLASSES + 1;
  size_t rejected = 0;
  hak_counter_add(&heap->flushes, 1);
  for (size_t i = 0; i < count;) {
    hak_slab_t *slab = hak_heap_slab_of(blocks[i]);
    if (slab == NULL) {
      blocks[rejected++] = blocks[i++];
      continue;
    }
    unsigned size_class = slab->size_class;
    run_t run = run_from(slab, blocks + i, count - i);
    size_t bad = give_run(heap, slab, run, blocks + rejected);
    if (bad < run.count && size_class != last_class) {
      hak_counter_add(&heap->classes[size_class].flushes, 1);
      last_class = size_class;
    }
    rejected += bad;
    i += run.count;
  }
  return count - rejected;
}

void hak_heap_collect(hak_heap_t *heap) {
  hak_slab_t *slab = hak_remote_take(&heap->remote);
  heap->remote.collecting = true;
  while (slab != NULL) {
    hak_slab_t *next = slab->remote_next;
    size_t collected = hak_slab_collect(slab);
    if (collected != 0) {
      count_returned(heap, kind_of(heap, slab), -(uint64_t)collected);
      count_back(heap, slab, collected);
      settle(heap, slab);
    }
    slab = next;
  }
  heap->remote.collecting = false;
}

/* An empty slab is the oldest of its list, if there is one: it stayed because it was alone. */
static void tick_list(hak_heap_t *heap, hak_heap_class_t *list) {
  hak_slab_t *slab = list->head;
  if (slab == NULL || slab->used != 0) return;
  if (!slab->idle) {
    slab->idle = true;
    return;
  }
  unlist(list, slab);
  close_slab(heap, slab);
}

/* Ticks count operations, and a busy thread has many of them in the time that memory must lie idle to be worth a system call
   and its pages anew. A heap of its own goes by operations alone: what it does follows from its calls. */
static bool purge_is_due(hak_heap_t *heap) {
  if (heap->own) return true;
  uint64_t now = hak_os_now_ms();
  if (now - heap->purged_ms < hak_option(hak_option_purge_delay_ms)) return false;
  heap->purged_ms = now;
  return true;
}

void hak_heap_tick_slabs(hak_heap_t *heap) {
  hak_heap_collect(heap);
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) tick_list(heap, &heap->classes[c]);
  hak_chunk_owner_t owner = owner_of(heap);
  if (purge_is_due(heap)) hak_superslab_tick(&heap->superslab, &owner);
  hak_registry_shrink();
#if HAK_CHECKED
  hak_heap_check(heap);
#endif
}

void hak_heap_tick(hak_heap_t *heap) {
  heap->operations = 0;
  hak_heap_tick_slabs(heap);
  hak_large_tick(heap->large);
  give_excess(heap, false);
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
  if (heap->own) give_excess(heap, true);
  hak_registry_shrink();
  return (size_t)(hak_counter_get(&heap->superslab.purged) - purged) * HAK_UNIT_SIZE;
}

/* ---- retaining ---- */

/* A slab of which nothing is held; listed, so that it is found. */
static void release_slab(hak_heap_t *heap, hak_slab_t *slab) {
  count_back(heap, slab, hak_slab_release(slab));
  if (slab->size_class < HAK_SLAB_CLASSES && !slab->listed) list_last(&heap->classes[slab->size_class], slab);
}

static void release_chunk(hak_heap_t *heap, hak_chunk_t *chunk) {
  size_t bits = hak_chunk_map_bits(chunk->units, chunk->huge), unit = hak_bitmap_next_clear(chunk->free_map, bits, 0);
  while (unit < bits) {
    hak_slab_t *slab = &chunk->slabs[unit];
    release_slab(heap, slab);
    unit = hak_bitmap_next_clear(chunk->free_map, bits, unit + slab->units);
  }
}

static void retake(hak_heap_t *heap, void *block) {
  hak_slab_t *slab = hak_heap_slab_of(block);
  if (slab == NULL || slab->chunk->heap != heap) return;
  uint32_t index = hak_slab_index(slab, block);
  if (index == slab->blocks || !hak_slab_retake(slab, index)) return;
  hak_heap_class_t *list = &heap->classes[slab->size_class];
  hak_counter_add(&list->live, 1);
  hak_counter_add(&heap->live_bytes, slab->block_size);
  if (slab->used == slab->blocks && slab->listed) unlist(list, slab);
}

static void close_empty_huge(hak_heap_t *heap) {
  for (hak_chunk_t *chunk = heap->superslab.first, *next; chunk != NULL; chunk = next) {
    next = chunk->next;
    if (chunk->huge && chunk->slabs[0].used == 0) close_huge(heap, &chunk->slabs[0]);
  }
}

/* What is kept is marked anew after everything was released: so no list of the blocks is needed, nor memory for one. */
void hak_heap_retain(hak_heap_t *heap, void *(*next)(void *argument), void *argument) {
  hak_heap_collect(heap);
  for (hak_chunk_t *chunk = heap->superslab.first; chunk != NULL; chunk = chunk->next) release_chunk(heap, chunk);
  for (void *block = next(argument); block != NULL; block = next(argument)) retake(heap, block);
  close_empty_huge(heap);
  hak_heap_give_idle(heap);
}

/* ---- checking ---- */

static void check_list(hak_heap_class_t *list) {
  for (hak_slab_t *slab = list->head; slab != NULL; slab = slab->next) {
    hak_slab_check(slab);
    check_listed(list, slab);
  }
}

void hak_heap_check(hak_heap_t *heap) {
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) check_list(&heap->classes[c]);
  hak_superslab_check(&heap->superslab);
  hak_large_check(heap->large);
  hak_tcache_check(&heap->tcache);
  hak_mid_check(&heap->mid);
}
