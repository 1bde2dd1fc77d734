/*
 * tcache: bins are stacks that double within the thread's byte budget; a refill brings half a bin in ascending order, a
 * full bin gives its older half back. The options are set here before their first reading.
 */
#include "test.h"

#include "options.h"
#include "os.h"
#include "thread.h"

enum { BUDGET = 1 << 20, SIZE_CLASS = 5 };

static const size_t size = 96;

static uint32_t count_of(const hak_bin_t *bin) {
  return hak_load_relaxed(&bin->count);
}
static uint32_t capacity_of(const hak_bin_t *bin) {
  return hak_load_relaxed(&bin->capacity);
}

static void *block_number(uintptr_t number) {
  return (void *)(number * 16);
}

/* Nothing here looks at the blocks: they are mere numbers. */
static void bins_double_within_the_budget(void) {
  static hak_tcache_t tcache;
  hak_bin_t *bin = &tcache.bins[SIZE_CLASS];
  CHECK(hak_bin_pop(bin) == NULL && !hak_bin_push(bin, block_number(1)));
  hak_tcache_grow(&tcache, SIZE_CLASS);
  uint32_t first = capacity_of(bin);
  CHECK(first == 64);
  for (uintptr_t n = 1;; n++) {
    if (hak_bin_push(bin, block_number(n))) continue;
    uint32_t before = capacity_of(bin);
    CHECK(n - 1 == before);
    hak_tcache_grow(&tcache, SIZE_CLASS);
    if (capacity_of(bin) == before) break;
    CHECK(capacity_of(bin) == 2 * before && count_of(bin) == before);
    CHECK(hak_bin_push(bin, block_number(n)));
  }
  uint32_t last = capacity_of(bin);
  CHECK(last > 10 * first && last * size <= BUDGET && 2 * last * size > BUDGET);
  CHECK(hak_counter_get(&tcache.capacity) == last && tcache.capacity_bytes == last * size);
  for (uintptr_t n = last; n > 0; n--) CHECK(hak_bin_pop(bin) == block_number(n));
  CHECK(hak_bin_pop(bin) == NULL && hak_counter_get(&bin->allocs) == last);
  hak_tcache_release(&tcache);
  CHECK(capacity_of(bin) == 0 && hak_counter_get(&tcache.capacity) == 0 && tcache.capacity_bytes == 0);
}

#if HAK_CHECKED
static void without_memory_a_bin_stays(void) {
  static hak_tcache_t tcache;
  hak_bin_t *bin = &tcache.bins[SIZE_CLASS];
  hak_tcache_grow(&tcache, SIZE_CLASS);
  uint32_t before = capacity_of(bin);
  for (uintptr_t n = 1; n <= before; n++) CHECK(hak_bin_push(bin, block_number(n)));
  while (capacity_of(bin) * sizeof(void *) < 16384) hak_tcache_grow(&tcache, SIZE_CLASS); /* beyond: a mapping each */
  uint32_t large = capacity_of(bin);
  hak_os_fail_from(1);
  hak_tcache_grow(&tcache, SIZE_CLASS);
  hak_os_fail_from(0);
  CHECK(capacity_of(bin) == large && count_of(bin) == before && tcache.capacity_bytes == large * size);
  for (uintptr_t n = before; n > 0; n--) CHECK(hak_bin_pop(bin) == block_number(n));
  hak_tcache_release(&tcache);
}
#endif

/* ---- through malloc and free ---- */

static void refill_brings_half_a_bin_in_order(void) {
  char *first = hak_malloc(size);
  hak_bin_t *bin = &hak_thread_heap->tcache.bins[SIZE_CLASS];
  CHECK(capacity_of(bin) == 64 && count_of(bin) == 31);
  for (size_t i = 1; i < 32; i++) CHECK(hak_malloc(size) == first + i * size);
  CHECK(count_of(bin) == 0);
  uint64_t misses = hak_counter_get(&hak_thread_heap->tcache.misses);
  CHECK(hak_malloc(size) == first + 32 * size);
  CHECK(hak_counter_get(&hak_thread_heap->tcache.misses) == misses + 1 && capacity_of(bin) == 128 && count_of(bin) == 63);
  for (size_t i = 33; i > 0; i--) hak_free(first + (i - 1) * size);
  CHECK(hak_malloc(size) == first); /* the last freed comes first */
  hak_free(first);
  hak_trim();
  CHECK(count_of(bin) == 0);
}

static void full_bin_flushes_its_older_half(void) {
  static void *blocks[20000];
  hak_bin_t *bin = &hak_thread_heap->tcache.bins[SIZE_CLASS];
  CHECK(hak_malloc_batch(size, TEST_COUNT(blocks), blocks) == TEST_COUNT(blocks));
  hak_thread_flush(hak_thread_heap);
  uint32_t capacity = capacity_of(bin), half = (capacity + 1) / 2;
  CHECK(capacity < TEST_COUNT(blocks) && count_of(bin) == 0);
  uint64_t flushes = hak_counter_get(&hak_thread_heap->classes[SIZE_CLASS].flushes);
  hak_free_batch(blocks, capacity);
  CHECK(count_of(bin) == capacity);
  hak_free(blocks[capacity]);
  CHECK(count_of(bin) == capacity - half + 1);
  CHECK(hak_counter_get(&hak_thread_heap->classes[SIZE_CLASS].flushes) == flushes + 1);
  CHECK(bin->blocks[0] == blocks[half] && bin->blocks[count_of(bin) - 1] == blocks[capacity]);
  hak_heap_check(hak_thread_heap);
  hak_free_batch(blocks + capacity + 1, TEST_COUNT(blocks) - capacity - 1);
}

/* All classes at once, far more blocks than any bin holds. A bin's first capacity is granted in any case. */
static void budget_bounds_all_bins(void) {
  enum { BLOCKS = 200 };
  static void *blocks[HAK_SLAB_CLASSES][BLOCKS];
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++)
    CHECK(hak_malloc_batch(hak_size_class_bytes(c), BLOCKS, blocks[c]) == BLOCKS);
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) hak_free_batch(blocks[c], BLOCKS);
  size_t bytes = 0, granted = 0;
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) {
    size_t block_size = hak_size_class_bytes(c);
    bytes += capacity_of(&hak_thread_heap->tcache.bins[c]) * block_size;
    granted += block_size > 16384 ? block_size : 16384;
  }
  CHECK(bytes == hak_thread_heap->tcache.capacity_bytes && bytes > BUDGET / 2);
  CHECK(bytes <= BUDGET + granted);
  hak_heap_check(hak_thread_heap);
}

int main(void) {
  setenv("HAKMEM_TCACHE_BYTES", "1048576", 1);
  bins_double_within_the_budget();
#if HAK_CHECKED
  without_memory_a_bin_stays();
#endif
  refill_brings_half_a_bin_in_order();
  full_bin_flushes_its_older_half();
  budget_bounds_all_bins();
  test_expect_quiet();
  return 0;
}
