/*
 * misuse: a second free. A block that is back in its slab, or twice in a thread's cache, is found when the cache is flushed;
 * a block of a heap of its own, which no cache holds, at once; a huge one is unmapped and therefore nobody's.
 */
#include "test.h"

#define NO_LIVE_BLOCK "free of a pointer that is no live block"

static void *block;

static void free_flushed_block(void) {
  void *neighbour = hak_malloc(100); /* keeps the slab */
  block = hak_malloc(100);
  hak_free(block);
  hak_trim();
  hak_free(block);
  hak_trim();
  hak_free(neighbour);
}

static size_t size;

static void free_cached_block(void) {
  block = hak_malloc(size);
  hak_free(block);
  hak_free(block);
  hak_trim();
}

static void *free_it_here(void *unused) {
  hak_free(block); /* the end of the thread flushes */
  return unused;
}

static void free_in_two_threads(void) {
  block = hak_malloc(100);
  test_threads(1, free_it_here, NULL, 0);
  test_threads(1, free_it_here, NULL, 0);
}

static void free_twice_from_a_heap_of_its_own(void) {
  hak_heap_t *heap = hak_heap_new();
  void *neighbour = hak_heap_malloc(heap, 100);
  block = hak_heap_malloc(heap, 100);
  hak_free(block);
  hak_free(block);
  hak_free(neighbour);
}

static void free_huge_block(void) {
  block = hak_malloc(3000000);
  hak_free(block);
  hak_free(block);
}

int main(void) {
  test_expect_abort(free_flushed_block, NO_LIVE_BLOCK);
  const size_t sizes[] = {16, 100, 32768, 40000, 1 << 20};
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    size = sizes[i];
    test_expect_abort(free_cached_block, NO_LIVE_BLOCK);
  }
  test_expect_abort(free_in_two_threads, NO_LIVE_BLOCK);
  test_expect_abort(free_twice_from_a_heap_of_its_own, NO_LIVE_BLOCK);
  test_expect_abort(free_huge_block, "free of a pointer that is none of ours");
  return 0;
}
