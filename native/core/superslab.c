/* L3 superslab: see superslab.h. Chunks themselves are made and ended in chunk.c. */
#include "superslab.h"

#include "assert.h"
#include "bitmap.h"
#include "chunk.h"
#include "live.h"
#include "options.h"
#include "os.h"
#include "registry.h"

static hak_runs_t *runs_of(hak_superslab_t *superslab, const hak_chunk_t *chunk) {
  return &superslab->runs[chunk->grain];
}

/* ---- the chain ---- */

static void chain(hak_superslab_t *superslab, hak_chunk_t *chunk) {
  chunk->seq = superslab->next_chunk++;
  chunk->next = NULL;
  chunk->prev = superslab->last;
  if (chunk->prev != NULL)
    chunk->prev->next = chunk;
  else
    superslab->first = chunk;
  superslab->last = chunk;
  hak_counter_add(&superslab->reserved, chunk->units);
  hak_counter_add(&superslab->capacity, chunk->units);
  if (!chunk->huge) runs_of(superslab, chunk)->units += chunk->units;
}

static void unchain(hak_superslab_t *superslab, hak_chunk_t *chunk) {
  if (chunk->prev != NULL)
    chunk->prev->next = chunk->next;
  else
    superslab->first = chunk->next;
  if (chunk->next != NULL)
    chunk->next->prev = chunk->prev;
  else
    superslab->last = chunk->prev;
  hak_counter_sub(&superslab->reserved, chunk->units);
  hak_counter_sub(&superslab->capacity, chunk->units);
  if (!chunk->huge) runs_of(superslab, chunk)->units -= chunk->units;
}

static void count_purged(hak_superslab_t *superslab, size_t units) {
  hak_counter_sub(&superslab->committed, units);
  hak_counter_add(&superslab->purged, units);
}

/* The next chunk's length: a quarter of what the heap has, so that their number grows with the logarithm. */
static size_t next_units(const hak_runs_t *runs) {
  uint64_t most = hak_option(hak_option_chunk_bytes_max) / HAK_UNIT_SIZE;
  uint64_t quarter = runs->units / 4;
  uint64_t units = HAK_RUN_LISTS;
  while (2 * units <= quarter && 2 * units <= most) units *= 2;
  return (size_t)units;
}

/* ---- parked chunks: released by the heap, pinned by others ---- */

static void unpark(hak_superslab_t *superslab, hak_chunk_t *chunk) {
  if (chunk->prev != NULL)
    chunk->prev->next = chunk->next;
  else
    superslab->parked = chunk->next;
  if (chunk->next != NULL) chunk->next->prev = chunk->prev;
}

static void park(hak_superslab_t *superslab, hak_chunk_t *chunk) {
  chunk->zero = hak_os_purge(chunk->base, chunk->units * HAK_UNIT_SIZE);
  chunk->prev = NULL;
  chunk->next = superslab->parked;
  if (chunk->next != NULL) chunk->next->prev = chunk;
  superslab->parked = chunk;
}

/* Acquire: pairs with the last hak_chunk_unpin; a new pin needs a live block, and there is none. */
bool hak_superslab_lone(const hak_chunk_owner_t *owner, hak_chunk_t *chunk) {
  /* A huge chunk's one slab is on no stack once its block has come back; only a freer that has not left yet may look. */
  if (chunk->huge) return hak_load_acquire(&chunk->pins) == 1 && hak_load_acquire(&owner->remote->freers) == 0;
  return hak_load_acquire(&chunk->pins) == 1 && hak_remote_is_quiet(owner->remote);
}

/* Unmaps parked chunks whose pins have ended, looking at no more than `most`. */
static void sweep(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, size_t most) {
  hak_chunk_t *chunk = superslab->parked;
  for (; chunk != NULL && most > 0; most--) {
    hak_chunk_t *next = chunk->next;
    if (hak_superslab_lone(owner, chunk)) {
      unpark(superslab, chunk);
      hak_chunk_unpin(chunk);
    }
    chunk = next;
  }
}

