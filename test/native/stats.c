/*
 * stats: the numbers of one heap and of the process agree with what was done; sums agree with their rows; reading them
 * disturbs nobody who works meanwhile.
 */
#include "test.h"

#include "guard.h"
#include "heap.h"
#include "thread.h"

static hak_stats_t stats_now(void) {
  static _Thread_local hak_stats_t stats;
  hak_stats_get(&stats);
  return stats;
}

/* Every counter has its row: the struct is made of nothing else. */
static void rows_are_complete(void) {
  size_t counters = 0, components = 0;
#define COUNT(name, path) counters += path[0] != '\0';
  HAK_STATS_COUNTERS(COUNT)
#undef COUNT
#define COUNT(name, path) components += path[0] != '\0';
  HAK_STATS_COMPONENTS(COUNT)
#undef COUNT
  CHECK(components == 6);
  CHECK(sizeof(hak_stats_t) == counters * sizeof(uint64_t) + components * sizeof(hak_component_stats_t) +
                                   (HAK_SLAB_CLASSES + 1) * sizeof(hak_class_stats_t));
}

static void sums_agree(const hak_stats_t *stats) {
  uint64_t live = 0, cached = 0, cached_bytes = 0, capacity = 0;
  uint64_t large = stats->superslab.capacity * HAK_UNIT_SIZE; /* cached large blocks are in no chunk chain */
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES; c++) {
    CHECK(stats->classes[c].size == (c < HAK_SLAB_CLASSES ? hak_size_class_bytes(c) : 0));
    live += stats->classes[c].live;
    cached += stats->classes[c].cached;
    cached_bytes += stats->classes[c].cached * stats->classes[c].size;
    capacity += stats->classes[c].capacity;
  }
  large = stats->bytes_reserved - large;
  CHECK(stats->blocks_live == live && stats->blocks_cached == cached && stats->bytes_cached == cached_bytes + large);
  CHECK(stats->classes[HAK_SLAB_CLASSES].cached == stats->l25.used + stats->bigcache.used);
  CHECK(stats->tcache.used + stats->mid_ring.used + stats->l25.used + stats->bigcache.used == cached);
  CHECK(stats->tcache.capacity + stats->mid_ring.capacity == capacity);
  CHECK((large != 0) == (stats->l25.used + stats->bigcache.used != 0));
  CHECK(stats->bytes_committed >= stats->superslab.used * HAK_UNIT_SIZE + large);
  CHECK(stats->registry.used == stats->superslab.used && stats->registry.capacity >= stats->registry.used);
}

static void nothing_has_happened(void) {
  hak_stats_t stats = stats_now(), zero;
  memset(&zero, 0, sizeof zero);
  CHECK(memcmp(&stats, &zero, sizeof stats) == 0);
}

static void the_process_is_counted(void) {
  void *small[100], *large[10], *huge = hak_malloc(3000000);
  for (size_t i = 0; i < 100; i++) small[i] = hak_malloc(200);
  for (size_t i = 0; i < 10; i++) large[i] = hak_malloc(300000);
  hak_stats_t stats = stats_now();
  sums_agree(&stats);
  CHECK(stats.blocks_live == 111 && stats.operations_allocs == 111 && stats.operations_frees == 0);
  CHECK(stats.bytes_live == 100 * hak_good_size(200) + 10 * hak_good_size(300000) + hak_good_size(3000000));
  CHECK(stats.classes[hak_size_class_of(200)].live == 100 && stats.classes[HAK_SLAB_CLASSES].live == 1);
  CHECK(stats.classes[hak_size_class_of(200)].refills > 0 && stats.operations_refills >= 3);
  CHECK(stats.tcache.misses > 0 && stats.tcache.grown > 0 && stats.superslab.grown >= 2 && stats.registry.grown >= 1);
  hak_free(huge);
  hak_free_batch(small, 100);
  hak_free_batch(large, 10);
  stats = stats_now();
  sums_agree(&stats);
  CHECK(stats.blocks_live == 0 && stats.bytes_live == 0 && stats.operations_allocs == 111 && stats.operations_frees == 111);
  uint64_t committed = stats.bytes_committed, purged = stats.bytes_purged;
  size_t given = hak_trim();
  stats = stats_now();
  CHECK(given == committed && stats.bytes_committed == 0 && stats.bytes_purged == purged + given);
  CHECK(stats.superslab.shrunk == stats.superslab.grown);
  test_expect_quiet();
}

