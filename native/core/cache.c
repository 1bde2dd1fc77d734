/* L5 cache: see cache.h. */
#include "cache.h"

#include <string.h>

#include "assert.h"
#include "heaps.h"

/* ---- budget ---- */

static uint64_t budget_of(hak_heap_t *heap) {
  uint64_t quarter = hak_counter_get(&heap->live_bytes) / 4;
  uint64_t least = hak_option(hak_option_tcache_bytes_min);
  uint64_t most = hak_option(hak_option_tcache_bytes_max);
  return quarter > most ? most : quarter < least ? least : quarter;
}

static uint64_t mid_budget_of(hak_heap_t *heap) {
  uint64_t quarter = hak_counter_get(&heap->live_bytes) / 4;
  uint64_t least = hak_option(hak_option_mid_bytes_min);
  return quarter < least ? least : quarter;
}

/* ---- bins ---- */

/* Gives the `count` oldest blocks of a bin back. */
static void flush_bin(hak_heap_t *heap, unsigned size_class, uint32_t count) {
  hak_bin_t *bin = hak_tcache_bin(&heap->tcache, size_class);
  if (count == 0) return;
  void **oldest = hak_bin_oldest(bin, count);
  hak_heap_give_live(heap, oldest, count);
  hak_bin_drop(bin, count);
  if (HAK_CHECKED) hak_bin_check(bin, size_class);
}

/* Halves a bin, blocks and room. @return false: there was no memory for the shorter row. */
static bool halve_bin(hak_heap_t *heap, unsigned size_class) {
  uint32_t count = hak_bin_count(hak_tcache_bin(&heap->tcache, size_class));
  uint32_t half = hak_tcache_half(&heap->tcache, size_class);
  uint32_t keep = count / 2 < half ? count / 2 : half;
  flush_bin(heap, size_class, count - keep);
  return hak_tcache_shrink(&heap->tcache, size_class);
}

/* Not used since the last tick, or since a bin was last refused its growth. */
static bool is_cold(hak_tcache_t *tcache, unsigned size_class) {
  hak_bin_t *bin = hak_tcache_bin(tcache, size_class);
  return hak_tcache_idle(tcache, size_class) || hak_bin_allocs(bin) == bin->allocs_refused;
}

/* The class with the most room beyond its least, `but` excepted, among the cold ones or all; or HAK_TCACHE_CLASSES. */
static unsigned roomiest(hak_heap_t *heap, unsigned but, bool cold_only) {
  unsigned found = HAK_TCACHE_CLASSES;
  size_t room = 0;
  for (uint64_t roomy = heap->tcache.roomy; roomy != 0; roomy &= roomy - 1) {
    unsigned c = hak_ctz(roomy);
    size_t bytes = hak_bin_capacity(hak_tcache_bin(&heap->tcache, c)) * hak_size_class_bytes(c);
    if (c == but || bytes <= room || (cold_only && !is_cold(&heap->tcache, c))) continue;
    room = bytes;
    found = c;
  }
  return found;
}

static bool growth_fits(hak_heap_t *heap, unsigned size_class, uint64_t budget) {
  return heap->tcache.capacity_bytes + hak_tcache_growth(&heap->tcache, size_class) <= budget;
}

/* Takes room from cold bins, for a bin's first room from any. @return whether the growth fits the budget now. */
static bool make_room(hak_heap_t *heap, unsigned size_class, bool first) {
  while (!growth_fits(heap, size_class, budget_of(heap))) {
    unsigned from = roomiest(heap, size_class, true);
    if (from == HAK_TCACHE_CLASSES && first) from = roomiest(heap, size_class, false);
    if (from == HAK_TCACHE_CLASSES || !halve_bin(heap, from)) return false;
  }
  return true;
}

/* What is not used until the next refusal is cold then: a class that becomes hot need not wait for a tick. */
static void note_refusal(hak_heap_t *heap) {
  for (uint64_t roomy = heap->tcache.roomy; roomy != 0; roomy &= roomy - 1) {
    hak_bin_t *bin = hak_tcache_bin(&heap->tcache, hak_ctz(roomy));
    bin->allocs_refused = hak_bin_allocs(bin);
  }
}

/* Blocks that go back take of the budget too: a bin that had its room from better days gives some back. */
static void fit_budget(hak_heap_t *heap) {
  while (heap->tcache.capacity_bytes > budget_of(heap)) {
    unsigned from = roomiest(heap, HAK_TCACHE_CLASSES, false);
    if (from == HAK_TCACHE_CLASSES || !halve_bin(heap, from)) return;
  }
}

/* Few bytes are nothing to speak of. More must be earned by blocks that the bin had to give back and now takes again: where a program
   only allocates, a longer bin would save it nothing. */