static bool is_such(const hak_chunk_t *chunk, hak_chunk_kind_t kind) {
  bool aligned = ((uintptr_t)chunk->base & (kind.alignment - 1)) == 0;
  return aligned && chunk->units == kind.units && chunk->huge == kind.huge && chunk->grain == kind.grain;
}

static hak_chunk_t *take_parked(hak_superslab_t *superslab, hak_chunk_kind_t kind) {
  hak_chunk_t *chunk = superslab->parked;
  while (chunk != NULL && !is_such(chunk, kind)) chunk = chunk->next;
  if (chunk != NULL) unpark(superslab, chunk);
  return chunk;
}

/* Only what passes through threads' caches is tracked. */
static hak_grain_t grain_of(const hak_chunk_owner_t *owner, unsigned size_class) {
  return owner->registry_tag == HAK_TAG_SLOW ? HAK_GRAIN_NONE : hak_size_class_grain(size_class);
}

static hak_chunk_t *map_chunk(hak_superslab_t *superslab, hak_heap_t *heap, hak_chunk_kind_t kind) {
  hak_chunk_t *chunk = take_parked(superslab, kind);
  if (chunk == NULL) chunk = hak_chunk_new(heap, kind);
  if (chunk != NULL) hak_counter_add(&superslab->grown, 1);
  return chunk;
}

/* The chunk is empty and in no chain or list. */
static void let_go(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, hak_chunk_t *chunk) {
  hak_counter_add(&superslab->shrunk, 1);
  if (chunk->grain != HAK_GRAIN_NONE) hak_live_purge(chunk->base, chunk->units * HAK_UNIT_SIZE);
  if (!chunk->huge) {
    hak_bitmap_clear_range(chunk->committed_map, 0, chunk->units);
    hak_bitmap_clear_range(chunk->idle_map, 0, chunk->units);
  }
  sweep(superslab, owner, 2);
  if (hak_superslab_lone(owner, chunk))
    hak_chunk_unpin(chunk);
  else
    park(superslab, chunk);
}

static bool is_empty(const hak_chunk_t *chunk) {
  return chunk->free_units == chunk->units;
}

/* All its committed units were free at the last tick already. */
static bool is_idle(const hak_chunk_t *chunk) {
  for (size_t word = 0; word < hak_bitmap_words(chunk->units); word++)
    if ((chunk->committed_map[word] & ~chunk->idle_map[word]) != 0) return false;
  return true;
}

/* The chunk is empty. */
static void release(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, hak_chunk_t *chunk) {
  hak_runs_remove(runs_of(superslab, chunk), chunk);
  unchain(superslab, chunk);
  count_purged(superslab, hak_bitmap_count(chunk->committed_map, chunk->units));
  let_go(superslab, owner, chunk);
}

/* ---- runs ---- */

/* A slab has come or gone: the chunk, and the whole where a chunk came or goes. */
static void check_change(const hak_superslab_t *superslab, const hak_chunk_t *chunk, bool whole) {
  if (whole)
    hak_superslab_check(superslab);
  else
    hak_chunk_check(superslab, chunk);
}

/* As long a chunk as there are addresses for. */
static hak_chunk_t *map_some(hak_superslab_t *superslab, hak_heap_t *heap, size_t units, hak_grain_t grain) {
  hak_chunk_t *chunk;
  do chunk = map_chunk(superslab, heap, (hak_chunk_kind_t){units, HAK_CHUNK_ALIGNMENT, false, grain});
  while (chunk == NULL && (units /= 2) >= HAK_RUN_LISTS);
  return chunk;
}

static hak_chunk_t *chunk_with_run(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, unsigned size_class) {
  hak_grain_t grain = grain_of(owner, size_class);
  hak_runs_t *runs = &superslab->runs[grain];
  hak_chunk_t *chunk = hak_runs_fit(runs, hak_size_classes[size_class].units);
  if (chunk != NULL) return chunk;
  hak_counter_add(&superslab->misses, 1);
  chunk = map_some(superslab, owner->heap, next_units(runs), grain);
  if (chunk == NULL) return NULL;
  chain(superslab, chunk);
  hak_runs_add(runs, chunk);
  return chunk;
}

