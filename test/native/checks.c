/*
 * checks: each structure is broken on purpose, and the slow path that changes it next says so: no tick comes in between.
 */
#include "test.h"

#include "live.h"
#include "registry.h"
#include "thread.h"

enum { ROOM = 2000 };
static void *blocks[ROOM];

static hak_slab_t *slab_of(const void *block) {
  hak_slab_t *slab = hak_heap_slab_of(block);
  CHECK(slab != NULL);
  return slab;
}

/* A heap of its own with a partial slab. */
static hak_heap_t *heap;
static hak_slab_t *partial(size_t size) {
  heap = hak_heap_new();
  CHECK(hak_heap_malloc_batch(heap, size, 3, blocks) == 3);
  return slab_of(blocks[0]);
}

static void take(size_t size, size_t count) {
  CHECK(hak_heap_malloc_batch(heap, size, count, blocks + 10) == count);
}

/* ---- slabs and their lists ---- */

static void slab_bitmap(void) {
  hak_slab_t *slab = partial(1200);
  CHECK(slab->blocks % 64 != 0);
  slab->free[slab->blocks / 64] |= (uint64_t)1 << 63;
  take(1200, 1);
}

static void slab_used(void) {
  partial(1000)->used++;
  take(1000, 1);
}

static void slab_used_at_give(void) {
  partial(1000)->used++;
  hak_heap_free_batch(heap, blocks, 1);
}

static void slab_first_word(void) {
  partial(16)->first_word = 5;
  take(16, 1);
}

static void slab_listed(void) {
  partial(1000)->listed = false;
  take(1000, 1);
}

static void list_of_slabs(void) {
  hak_slab_t *slab = partial(1000);
  slab->prev = slab;
  take(1000, slab->blocks);
}

/* ---- chunks ---- */

static void chunk_free_units(void) {
  partial(1000)->chunk->free_units++;
  take(5000, 1);
}

static void chunk_without_slab(void) {
  hak_chunk_t *chunk = partial(1000)->chunk;
  chunk->free_map[0] &= ~((uint64_t)1 << 20);
  take(5000, 1);
}

static void chunk_idle(void) {
  partial(1000)->chunk->idle_map[0] |= 1;
  take(5000, 1);
}

static void chunk_list(void) {
  partial(1000);
  take(60000, 10);
  for (size_t grain = 0; grain < HAK_GRAINS; grain++) heap->superslab.runs[grain].present = 0;
  take(5000, 1); /* in another chunk, then */
}

static void chunk_capacity(void) {
  heap = hak_heap_new();
  hak_counter_add(&heap->superslab.capacity, 1);
  take(5000, 1);
}

static void chunk_committed(void) {
  heap = hak_heap_new();
  hak_counter_add(&heap->superslab.committed, 1);
  take(5000, 1);
}

/* ---- the thread's cache ---- */

static void bin_capacity(void) {
  hak_free(hak_malloc(100));
  hak_thread_heap->tcache.capacity_bytes += 16;
  CHECK(hak_malloc_batch(100, ROOM, blocks) == ROOM);
}

/* The bin is full but for one place, and `last` is the newest in it; then older blocks are flushed. */
static void flush_behind(void *last, unsigned size_class) {
  hak_bin_t *bin = hak_tcache_bin(&hak_thread_heap->tcache, size_class);
  for (size_t i = 0; hak_bin_count(bin) + 1 < hak_bin_capacity(bin); i++) hak_free(blocks[i]);
  CHECK(hak_bin_push(bin, last));
  hak_free(blocks[ROOM - 1]);
}

static unsigned class_of(const void *block) {
  return (unsigned)hak_live_get(block) - 1;
}

static void bin_of_held_blocks(void) {
  CHECK(hak_malloc_batch(100, ROOM, blocks) == ROOM);
  flush_behind(blocks[ROOM - 2], class_of(blocks[0]));
}

static void bin_of_another_class(void) {
  CHECK(hak_malloc_batch(100, ROOM, blocks) == ROOM);
  void *other = hak_malloc(1000);
  hak_live_clear(other);
  flush_behind(other, class_of(blocks[0]));
}

static void mid_bytes(void) {
  void *block = hak_malloc(40000);
  hak_counter_add(&hak_thread_heap->mid.bytes, 16);
  hak_free(block);
}

static void free_mid_blocks(size_t from, size_t to) {
  while (from < to) hak_free(blocks[from++]);
}

static hak_ring_t *ring(void) {
  return &hak_thread_heap->mid.rings[class_of(blocks[ROOM - 1]) - HAK_MID_FIRST];
}

static void ring_chain(void) {
  CHECK(hak_malloc_batch(40000, ROOM, blocks) == ROOM);
  free_mid_blocks(0, 150);
  ring()->newest->older = NULL;
  free_mid_blocks(150, 300);
}

