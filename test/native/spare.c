/*
 * spare: where other mappings leave the region of the live map no addresses, blocks come from the spare heap: apart, zero if asked for, freed
 * by any thread, and gone at the end; and where there are addresses again, from the threads' heaps.
 */
#include "ticks.h"

#include "chunk.h"
#include "os.h"
#include "region.h"
#include "spare.h"
#include "thread.h"

enum { BLOCKS = 3000, THREADS = 4 };

/* All that is left of a half. */
static void fill(hak_grain_t grain) {
  char *start = (char *)hak_live_half(grain);
  for (char *at = start; at < start + hak_live_half_size(); at += HAK_CHUNK_ALIGNMENT) {
    bool taken;
    CHECK(hak_os_map_at(at, HAK_CHUNK_ALIGNMENT, &taken) == at || taken);
  }
}

/* The heap of one of the blocks that are the spare heap's; NULL: none is. */
static hak_heap_t *spare_of(void **blocks, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (hak_heap_slab_of(blocks[i])->chunk->heap->spare) return hak_heap_slab_of(blocks[i])->chunk->heap;
  return NULL;
}

static void *come_and_go(void *argument) {
  test_random_t *random = argument;
  unsigned char *held[100] = {NULL};
  for (int step = 0; step < 20000 / TEST_SLOWER; step++) {
    size_t which = test_below(random, TEST_COUNT(held)), size = 1 + test_size(random, 200000);
    if (held[which] != NULL) CHECK(*held[which] == (unsigned char)(which + 1));
    hak_free(held[which]);
    CHECK((held[which] = hak_calloc(1, size)) != NULL && held[which][0] == 0 && held[which][size / 2] == 0 && held[which][size - 1] == 0);
    memset(held[which], (int)(which + 1), size);
  }
  hak_free_batch((void **)held, TEST_COUNT(held));
  return NULL;
}

static test_random_t seeds;

static void a_full_region_is_no_end(void) {
  static void *blocks[BLOCKS];
  test_random_t randoms[THREADS];
  void *before = hak_malloc(100);
  fill(HAK_GRAIN_FINE);
  fill(HAK_GRAIN_COARSE);
  for (size_t i = 0; i < BLOCKS; i++) CHECK((blocks[i] = hak_malloc(1 + test_size(&seeds, 60000))) != NULL);
  hak_heap_t *spare = spare_of(blocks, BLOCKS);
  CHECK(spare != NULL && spare_of(&before, 1) == NULL);
  for (size_t i = 0; i < THREADS; i++) randoms[i].state = test_next(&seeds);
  test_threads(THREADS, come_and_go, randoms, sizeof randoms[0]);
  CHECK(hak_counter_get(&spare->superslab.used) > 100);
  hak_free_batch(blocks, BLOCKS);
  hak_free(before);
  for (int look = 0; look < 4; look++) hak_cache_look();
  CHECK(hak_counter_get(&spare->superslab.used) == 0);
  test_expect_quiet();
}

static void a_second_free_is_told_of(void) {
  void *block = hak_malloc(100);
  fill(HAK_GRAIN_FINE);
  fill(HAK_GRAIN_COARSE);
  while (spare_of(&block, 1) == NULL) block = hak_malloc(100);
  hak_heap_t *spare = spare_of(&block, 1);
  CHECK(hak_malloc(100) != NULL); /* keeps the slab */
  for (int turn = 0; turn < 2; turn++) {
    hak_free(block);
    hak_cache_rest(spare);
  }
}

int main(void) {
  if (TEST_SANITIZED) return 0; /* a sanitizer's own mappings may lie there */
  seeds = test_random();
  test_expect_success(a_full_region_is_no_end);
  test_expect_abort(a_second_free_is_told_of, "double free, or realloc of a block that was freed");
  return 0;
}