static bool earns_growth(hak_bin_t *bin, unsigned size_class) {
  uint32_t capacity = hak_bin_capacity(bin);
  if (2 * capacity * hak_size_class_bytes(size_class) <= hak_option(hak_option_tcache_bin_bytes)) return true;
  if (bin->spilled < capacity) return false;
  bin->spilled -= capacity;
  return true;
}

/* A bin without any room gets some whatever the budget: the least that a class can work with. */
static void grow_bin(hak_heap_t *heap, unsigned size_class) {
  hak_bin_t *bin = hak_tcache_bin(&heap->tcache, size_class);
  bool first = hak_bin_capacity(bin) == 0;
  if (!first && !earns_growth(bin, size_class)) return;
  if (make_room(heap, size_class, first) || first)
    hak_tcache_grow(&heap->tcache, size_class);
  else
    note_refusal(heap);
}

/* ---- mid rings: behind the heap's door, for threads that are awake empty those of one that rests ---- */

static void *pop_mid(hak_heap_t *heap, unsigned size_class, void *(*pop)(hak_mid_t *mid, unsigned size_class)) {
  hak_heap_enter(heap);
  void *block = pop(&heap->mid, size_class);
  hak_heap_leave(heap);
  return block;
}

static uint64_t idle_mid(hak_heap_t *heap, unsigned size_class) {
  hak_heap_enter(heap);
  uint64_t idle = hak_mid_idle(&heap->mid, size_class);
  hak_heap_leave(heap);
  return idle;
}

static void evict_mid(hak_heap_t *heap, unsigned size_class, uint64_t count) {
  void *block;
  for (; count > 0 && (block = pop_mid(heap, size_class, hak_mid_evict)) != NULL; count--) hak_heap_give_live(heap, &block, 1);
}

static void flush_mid_inside(hak_heap_t *heap) {
  for (unsigned c = HAK_MID_FIRST; c < HAK_SLAB_CLASSES; c++) {
    void *block;
    while ((block = hak_mid_evict(&heap->mid, c)) != NULL)
      if (hak_heap_give_inside(heap, &block, 1) == 0) hak_fatal("free of a pointer that is no live block", block);
    hak_mid_idle(&heap->mid, c); /* gives the rings' kept segments back */
  }
}

static void flush_mid(hak_heap_t *heap) {
  hak_heap_enter(heap);
  flush_mid_inside(heap);
  hak_heap_leave(heap);
}

/* Blocks that go back take of the budget too; what is over it leaves, of this class first. */
static void fit_mid_budget(hak_heap_t *heap, unsigned size_class) {
  for (unsigned i = 0; i < HAK_MID_CLASSES; i++) {
    unsigned c = HAK_MID_FIRST + (size_class - HAK_MID_FIRST + i) % HAK_MID_CLASSES;
    hak_ring_t *ring = &heap->mid.rings[c - HAK_MID_FIRST];
    while (hak_counter_get(&heap->mid.bytes) > mid_budget_of(heap) && hak_counter_get(&ring->count) != 0)
      evict_mid(heap, c, 1);
  }
}

/* ---- ticks ---- */

/* One that spills works, though it may hand nothing out. */
static void tick_bin(hak_heap_t *heap, unsigned size_class) {
  hak_bin_t *bin = hak_tcache_bin(&heap->tcache, size_class);
  if (hak_tcache_idle(&heap->tcache, size_class) && bin->spilled < hak_bin_capacity(bin))
    halve_bin(heap, size_class);
  else
    bin->allocs_seen = hak_bin_allocs(bin);
  bin->spilled /= 2;
}

/* Of what a thread that rests has only its bins stay: they are no one else's to touch. No door is waited for: a thread in the middle of a
   fork may come here, which holds what the owner waits for behind its door. */
void hak_cache_rest(hak_heap_t *heap) {
  if (hak_counter_get(&heap->mid.bytes) != 0 && hak_heap_try_enter(heap)) {
    flush_mid_inside(heap);
    hak_heap_leave(heap);
  }
  hak_heap_tick_resting(heap);
}

void hak_cache_look(void) {
  hak_heaps_look(hak_cache_rest);
}

static void tick(hak_heap_t *heap) {
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++) tick_bin(heap, c);
  for (unsigned c = HAK_MID_FIRST; c < HAK_SLAB_CLASSES; c++) evict_mid(heap, c, idle_mid(heap, c));
  fit_budget(heap);
  fit_mid_budget(heap, HAK_MID_FIRST);
  hak_heap_tick(heap);
}

void hak_cache_count(hak_heap_t *heap) {
  if (hak_heap_tick_due(heap)) tick(heap);
  hak_cache_look(); /* most see no more than the clock */
}

/* Time goes by what passes, too: a mid block counts once for each 8 KiB more, or threads that work with few but large blocks would
   hold memory for many seconds that they do not need. */
static void count_operation(hak_heap_t *heap, unsigned size_class) {
  if (size_class >= HAK_MID_FIRST) heap->operations += hak_size_class_bytes(size_class) / (8 * HAK_KIB);
  hak_cache_count(heap);
}