static void ring_segment(void) {
  CHECK(hak_malloc_batch(40000, ROOM, blocks) == ROOM);
  free_mid_blocks(0, 150);
  ring()->oldest->first = ring()->oldest->end;
  free_mid_blocks(150, 300);
}

/* ---- maps of addresses ---- */

static void live_in_free_memory(void) {
  char *base = slab_of(hak_malloc(90))->chunk->base;
  hak_live_set(hak_live_entry(HAK_GRAIN_FINE), base + HAK_UNIT_SIZE + 4096, 5);
  CHECK(hak_malloc_batch(50, 2, blocks) == 2);
}

/* A block that the flush brings back while the map has it. */
static void live_in_closed_slab(void) {
  void *block = hak_malloc(900000), *second = hak_malloc(900000);
  hak_slab_t *slab = slab_of(block);
  hak_free(block);
  hak_free(second);
  hak_live_set(hak_live_entry(HAK_GRAIN_COARSE), slab->base + 64, 5);
  hak_trim();
}

static void registry_filled(void) {
  char *block = hak_malloc(100);
  hak_registry_window_t *window = hak_load_acquire(&hak_registry_window);
  uintptr_t entry = (uintptr_t)&window->entries[((uintptr_t)block >> HAK_UNIT_SHIFT) - window->base];
  window->filled[(entry - (uintptr_t)window) / (size_t)sysconf(_SC_PAGESIZE)]++;
  CHECK(hak_malloc(50) != NULL);
}

/* ---- large blocks ---- */

static hak_chunk_t *chunks[ROOM];

static void cache_large(size_t size, size_t count) {
  CHECK(hak_malloc_batch(size, count, blocks) == count);
  for (size_t i = 0; i < count; i++) chunks[i] = slab_of(blocks[i])->chunk;
  hak_free_batch(blocks, count);
}

static void l25_list(void) {
  cache_large(3000000, 3);
  chunks[2]->run_prev = chunks[2];
  CHECK(hak_malloc(3000000) != NULL);
}

static void bigcache_bucket(void) {
  cache_large(60000000, 3);
  chunks[2]->run_prev = chunks[2];
  CHECK(hak_malloc(60000000) != NULL);
}

static void bigcache_order(void) {
  CHECK(hak_malloc_batch(60000000, 5, blocks + 100) == 5);
  cache_large(60000000, 8);
  chunks[5]->next = chunks[5]->next->next;
  hak_free_batch(blocks + 100, 5); /* the table grows */
}

typedef struct breach {
  void (*make)(void);
  const char *message;
} breach_t;

static const breach_t breaches[] = {
    {slab_bitmap, "bitmap: a bit beyond the last"},
    {slab_used, "slab: `used` differs from the bitmap"},
    {slab_used_at_give, "slab: `used` differs from the bitmap"},
    {slab_first_word, "slab: a free block before `first_word`"},
    {slab_listed, "slab: listed though full, or not listed though partial"},
    {list_of_slabs, "heap: a list of slabs is broken"},
    {chunk_free_units, "superslab: free units differ from the map"},
    {chunk_without_slab, "superslab: a unit is neither free nor in a slab"},
    {chunk_idle, "superslab: an idle unit is in use"},
    {chunk_list, "superslab: the chunk is not in its list"},
    {chunk_capacity, "superslab: capacity differs from the chain"},
    {chunk_committed, "superslab: `committed` differs from the chain"},
    {bin_capacity, "tcache: the capacity differs from the bins"},
    {bin_of_held_blocks, "tcache: a cached block is held by a caller"},
    {bin_of_another_class, "tcache: a cached block is none of its class"},
    {mid_bytes, "mid: `bytes` differs from the rings"},
    {ring_chain, "ring: the chain is broken"},
    {ring_segment, "ring: an empty segment in the chain"},
    {live_in_free_memory, "live: a block is held in memory that is free"},
    {live_in_closed_slab, "live: a block is held in memory that is free"},
    {registry_filled, "registry: `filled` differs from the entries"},
    {l25_list, "l25: a chunk is not in its list"},
    {bigcache_bucket, "bigcache: a chunk is not in its bucket"},
    {bigcache_order, "chunk cache: the list is broken"},
};

int main(void) {
  if (!HAK_CHECKED) return 0; /* the release build does not look */
  setenv("HAKMEM_TICK_OPERATIONS", "1000000000", 1);
  setenv("HAKMEM_LARGE_CACHE_BYTES", "1000000000", 1);
  setenv("HAKMEM_TCACHE_BYTES_MIN", "65536", 1); /* bins that ROOM blocks fill */
  for (size_t i = 0; i < TEST_COUNT(breaches); i++) {
    fprintf(stderr, "%s\n", breaches[i].message);
    test_expect_abort(breaches[i].make, breaches[i].message);
  }
  return 0;
}