static void commit(hak_superslab_t *superslab, hak_chunk_t *chunk, size_t unit, size_t units) {
  hak_counter_add(&superslab->committed, units - hak_bitmap_count_range(chunk->committed_map, unit, units));
  hak_bitmap_set_range(chunk->committed_map, unit, units);
  hak_bitmap_clear_range(chunk->idle_map, unit, units);
  hak_counter_add(&superslab->used, units);
}

/* The live map learns that a slab has come, or with 0 for its tag gone; no block of it is held. */
static void track(const hak_slab_t *slab, uintptr_t tag) {
  if (slab->chunk->grain == HAK_GRAIN_NONE) return;
  if (HAK_CHECKED) hak_live_check(slab->base, slab->units * HAK_UNIT_SIZE);
  hak_live_tag_units(slab->base, slab->units, tag);
}

/* The place of a slab that is to be opened over some units; nobody has a block of it yet. */
static hak_slab_t *prepare(const hak_chunk_owner_t *owner, hak_chunk_t *chunk, size_t unit, size_t units, bool fresh) {
  hak_slab_t *slab = hak_chunk_place(chunk, unit);
  slab->units = (uint32_t)units;
  slab->fresh = fresh;
  slab->high = slab->high_before = 0;
  hak_store_relaxed(&slab->heap, owner->heap);
  return slab;
}

hak_slab_t *hak_superslab_slab_new(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, unsigned size_class,
                                   uint64_t seq) {
  size_t units = hak_size_classes[size_class].units;
  hak_chunk_t *chunk = chunk_with_run(superslab, owner, size_class);
  if (chunk == NULL) return NULL;
  size_t unit = hak_bitmap_find_run(chunk->free_map, chunk->units, units);
  hak_bitmap_clear_range(chunk->free_map, unit, units);
  chunk->free_units -= (uint32_t)units;
  hak_runs_update(runs_of(superslab, chunk), chunk);
  bool fresh = chunk->zero && hak_bitmap_count_range(chunk->committed_map, unit, units) == 0;
  hak_slab_t *slab = prepare(owner, chunk, unit, units, fresh);
  commit(superslab, chunk, unit, units);
  hak_slab_open(slab, size_class, hak_size_classes[size_class].block_size, seq);
  uintptr_t tag = owner->registry_tag != 0 ? owner->registry_tag : size_class + 1;
  hak_registry_set(slab->base, units, (uintptr_t)slab | tag);
  track(slab, owner->mark | tag);
  if (HAK_CHECKED) check_change(superslab, chunk, chunk->free_units + units == chunk->units);
  return slab;
}

bool hak_superslab_has_warm_run(const hak_superslab_t *superslab, const hak_chunk_owner_t *owner, unsigned size_class) {
  size_t units = hak_size_classes[size_class].units;
  const hak_chunk_t *chunk = hak_runs_fit(&superslab->runs[grain_of(owner, size_class)], (uint32_t)units);
  if (chunk == NULL) return false;
  size_t unit = hak_bitmap_find_run(chunk->free_map, chunk->units, units);
  return hak_bitmap_count_range(chunk->committed_map, unit, units) == units;
}

hak_chunk_t *hak_superslab_huge_map(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, size_t size, size_t alignment) {
  return map_chunk(superslab, owner->heap, (hak_chunk_kind_t){size / HAK_UNIT_SIZE, alignment, true, HAK_GRAIN_NONE});
}

hak_slab_t *hak_superslab_huge_new(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, hak_chunk_t *chunk, uint64_t seq) {
  chunk->heap = owner->heap;
  chain(superslab, chunk);
  hak_bitmap_clear_range(chunk->free_map, 0, 1);
  chunk->free_units = 0;
  hak_counter_add(&superslab->committed, chunk->units);
  hak_counter_add(&superslab->used, chunk->units);
  hak_slab_t *slab = prepare(owner, chunk, 0, chunk->units, chunk->zero);
  hak_slab_open(slab, HAK_SLAB_CLASSES, chunk->units * HAK_UNIT_SIZE, seq);
  hak_registry_set_huge(slab->base, slab->units, (uintptr_t)slab | HAK_TAG_SLOW);
  if (HAK_CHECKED) hak_chunk_check(superslab, chunk);
  return slab;
}

