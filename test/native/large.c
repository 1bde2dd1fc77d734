/*
 * large: freed blocks above 1 MiB, through heaps: of a heap of its own, and of the threads. What is freed serves the next
 * request; the budget is what is held, or the option; what nobody takes for so many ticks goes.
 */
#include "test.h"

#include <sys/resource.h>

#include "guard.h"
#include "heap.h"
#include "thread.h"

enum { TICK = 16, AGE = 3 }; /* operations, ticks */

static const size_t budget = 64 * HAK_MIB; /* the option's */

static hak_stats_t stats_of(hak_heap_t *heap) {
  static hak_stats_t stats;
  hak_heap_stats_get(heap, &stats);
  return stats;
}

static void give(hak_heap_t *heap, void *block) {
  CHECK(hak_heap_free_batch(heap, &block, 1) == 1);
}

static void freed_blocks_serve_again(void) {
  const size_t sizes[] = {(1 << 20) + 1, 3000000, 32 << 20, (32 << 20) + 1, 60000000};
  hak_heap_t *heap = hak_heap_new();
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    char *block = hak_heap_malloc(heap, sizes[i]);
    CHECK(hak_usable_size(block) == hak_good_size(sizes[i])); /* a heap of its own gives exactly the class */
    memset(block, 9, sizes[i]);
    give(heap, block);
    hak_stats_t stats = stats_of(heap);
    bool huge = hak_good_size(sizes[i]) > HAK_L25_SIZE_MAX;
    CHECK(stats.blocks_cached == 1 && stats.bytes_cached == hak_good_size(sizes[i]));
    CHECK(stats.l25.used == !huge && stats.bigcache.used == huge && stats.bytes_live == 0);
    CHECK(stats.bytes_committed == stats.bytes_cached && stats.bytes_reserved == stats.bytes_cached);
    CHECK(hak_heap_malloc(heap, sizes[i]) == block && block[sizes[i] - 1] == 9); /* still warm */
    CHECK(stats_of(heap).blocks_cached == 0 && stats_of(heap).superslab.grown == stats.superslab.grown);
    give(heap, block);
    CHECK(hak_heap_trim(heap) == hak_good_size(sizes[i]) && stats_of(heap).bytes_reserved == 0);
  }
  hak_heap_destroy(heap);
}

static long faults(void) {
  struct rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return usage.ru_minflt;
}

/* The memory of a cached block is still there: who gets it again touches it without a page fault (a few are the process's own). */
static void used_again_without_page_faults(size_t size) {
  size_t pages = size / (size_t)sysconf(_SC_PAGESIZE);
  void *held = hak_malloc(4 * size); /* makes the budget large enough */
  char *block = hak_malloc(size);
  long before = faults();
  memset(block, 1, size);
  if (!TEST_SANITIZED) CHECK((size_t)(faults() - before) >= pages / 1024); /* huge pages are one fault for 512 */
  hak_free(block);
  before = faults();
  char *again = hak_malloc(size);
  CHECK(again == block);
  memset(again, 2, size);
  if (!TEST_SANITIZED) CHECK(faults() - before <= 8);
  hak_free(again);
  hak_free(held);
  test_expect_quiet();
}

/* Not even where a longer one is cached, for the user of a heap of its own sees the length. */
static void own_heaps_give_exactly_the_class(void) {
  hak_heap_t *heap = hak_heap_new();
  give(heap, hak_heap_malloc(heap, 3000000));
  char *block = hak_heap_malloc(heap, 2500000);
  CHECK(hak_good_size(2500000) < hak_good_size(3000000) && hak_usable_size(block) == hak_good_size(2500000));
  CHECK(stats_of(heap).l25.used == 1);
  hak_heap_destroy(heap);
}

