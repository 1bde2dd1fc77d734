/*
 * zero: hak_clear_fresh, and calloc above it. Fresh memory needs no clearing; what was handed out before does, until the OS has
 * it back; what a stale view writes into memory that went back is undone.
 */
#include "test.h"

#include <sys/mman.h>

#include "guard.h"
#include "thread.h"

static const size_t sizes[] = {40960, 65536, 100000, 300000, 1 << 20, (1 << 20) + 1, 5000000, 60000000};

static bool is_zero(const char *block, size_t size) {
  for (size_t i = 0; i < size; i += 509)
    if (block[i] != 0) return false;
  return block[size - 1] == 0;
}

static char *take(hak_heap_t *heap, size_t size) {
  char *block = hak_heap_malloc(heap, size);
  CHECK(block != NULL);
  return block;
}

static void give(hak_heap_t *heap, void *block) {
  CHECK(hak_heap_free_batch(heap, &block, 1) == 1);
}

static void fresh_once(size_t size) {
  hak_heap_t *heap = hak_heap_new();
  char *block = take(heap, size);
  CHECK(hak_clear_fresh(block) && is_zero(block, size));
  memset(block, 7, size);
  CHECK(!hak_clear_fresh(block) && block[0] == 7); /* the question is good for one answer */
  give(heap, block);
  char *again = take(heap, size);
  CHECK(is_zero(again, size) == (size == 60000000)); /* too long to be kept: the system has had it */
  CHECK(hak_clear_fresh(again) == is_zero(again, size));
  give(heap, again);
  hak_heap_destroy(heap);
}

/* Neighbours in a slab: those that came back are dirty, those above were never handed out. */
static void by_block(size_t size) {
  enum { COUNT = 12 };
  char *blocks[COUNT];
  hak_heap_t *heap = hak_heap_new();
  for (int i = 0; i < COUNT; i++) memset(blocks[i] = take(heap, size), 7, size);
  for (int i = 0; i < COUNT; i += 3) give(heap, blocks[i]);
  for (int i = 0; i < 2 * COUNT; i++) {
    char *block = take(heap, size);
    bool fresh = hak_clear_fresh(block);
    CHECK(fresh == is_zero(block, size));
    memset(block, 7, size);
  }
  hak_heap_destroy(heap);
}

/* The pin stands for a view that somebody forgot. */
static void stale_writes_are_undone(size_t size) {
  hak_heap_t *heap = hak_heap_new();
  char *block = take(heap, size);
  void *pin = hak_pin(block);
  memset(block, 7, size);
  give(heap, block);
  hak_heap_trim(heap);
  block[size / 2] = 7;
  char *again = take(heap, size);
  CHECK(again == block && hak_clear_fresh(again) && again[size / 2] == 0);
  hak_unpin(pin);
  hak_heap_destroy(heap);
}

static void batches(void) {
  enum { COUNT = 10 };
  void *blocks[COUNT];
  hak_heap_t *heap = hak_heap_new();
  CHECK(hak_heap_malloc_batch(heap, 100000, COUNT, blocks) == COUNT);
  for (int i = 0; i < COUNT; i++) CHECK(hak_clear_fresh(blocks[i]));
  hak_heap_destroy(heap);
}

static void what_it_does_not_know(void) {
  int local = 5;
  hak_heap_t *heap = hak_heap_new();
  CHECK(!hak_clear_fresh(&local) && local == 5);
  char *small = take(heap, 1000), *middle = take(heap, 65536);
  CHECK(!hak_clear_fresh(small));
  CHECK(!hak_clear_fresh(middle + 4096));
  void *cached = hak_malloc(65536); /* threads' heaps keep no account of their slabs */
  CHECK(!hak_clear_fresh(cached));
  hak_free(cached);
  hak_heap_destroy(heap);
}

static void calloc_is_zero(void) {
  for (int round = 0; round < 50; round++) {
    size_t size = sizes[round % (int)TEST_COUNT(sizes)];
    char *block = hak_calloc(1, size);
    CHECK(block != NULL && is_zero(block, size));
    memset(block, 7, size);
    hak_free(block);
    if (round % 7 == 0) hak_trim();
  }
}

/* Most systems show readers of fresh memory one page of zeros, some give them pages of their own. */
static bool reading_is_free(void) {
  enum { BYTES = 4 << 20 };
  char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  size_t before = test_resident();
  CHECK(is_zero(memory, BYTES));
  bool is_free = test_resident() < before + BYTES / 4;
  munmap(memory, BYTES);
  return is_free;
}

/* What nobody writes to takes no memory; what comes back from the cache, or from a slab that knows it, is cleared. */
static void calloc_leaves_fresh_memory_alone(size_t size) {
  enum { COUNT = 40 };
  char *blocks[COUNT];
  hak_trim(); /* nothing that was used before lies around */
  size_t before = test_resident();
  for (int i = 0; i < COUNT; i++) CHECK((blocks[i] = hak_calloc(1, size)) != NULL);
  bool can_tell = !TEST_SANITIZED && (!HAK_CHECKED || reading_is_free()); /* the checked build reads what it hands out */
  if (can_tell) CHECK(test_resident() < before + COUNT * size / 4);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < COUNT; i++) {
      CHECK(is_zero(blocks[i], size));
      memset(blocks[i], 7, size);
      hak_free(blocks[i]);
    }
    if (round == 1) hak_cache_flush(hak_thread_heap);
    for (int i = 0; i < COUNT; i++) CHECK((blocks[i] = hak_calloc(1, size)) != NULL);
  }
  for (int i = 0; i < COUNT; i++) hak_free(blocks[i]);
}

/* The slab took it for fresh when it handed it out, and has not been asked since. */
static void calloc_clears_what_the_cache_kept(size_t size) {
  hak_trim();
  char *block = hak_malloc(size);
  memset(block, 7, size);
  hak_free(block);
  char *again = hak_calloc(1, size);
  CHECK(again == block && is_zero(again, size));
  hak_free(again);
}

int main(void) {
  hak_guard_off(); /* it would write behind each block */
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    fresh_once(sizes[i]);
    by_block(sizes[i]);
    stale_writes_are_undone(sizes[i]);
  }
  batches();
  what_it_does_not_know();
  calloc_is_zero();
  const size_t middle[] = {40000, 65536, 100000, 300000, 700000};
  for (size_t i = 0; i < TEST_COUNT(middle); i++) {
    calloc_leaves_fresh_memory_alone(middle[i]);
    calloc_clears_what_the_cache_kept(middle[i]);
  }
  return 0;
}