static void lengthen(hak_superslab_t *superslab, hak_slab_t *slab, size_t units) {
  hak_chunk_t *chunk = slab->chunk;
  size_t more = units - chunk->units;
  chunk->units = slab->units = (uint32_t)units;
  slab->block_size = units * HAK_UNIT_SIZE;
  hak_counter_add(&superslab->reserved, more);
  hak_counter_add(&superslab->capacity, more);
  hak_counter_add(&superslab->committed, more);
  hak_counter_add(&superslab->used, more);
}

bool hak_superslab_huge_grow(hak_superslab_t *superslab, hak_slab_t *slab, size_t units) {
  hak_chunk_t *chunk = slab->chunk;
  char *end = chunk->base + chunk->units * HAK_UNIT_SIZE;
  size_t more = (units - chunk->units) * HAK_UNIT_SIZE;
  if (units > UINT32_MAX || !hak_os_extend(end, more)) return false;
  if (!hak_registry_cover(slab->base, units, true)) {
    hak_os_unmap(end, more);
    return false;
  }
  hak_registry_set_huge(slab->base, chunk->units, 0); /* its end may now be in a piece */
  hak_registry_set_huge(slab->base, units, (uintptr_t)slab | HAK_TAG_SLOW);
  lengthen(superslab, slab, units);
  if (HAK_CHECKED) hak_superslab_check(superslab);
  return true;
}

static void unregister(const hak_chunk_t *chunk, const void *start, size_t units) {
  if (chunk->huge)
    hak_registry_set_huge(start, units, 0);
  else
    hak_registry_set(start, units, 0);
}

static void close_slab(hak_superslab_t *superslab, hak_slab_t *slab) {
  hak_chunk_t *chunk = slab->chunk;
  HAK_ASSERT(slab->used == 0);
  track(slab, 0);
  unregister(chunk, slab->base, slab->units);
  hak_bitmap_clear_range(slab->free, 0, slab->blocks);
  hak_bitmap_set_range(chunk->free_map, slab->unit, hak_chunk_map_bits(slab->units, chunk->huge));
  chunk->free_units += slab->units;
  hak_counter_sub(&superslab->used, slab->units);
}

hak_chunk_t *hak_superslab_huge_close(hak_superslab_t *superslab, hak_slab_t *slab) {
  hak_chunk_t *chunk = slab->chunk;
  close_slab(superslab, slab);
  unchain(superslab, chunk);
  hak_counter_sub(&superslab->committed, chunk->units); /* of this heap: the next one counts it anew */
  chunk->zero = false;
  if (HAK_CHECKED) hak_chunk_check(superslab, chunk);
  return chunk;
}

void hak_superslab_discard(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, hak_chunk_t *chunk) {
  hak_counter_add(&superslab->purged, chunk->units);
  let_go(superslab, owner, chunk);
}

/* ---- giving back ---- */

/* The system makes huge pages of small ones in the background, of holes too: what was given back would come to be used again. */
static void forgo_huge_pages(hak_chunk_t *chunk) {
  if (!chunk->holed) hak_os_allow_huge_pages(chunk->base, chunk->units * HAK_UNIT_SIZE, false);
  chunk->holed = true;
}

static bool purge_run(hak_chunk_t *chunk, size_t unit, size_t units) {
  forgo_huge_pages(chunk);
  char *start = chunk->base + unit * HAK_UNIT_SIZE;
  if (chunk->grain != HAK_GRAIN_NONE) hak_live_purge(start, units * HAK_UNIT_SIZE);
  return hak_os_purge(start, units * HAK_UNIT_SIZE);
}

/* Purges the committed units of a chunk that are in `which`, a run at a time. */
static void purge_units(hak_superslab_t *superslab, hak_chunk_t *chunk, const uint64_t *which) {
  size_t unit = hak_bitmap_next_set(which, chunk->units, 0);
  while (unit < chunk->units) {
    size_t end = hak_bitmap_next_clear(which, chunk->units, unit);
    size_t committed = hak_bitmap_count_range(chunk->committed_map, unit, end - unit);
    if (committed != 0 && purge_run(chunk, unit, end - unit)) {
      hak_bitmap_clear_range(chunk->committed_map, unit, end - unit);
      count_purged(superslab, committed);
    }
    unit = hak_bitmap_next_set(which, chunk->units, end);
  }
}