static void *free_remotely(void *argument) {
  void **blocks = argument;
  hak_free_batch(blocks, 50);
  return NULL;
}

static void remote_frees_are_counted(void) {
  static void *blocks[50];
  uint64_t before = stats_now().operations_remote_frees, frees = stats_now().operations_frees;
  CHECK(hak_malloc_batch(700, 50, blocks) == 50);
  test_threads(1, free_remotely, blocks, sizeof blocks);
  hak_stats_t stats = stats_now(); /* collects */
  CHECK(stats.operations_remote_frees == before + 50);
  CHECK(stats.blocks_live == 0 && stats.bytes_live == 0 && stats.operations_frees == frees + 50);
  test_expect_quiet();
}

static void one_heap_is_counted_alone(void) {
  hak_heap_t *heap = hak_heap_new(), *other = hak_heap_new();
  void *block = hak_heap_malloc(heap, 1000);
  hak_stats_t stats;
  hak_heap_stats_get(other, &stats);
  CHECK(stats.blocks_live == 0 && stats.bytes_reserved == 0);
  hak_heap_stats_get(heap, &stats);
  CHECK(stats.blocks_live == 1 && stats.bytes_live == 1024 && stats.bytes_committed == HAK_UNIT_SIZE);
  CHECK(stats_now().blocks_live == 1);
  void *huge = hak_heap_malloc(heap, 3000000);
  CHECK(hak_heap_free_batch(heap, &huge, 1) == 1);
  hak_heap_stats_get(heap, &stats);
  CHECK(stats.l25.used == 1 && stats.blocks_cached == 1 && stats.bytes_cached == hak_good_size(3000000));
  CHECK(hak_heap_free_batch(heap, &block, 1) == 1);
  hak_heap_destroy(heap);
  hak_heap_destroy(other);
  test_expect_quiet();
}

static void a_heap_at_rest_counts_what_others_freed(void) {
  hak_heap_t *heap = hak_heap_new(), *other = hak_heap_new();
  void *blocks[20];
  hak_stats_t stats;
  CHECK(hak_heap_malloc_batch(heap, 1000, 20, blocks) == 20);
  CHECK(hak_heap_free_batch(other, blocks, 20) == 20);
  hak_heap_stats_get(heap, &stats);
  CHECK(stats.blocks_live == 0 && stats.bytes_live == 0 && stats.classes[hak_size_class_of(1000)].live == 0);
  hak_heap_destroy(heap);
  hak_heap_destroy(other);
  test_expect_quiet();
}

/* ---- reading while others work ---- */

static _Atomic bool over;

static void *work(void *argument) {
  test_random_t *random = argument;
  void *blocks[200] = {NULL};
  for (int step = 0; step < 200000 / TEST_SLOWER; step++) {
    size_t which = test_below(random, TEST_COUNT(blocks));
    hak_free(blocks[which]);
    blocks[which] = hak_malloc(test_size(random, 20000));
  }
  hak_free_batch(blocks, TEST_COUNT(blocks));
  hak_store_relaxed(&over, true);
  return NULL;
}

static void *read_on(void *unused) {
  uint64_t grown = 0;
  while (!hak_load_relaxed(&over)) {
    hak_stats_t stats = stats_now();
    CHECK(stats.superslab.grown >= grown);
    grown = stats.superslab.grown;
  }
  return unused;
}

static void reading_disturbs_nobody(test_random_t *random) {
  pthread_t reader;
  test_random_t randoms[2] = {{test_next(random)}, {test_next(random)}};
  CHECK(pthread_create(&reader, NULL, read_on, NULL) == 0);
  test_threads(2, work, randoms, sizeof randoms[0]);
  CHECK(pthread_join(reader, NULL) == 0);
  hak_stats_t stats = stats_now();
  sums_agree(&stats);
  CHECK(stats.operations_allocs == stats.operations_frees);
  test_expect_quiet();
}

int main(void) {
  hak_guard_off();
  test_random_t random = test_random();
  rows_are_complete();
  nothing_has_happened();
  the_process_is_counted();
  remote_frees_are_counted();
  one_heap_is_counted_alone();
  a_heap_at_rest_counts_what_others_freed();
  reading_disturbs_nobody(&random);
  return 0;
}