/* Never more than what is held, and never less than the option allows. */
static void budget_follows_use(void) {
  enum { COUNT = 200 };
  static void *blocks[COUNT];
  hak_heap_t *heap = hak_heap_new();
  CHECK(hak_heap_malloc_batch(heap, 2 << 20, COUNT, blocks) == COUNT);
  for (size_t i = 0; i < COUNT; i++) {
    give(heap, blocks[i]);
    hak_stats_t stats = stats_of(heap);
    CHECK(stats.bytes_cached <= (stats.bytes_live > budget ? stats.bytes_live : budget));
  }
  CHECK(stats_of(heap).bytes_cached > budget / 2 && stats_of(heap).superslab.shrunk >= COUNT / 2);
  void *giant = hak_heap_malloc(heap, 2 * budget); /* larger than the budget: not kept at all */
  give(heap, giant);
  CHECK(stats_of(heap).bytes_cached <= budget);
  hak_heap_destroy(heap);
}

static void pass_ticks(hak_heap_t *heap, int ticks) {
  void *none = NULL;
  for (int i = 0; i < ticks * TICK; i++) hak_heap_free_batch(heap, &none, 0);
}

static void idle_blocks_go_by_age(void) {
  hak_heap_t *heap = hak_heap_new();
  void *large = hak_heap_malloc(heap, 5000000), *huge = hak_heap_malloc(heap, 40000000);
  pass_ticks(heap, 10);
  give(heap, large);
  give(heap, huge);
  pass_ticks(heap, AGE - 1);
  CHECK(stats_of(heap).blocks_cached == 2);
  pass_ticks(heap, 3);
  CHECK(stats_of(heap).blocks_cached == 0 && stats_of(heap).bytes_reserved == 0);
  hak_heap_destroy(heap);
}

/* Past ten times 48 slots: a table of hundreds of huge blocks, not a page of them touched. */
static void bigcache_grows_with_use(void) {
  enum { COUNT = 1000, HUGE_BYTES = 34 << 20 };
  static void *blocks[COUNT];
  hak_heap_t *heap = hak_heap_new();
  size_t made = hak_heap_malloc_batch(heap, HUGE_BYTES, COUNT, blocks);
  CHECK(made == COUNT);
  CHECK(hak_heap_free_batch(heap, blocks, COUNT) == COUNT); /* at once: no tick comes in between */
  CHECK(stats_of(heap).bigcache.grown >= 7 && stats_of(heap).bigcache.shrunk >= 5);
  hak_heap_trim(heap);
  CHECK(stats_of(heap).bytes_reserved == 0 && stats_of(heap).bigcache.used == 0);
  hak_heap_destroy(heap);
}

/* ---- what threads share ---- */

static void *taken_by_another;

static void *take_here(void *size) {
  taken_by_another = hak_malloc(*(size_t *)size);
  return NULL;
}

static void threads_share_what_they_free(void) {
  size_t size = 4000000;
  void *block = hak_malloc(size);
  hak_free(block);
  test_threads(1, take_here, &size, sizeof size);
  CHECK(taken_by_another == block);
  hak_free(block);
  test_expect_quiet();
}

/* A heap that goes takes what it cached with it; what somebody pins stays mapped. */
static void destroying_empties_the_cache(void) {
  hak_heap_t *heap = hak_heap_new();
  char *block = hak_heap_malloc(heap, 3000000), *pinned = hak_heap_malloc(heap, 3000000);
  void *pin = hak_pin(pinned);
  pinned[0] = 4;
  give(heap, block);
  give(heap, pinned);
  hak_heap_destroy(heap);
  CHECK(pinned[0] == 0 || pinned[0] == 4);
  pinned[1] = 5;
  hak_unpin(pin);
  test_expect_quiet();
}

int main(void) {
  hak_guard_off();
  setenv("HAKMEM_TICK_OPERATIONS", "16", 1);
  setenv("HAKMEM_LARGE_CACHE_TICKS", "3", 1);
  setenv("HAKMEM_LARGE_CACHE_BYTES", "67108864", 1);
  freed_blocks_serve_again();
  used_again_without_page_faults(3000000);
  used_again_without_page_faults(60000000);
  own_heaps_give_exactly_the_class();
  budget_follows_use();
  idle_blocks_go_by_age();
  bigcache_grows_with_use();
  threads_share_what_they_free();
  destroying_empties_the_cache();
  test_expect_quiet();
  return 0;
}
