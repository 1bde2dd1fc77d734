/*
 * misuse: a second free, and realloc of what was freed. Every build names it at the second free, wherever the block is by then:
 * in this thread's cache, in another's, in its slab, or in memory that went back. A huge one is unmapped and therefore
 * nobody's. A block that has a new holder is that holder's: no allocator can tell.
 */
#include "test.h"

#define DOUBLE_FREE "double free, or realloc of a block that was freed"
#define NOBODYS "free of a pointer that is none of ours"

static void *block;
static size_t size;

static void free_flushed_block(void) {
  void *neighbour = hak_malloc(size); /* keeps the slab */
  block = hak_malloc(size);
  hak_free(block);
  hak_trim();
  hak_free(block);
  hak_free(neighbour);
}

static void free_cached_block(void) {
  block = hak_malloc(size);
  hak_free(block);
  hak_free(block);
}

/* Not the last one freed, which a look at the top of a cache would find. */
static void free_buried_block(void) {
  void *others[3];
  block = hak_malloc(size);
  for (int i = 0; i < 3; i++) others[i] = hak_malloc(size);
  hak_free(block);
  for (int i = 0; i < 3; i++) hak_free(others[i]);
  hak_free(block);
}

static void reallocate_freed_block(void) {
  block = hak_malloc(size);
  hak_free(block);
  (void)hak_realloc(block, size);
}

static void *free_it_here(void *unused) {
  hak_free(block);
  return unused;
}

static void free_in_two_threads(void) {
  block = hak_malloc(size);
  hak_free(hak_malloc(size)); /* in this thread's cache, where it stays */
  hak_free(block);
  test_threads(1, free_it_here, NULL, 0);
}

static void free_in_threads_that_ended(void) {
  block = hak_malloc(size);
  void *neighbour = hak_malloc(size);
  test_threads(1, free_it_here, NULL, 0);
  test_threads(1, free_it_here, NULL, 0);
  hak_free(neighbour);
}

static void *flush_it_here(void *unused) {
  hak_heap_give(hak_thread_heap, &block, 1);
  return unused;
}

/* Each thread has seen the block alive and has it in its cache; this one's is flushed first. */
static void free_at_the_same_moment(void) {
  void *neighbour = hak_malloc(size);
  block = hak_malloc(size);
  hak_free(block);
  hak_cache_flush(hak_thread_heap);
  test_threads(1, flush_it_here, NULL, 0);
  hak_trim();
  hak_free(neighbour);
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
  const size_t sizes[] = {16, 100, 32768, 40000, 1000000};
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    size = sizes[i];
    bool alone = size == 1000000; /* in its slab, whose memory is nobody's once the block is back */
    test_expect_abort(free_flushed_block, alone ? NOBODYS : DOUBLE_FREE);
    test_expect_abort(free_cached_block, DOUBLE_FREE);
    test_expect_abort(free_buried_block, DOUBLE_FREE);
    test_expect_abort(reallocate_freed_block, DOUBLE_FREE);
    test_expect_abort(free_in_two_threads, DOUBLE_FREE);
    test_expect_abort(free_in_threads_that_ended, DOUBLE_FREE);
    if (size <= 100) test_expect_abort(free_at_the_same_moment, DOUBLE_FREE);
  }
  test_expect_abort(free_twice_from_a_heap_of_its_own, "free of a pointer that is no live block");
  test_expect_abort(free_huge_block, NOBODYS);
  return 0;
}