/* ---- alloc ---- */

static void *take_one(hak_heap_t *heap, unsigned size_class) {
  void *block = NULL;
  hak_counter_add(&heap->uncached_allocs, hak_heap_take(heap, size_class, 1, &block));
  return block;
}

/* Half of the bin, so that frees that follow find room. */
static void *refill(hak_heap_t *heap, unsigned size_class) {
  hak_bin_t *bin = hak_tcache_bin(&heap->tcache, size_class);
  hak_counter_add(&heap->tcache.misses, 1);
  grow_bin(heap, size_class);
  uint32_t wanted = (hak_bin_capacity(bin) + 1) / 2;
  if (wanted == 0) return take_one(heap, size_class); /* no memory for the bin's array */
  hak_bin_fill(bin, (uint32_t)hak_heap_take(heap, size_class, wanted, hak_bin_row(bin))); /* lowest first */
  if (HAK_CHECKED) hak_bin_check(bin, size_class);
  return hak_bin_pop(bin);
}

void *hak_cache_alloc(hak_heap_t *heap, unsigned size_class) {
  void *block = size_class < HAK_TCACHE_CLASSES ? hak_bin_pop(hak_tcache_bin(&heap->tcache, size_class))
                                                : pop_mid(heap, size_class, hak_mid_pop);
  if (block != NULL) return block;
  count_operation(heap, size_class);
  return size_class < HAK_TCACHE_CLASSES ? refill(heap, size_class) : take_one(heap, size_class);
}

/* ---- free ---- */

static bool push_mid(hak_heap_t *heap, unsigned size_class, void *block) {
  hak_heap_enter(heap);
  bool pushed = hak_mid_push(&heap->mid, size_class, block);
  hak_heap_leave(heap);
  if (!pushed) return false;
  if (hak_counter_get(&heap->mid.bytes) <= mid_budget_of(heap)) return true;
  count_operation(heap, size_class);
  fit_mid_budget(heap, size_class);
  return true;
}

enum { SPILLS_MANY = 16, SPILL_ROOM = 4, SPILL_SHARE = 4 };

/* A thread that only frees misses nothing, and is never granted room for that. What it gives back again and again earns some too, for
   each flush tells the owner of each slab, which costs as much for few blocks as for many; but only of a part of the budget, for who
   allocates the blocks next wants them while they are in the processor's cache. */
static void grow_spilling_bin(hak_heap_t *heap, unsigned size_class) {
  hak_bin_t *bin = hak_tcache_bin(&heap->tcache, size_class);
  uint32_t capacity = hak_bin_capacity(bin);
  size_t bytes = capacity * hak_size_class_bytes(size_class);
  if (bin->spilled / SPILLS_MANY < capacity || bytes >= SPILL_ROOM * hak_option(hak_option_tcache_bin_bytes)) return;
  if (growth_fits(heap, size_class, budget_of(heap) / SPILL_SHARE)) hak_tcache_grow(&heap->tcache, size_class);
}

/* The `count` oldest go for want of room. */
static void spill(hak_heap_t *heap, unsigned size_class, uint32_t count) {
  hak_bin_t *bin = hak_tcache_bin(&heap->tcache, size_class);
  flush_bin(heap, size_class, count);
  if (bin->spilled < UINT32_MAX - count) bin->spilled += count;
  grow_spilling_bin(heap, size_class);
  fit_budget(heap);
}

bool hak_cache_free(hak_heap_t *heap, unsigned size_class, void *block) {
  if (size_class >= HAK_MID_FIRST) return push_mid(heap, size_class, block);
  hak_bin_t *bin = hak_tcache_bin(&heap->tcache, size_class);
  if (hak_bin_push(bin, block)) return true;
  count_operation(heap, size_class);
  if (hak_bin_capacity(bin) == 0)
    grow_bin(heap, size_class);
  else
    spill(heap, size_class, (hak_bin_count(bin) + 1) / 2);
  return hak_bin_push(bin, block);
}

bool hak_cache_free_other(hak_heap_t *heap, unsigned size_class, void *block) {
  hak_bin_t *bin = hak_tcache_bin(&heap->tcache, size_class);
  if (hak_bin_count(bin) < hak_bin_capacity(bin)) {
    count_operation(heap, size_class);
    spill(heap, size_class, bin->others);
  }
  return hak_bin_push_other(bin, block) || hak_cache_free(heap, size_class, block);
}

void hak_cache_flush(hak_heap_t *heap) {
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++)
    flush_bin(heap, c, hak_bin_count(hak_tcache_bin(&heap->tcache, c)));
  flush_mid(heap);
}

void hak_cache_release(hak_heap_t *heap) {
  hak_cache_flush(heap);
  hak_tcache_release(&heap->tcache);
}
