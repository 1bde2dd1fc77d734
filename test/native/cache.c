/*
 * cache: refill and flush between a thread's bins and rings and its slabs, block by block. How room follows use is the
 * matter of phases.c. The options are set here before their first reading.
 */
#include "test.h"

#include "guard.h"
#include "options.h"
#include "thread.h"

enum { TICK = 64, SIZE_CLASS = 5 };

static const size_t size = 96, least = 256 * HAK_KIB; /* a block of the class; the option */

static hak_tcache_t *tcache(void) {
  return &hak_thread_heap->tcache;
}
static uint32_t count_of(unsigned size_class) {
  return hak_bin_count(hak_tcache_bin(tcache(), size_class));
}
static uint32_t capacity_of(unsigned size_class) {
  return hak_bin_capacity(hak_tcache_bin(tcache(), size_class));
}
static uint64_t misses(void) {
  return hak_counter_get(&tcache()->misses);
}

/* A quarter of what is held; a bin's first capacity is granted in any case. */
static void expect_within_budget(void) {
  uint64_t quarter = hak_counter_get(&hak_thread_heap->live_bytes) / 4;
  uint64_t allowed = quarter > least ? quarter : least, granted = 0;
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++) {
    uint64_t first = hak_size_class_bytes(c) * 64 < 16384 ? hak_size_class_bytes(c) * 64 : 16384;
    if (capacity_of(c) != 0) granted += first > hak_size_class_bytes(c) ? first : hak_size_class_bytes(c);
  }
  CHECK(tcache()->capacity_bytes <= allowed + granted);
}

static void refill_brings_half_a_bin_in_order(void) {
  char *first = hak_malloc(size);
  CHECK(capacity_of(SIZE_CLASS) == 64 && count_of(SIZE_CLASS) == 31);
  for (size_t i = 1; i < 32; i++) CHECK(hak_malloc(size) == first + i * size);
  CHECK(count_of(SIZE_CLASS) == 0);
  uint64_t before = misses();
  CHECK(hak_malloc(size) == first + 32 * size);
  CHECK(misses() == before + 1 && capacity_of(SIZE_CLASS) == 128 && count_of(SIZE_CLASS) == 63);
  for (size_t i = 33; i > 0; i--) hak_free(first + (i - 1) * size);
  CHECK(hak_malloc(size) == first); /* the last freed comes first */
  hak_free(first);
  hak_trim();
  CHECK(count_of(SIZE_CLASS) == 0);
}

static void full_bin_flushes_its_older_half(void) {
  static void *blocks[4000];
  hak_bin_t *bin = hak_tcache_bin(tcache(), SIZE_CLASS);
  CHECK(hak_malloc_batch(size, TEST_COUNT(blocks), blocks) == TEST_COUNT(blocks));
  hak_cache_flush(hak_thread_heap);
  uint32_t capacity = capacity_of(SIZE_CLASS), half = (capacity + 1) / 2;
  CHECK(capacity < TEST_COUNT(blocks));
  hak_free_batch(blocks, capacity);
  CHECK(count_of(SIZE_CLASS) == capacity);
  hak_free(blocks[capacity]);
  CHECK(count_of(SIZE_CLASS) == capacity - half + 1);
  CHECK(hak_bin_row(bin)[1] == blocks[half] && hak_bin_row(bin)[count_of(SIZE_CLASS) - 1] == blocks[capacity - 1]);
  CHECK(hak_bin_row(bin)[0] == NULL && bin->top == blocks[capacity]);
  hak_heap_check(hak_thread_heap);
  hak_free_batch(blocks + capacity + 1, TEST_COUNT(blocks) - capacity - 1);
  expect_within_budget();
}