/* Everything of the chunk that is free: its units, or, empty, itself. */
static void give_back(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, hak_chunk_t *chunk) {
  if (chunk->huge || chunk->free_units == 0) return;
  if (is_empty(chunk))
    release(superslab, owner, chunk);
  else
    purge_units(superslab, chunk, chunk->free_map);
}

static void tick_chunk(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, hak_chunk_t *chunk) {
  if (chunk->huge || chunk->free_units == 0) return;
  if (is_empty(chunk) && is_idle(chunk)) {
    release(superslab, owner, chunk);
    return;
  }
  purge_units(superslab, chunk, chunk->idle_map);
  for (size_t word = 0; word < hak_bitmap_words(chunk->units); word++)
    chunk->idle_map[word] = chunk->committed_map[word] & chunk->free_map[word];
}

void hak_superslab_tick(hak_superslab_t *superslab, const hak_chunk_owner_t *owner) {
  sweep(superslab, owner, SIZE_MAX);
  for (hak_chunk_t *chunk = superslab->first, *next; chunk != NULL; chunk = next) {
    next = chunk->next;
    tick_chunk(superslab, owner, chunk);
  }
}

void hak_superslab_trim(hak_superslab_t *superslab, const hak_chunk_owner_t *owner) {
  for (hak_chunk_t *chunk = superslab->first, *next; chunk != NULL; chunk = next) {
    next = chunk->next;
    give_back(superslab, owner, chunk);
  }
  sweep(superslab, owner, SIZE_MAX);
}

/* ---- the bound on free memory ---- */

static uint64_t dirty_units(hak_superslab_t *superslab) {
  return hak_counter_get(&superslab->committed) - hak_counter_get(&superslab->used);
}

/* As much as is used: less would fetch the same pages again and again from the system for a program with a garbage collector,
   which frees half of all at once. */
static uint64_t dirty_most(hak_superslab_t *superslab) {
  uint64_t used = hak_counter_get(&superslab->used);
  uint64_t least = hak_option(hak_option_dirty_bytes) / HAK_UNIT_SIZE;
  return used > least ? used : least;
}

/* After a burst there may be no more operations, and so no ticks: what is free beyond the bound goes at once, of the newest chunks,
   and a quarter of the bound with it, so that the next free need not come here again. */
static void drop_dirty(hak_superslab_t *superslab, const hak_chunk_owner_t *owner) {
  uint64_t enough = dirty_most(superslab) / 4 * 3;
  for (hak_chunk_t *chunk = superslab->last, *older; chunk != NULL && dirty_units(superslab) > enough; chunk = older) {
    older = chunk->prev;
    give_back(superslab, owner, chunk);
  }
}

void hak_superslab_slab_free(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, hak_slab_t *slab) {
  hak_chunk_t *chunk = slab->chunk;
  close_slab(superslab, slab);
  hak_runs_update(runs_of(superslab, chunk), chunk);
  if (HAK_CHECKED) check_change(superslab, chunk, is_empty(chunk));
  if (dirty_units(superslab) > dirty_most(superslab)) drop_dirty(superslab, owner);
}

/* ---- the end ---- */

static void forget(hak_chunk_t *chunk) {
  unregister(chunk, chunk->base, chunk->units);
  hak_os_purge(chunk->base, chunk->units * HAK_UNIT_SIZE);
  hak_chunk_unpin(chunk);
}

void hak_superslab_destroy(hak_superslab_t *superslab) {
  for (hak_chunk_t *chunk = superslab->first, *next; chunk != NULL; chunk = next) {
    next = chunk->next;
    forget(chunk);
  }
  for (hak_chunk_t *chunk = superslab->parked, *next; chunk != NULL; chunk = next) {
    next = chunk->next;
    hak_chunk_unpin(chunk);
  }
}
