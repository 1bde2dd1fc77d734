/*
 * stats: the numbers of one heap and of the process agree with what was done; sums agree with their rows; reading them
 * disturbs nobody who works meanwhile.
 */
#include "test.h"

#include "guard.h"
#include "heap.h"

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

/* ---- an owner that rests ---- */

typedef struct resting {
  pthread_barrier_t barrier;
  void *blocks[60];
} resting_t;

/* Of each size, up to one that is huge. */
static void *allocate_and_rest(void *argument) {
  resting_t *resting = argument;
  for (size_t i = 0; i < TEST_COUNT(resting->blocks); i++) CHECK((resting->blocks[i] = hak_malloc((size_t)50 << (i % 17))) != NULL);
  pthread_barrier_wait(&resting->barrier);
  pthread_barrier_wait(&resting->barrier);
  return NULL;
}

/* The blocks of a thread that does nothing, and those of a heap that nobody looks at: freed here they are live no more. One stays. */
static void what_a_resting_owner_has_to_collect_is_not_live(void) {
  static resting_t resting;
  void *blocks[20];
  pthread_t owner;
  hak_heap_t *heap = hak_heap_new(), *other = hak_heap_new();
  uint64_t open = stats_now().operations_allocs - stats_now().operations_frees;
  CHECK(pthread_barrier_init(&resting.barrier, NULL, 2) == 0);
  CHECK(pthread_create(&owner, NULL, allocate_and_rest, &resting) == 0);
  pthread_barrier_wait(&resting.barrier);
  CHECK(hak_heap_malloc_batch(heap, 700, 20, blocks) == 20);
  hak_stats_t stats = stats_now();
  CHECK(stats.blocks_live == TEST_COUNT(resting.blocks) + 20);
  CHECK(hak_heap_free_batch(other, blocks, 19) == 19);
  hak_free_batch(resting.blocks, TEST_COUNT(resting.blocks));
  hak_trim(); /* flushes */
  CHECK(hak_remote_pending(&heap->remote));
  stats = stats_now();
  sums_agree(&stats);
  CHECK(stats.blocks_live == 1 && stats.bytes_live == hak_usable_size(blocks[19]));
  CHECK(stats.operations_allocs - stats.operations_frees == open);
  CHECK(hak_heap_free_batch(heap, &blocks[19], 1) == 1);
  hak_heap_destroy(heap); /* with what it has to collect */
  stats = stats_now();
  CHECK(stats.blocks_live == 0 && stats.bytes_live == 0);
  hak_heap_destroy(other);
  pthread_barrier_wait(&resting.barrier);
  CHECK(pthread_join(owner, NULL) == 0);
  CHECK(pthread_barrier_destroy(&resting.barrier) == 0);
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

/* ---- heaps that go ---- */

/* Whatever only ever rises must not have fallen; frees of running threads are a difference, and may be a moment apart. */
static void expect_no_fall(const hak_stats_t *before, const hak_stats_t *after, bool at_rest) {
  CHECK(after->bytes_purged >= before->bytes_purged);
  CHECK(after->operations_allocs >= before->operations_allocs && (!at_rest || after->operations_frees >= before->operations_frees));
  CHECK(after->operations_refills >= before->operations_refills && after->operations_flushes >= before->operations_flushes);
  CHECK(after->operations_remote_frees >= before->operations_remote_frees);
#define HAK_X(name, path) \
  CHECK(after->name.grown >= before->name.grown && after->name.shrunk >= before->name.shrunk && after->name.misses >= before->name.misses);
  HAK_STATS_COMPONENTS(HAK_X)
#undef HAK_X
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES; c++)
    CHECK(after->classes[c].refills >= before->classes[c].refills && after->classes[c].flushes >= before->classes[c].flushes);
}

static void use_heap(hak_heap_t *heap) {
  void *blocks[50];
  for (size_t size = 100; size < 50000000; size *= 7) {
    for (size_t i = 0; i < 5; i++) CHECK((blocks[i] = hak_heap_malloc(heap, size)) != NULL);
    for (size_t i = 0; i < 5; i++) hak_free(blocks[i]);
  }
  CHECK(hak_heap_malloc_batch(heap, 3000, 50, blocks) == 50 && hak_heap_free_batch(heap, blocks, 49) == 49);
}

static void totals_outlive_their_heaps(void) {
  hak_stats_t first = stats_now();
  hak_heap_t *heap = hak_heap_new();
  use_heap(heap);
  hak_stats_t before = stats_now();
  CHECK(before.operations_allocs == first.operations_allocs + 35 && before.operations_frees == first.operations_frees + 35);
  hak_heap_destroy(heap);
  hak_stats_t after = stats_now();
  expect_no_fall(&before, &after, true);
  CHECK(after.operations_allocs == before.operations_allocs && after.operations_frees == before.operations_frees);
  CHECK(after.superslab.shrunk == after.superslab.grown && after.bytes_purged == before.bytes_purged + before.bytes_committed);
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

static _Atomic uint32_t at_work;

static void *make_and_destroy(void *unused) {
  for (int turn = 0; turn < 100 / TEST_SLOWER; turn++) {
    hak_heap_t *heap = hak_heap_new();
    use_heap(heap);
    hak_heap_destroy(heap);
  }
  hak_fetch_sub_relaxed(&at_work, 1);
  return unused;
}

static void *see_no_fall(void *unused) {
  static hak_stats_t before, after;
  hak_stats_get(&before);
  while (hak_load_relaxed(&at_work) != 0) {
    hak_stats_get(&after);
    expect_no_fall(&before, &after, false);
    before = after;
  }
  return unused;
}

static void no_reader_sees_a_fall(void) {
  pthread_t reader;
  hak_store_relaxed(&at_work, 2);
  CHECK(pthread_create(&reader, NULL, see_no_fall, NULL) == 0);
  test_threads(2, make_and_destroy, NULL, 0);
  CHECK(pthread_join(reader, NULL) == 0);
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
  what_a_resting_owner_has_to_collect_is_not_live();
  totals_outlive_their_heaps();
  reading_disturbs_nobody(&random);
  no_reader_sees_a_fall();
  return 0;
}