/* Any slow path counts as time that passes; here huge blocks only. */
static void cold_bins_and_rings_decay_to_their_start(void) {
  static void *blocks[2000];
  for (size_t bytes = 40; bytes < 200000; bytes *= 5) {
    CHECK(hak_malloc_batch(bytes, TEST_COUNT(blocks), blocks) == TEST_COUNT(blocks));
    hak_free_batch(blocks, TEST_COUNT(blocks));
  }
  hak_mid_t *mid = &hak_thread_heap->mid;
  hak_free(hak_malloc(50000));
  CHECK(hak_counter_get(&mid->bytes) > 0 && hak_counter_get(&tcache()->capacity) > 64);
  for (int i = 0; i < 40 * TICK; i++) hak_free(hak_malloc(3000000));
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++) CHECK(count_of(c) == 0 && capacity_of(c) <= 64);
  CHECK(hak_counter_get(&tcache()->shrunk) > 0);
  CHECK(hak_counter_get(&mid->bytes) == 0);
  for (unsigned i = 0; i < HAK_MID_CLASSES; i++) CHECK(hak_counter_get(&mid->rings[i].capacity) == 0);
}

static void rings_give_the_newest(void) {
  void *blocks[10];
  CHECK(hak_malloc_batch(50000, TEST_COUNT(blocks), blocks) == TEST_COUNT(blocks));
  hak_free_batch(blocks, TEST_COUNT(blocks));
  for (size_t i = TEST_COUNT(blocks); i > 0; i--) CHECK(hak_malloc(50000) == blocks[i - 1]);
  hak_free_batch(blocks, TEST_COUNT(blocks));
}

/* ---- another heap's blocks ---- */

enum { ROOM = 64, OTHERS_CLASS = 8 }; /* of 160 bytes; what a bin of them starts with */

static void *of_other[2 * ROOM];

static void *allocate_in_another_thread(void *unused) {
  CHECK(hak_malloc_batch(160, TEST_COUNT(of_other), of_other) == TEST_COUNT(of_other));
  return unused;
}

static bool is_other(const void *block) {
  return hak_load_relaxed(&hak_heap_slab_of(block)->heap) != hak_thread_heap;
}

/* Own ones are handed out before; with more than half of the bin the others go home. Neither heap has a free block that was handed out,
   so none lends its slab. */
static void others_go_home(void) {
  pthread_t thread;
  void *own[ROOM / 2]; /* as many as the first refill brings */
  CHECK(hak_malloc_batch(160, TEST_COUNT(own), own) == TEST_COUNT(own));
  CHECK(capacity_of(OTHERS_CLASS) == ROOM && count_of(OTHERS_CLASS) == 0);
  CHECK(pthread_create(&thread, NULL, allocate_in_another_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
  hak_free_batch(own, 2);
  hak_free_batch(of_other, ROOM / 2);
  CHECK(count_of(OTHERS_CLASS) == ROOM / 2 + 2);
  for (int i = 0; i < 2; i++) CHECK(!is_other(own[i] = hak_malloc(160)));
  hak_free_batch(own, 2);
  uint64_t before = hak_counter_get(&hak_thread_heap->remote_frees);
  hak_free(of_other[ROOM / 2]);
  CHECK(count_of(OTHERS_CLASS) == 3 && hak_counter_get(&hak_thread_heap->remote_frees) == before + ROOM / 2);
  hak_free_batch(own + 2, TEST_COUNT(own) - 2);
  hak_free_batch(of_other + ROOM / 2 + 1, TEST_COUNT(of_other) - ROOM / 2 - 1);
  hak_heap_check(hak_thread_heap);
  hak_trim();
}

int main(void) {
  hak_guard_off();
  setenv("HAKMEM_TICK_OPERATIONS", "64", 1);
  setenv("HAKMEM_TCACHE_BYTES_MIN", "262144", 1);
  setenv("HAKMEM_MID_BYTES_MIN", "1048576", 1);
  others_go_home();
  refill_brings_half_a_bin_in_order();
  full_bin_flushes_its_older_half();
  rings_give_the_newest();
  cold_bins_and_rings_decay_to_their_start();
  test_expect_quiet();
  return 0;
}
