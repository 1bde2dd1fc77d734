/*
 * thread: what a thread leaves when it ends is adopted by the next one; thousands of short threads need the memory of a few;
 * destructors of other pthread keys may allocate and free after the heap was abandoned; who frees a little has no heap for that.
 */
#include "test.h"

#include <limits.h>

#include "abandoned.h"
#include "thread.h"

static hak_stats_t stats_now(void) {
  static hak_stats_t stats;
  hak_stats_get(&stats);
  return stats;
}

/* ---- abandon and adopt ---- */

typedef struct estate {
  void *blocks[500];
  hak_heap_t *heap;
} estate_t;

static void *leave_blocks(void *argument) {
  estate_t *estate = argument;
  CHECK(hak_malloc_batch(2000, TEST_COUNT(estate->blocks), estate->blocks) == TEST_COUNT(estate->blocks));
  void *cached = hak_malloc(50);
  hak_free(cached); /* stays in the cache, and must not stay there for ever */
  estate->heap = hak_thread_heap;
  return NULL;
}

static void a_heap_is_adopted_with_its_blocks(void) {
  hak_stats_t before = stats_now();
  estate_t first, second;
  test_threads(1, leave_blocks, &first, sizeof first);
  CHECK(stats_now().operations_abandoned == before.operations_abandoned + 1);
  CHECK(stats_now().blocks_live == 500 && stats_now().blocks_cached == 0 && stats_now().tcache.capacity == 0);
  test_threads(1, leave_blocks, &second, sizeof second);
  CHECK(second.heap == first.heap && stats_now().operations_adopted == before.operations_adopted + 1);
  CHECK(stats_now().blocks_live == 1000);
  hak_heap_check(first.heap); /* nobody's at the moment */
  hak_free_batch(first.blocks, TEST_COUNT(first.blocks));
  hak_free_batch(second.blocks, TEST_COUNT(second.blocks));
  test_expect_quiet();
}

/* Remote frees to an abandoned heap are found by whoever adopts it. */
static void *take_over(void *argument) {
  estate_t *estate = argument;
  void *blocks[500];
  uint64_t grown = stats_now().superslab.grown;
  CHECK(hak_malloc_batch(2000, 500, blocks) == 500);
  CHECK(hak_thread_heap == estate->heap);
  CHECK(stats_now().superslab.grown == grown);
  hak_free_batch(blocks, 500);
  return NULL;
}

static void remote_frees_reach_the_adopter(void) {
  estate_t estate;
  test_threads(1, leave_blocks, &estate, sizeof estate);
  hak_free_batch(estate.blocks, TEST_COUNT(estate.blocks));
  hak_cache_flush(hak_thread_heap);
  test_threads(1, take_over, &estate, sizeof estate);
  test_expect_quiet();
}

/* ---- thousands of threads ---- */

/* As many heaps as threads live at once, and this one's; of a few chunks each, however the threads meet. */
enum { GROUP = 8, GROUPS = 500, MOST_HEAPS = GROUP + 1, OF_A_HEAP = 8 << 20 };

static _Atomic(void *) inheritance[64]; /* blocks that one short life leaves for another to free */

static void *short_life(void *argument) {
  test_random_t *random = argument;
  void *blocks[40];
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) {
    size_t size = test_size(random, 40000);
    blocks[i] = hak_malloc(size);
    CHECK(blocks[i] != NULL);
    memset(blocks[i], 0x33, size);
  }
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) {
    if (i % 4 == 0) blocks[i] = atomic_exchange(&inheritance[test_below(random, TEST_COUNT(inheritance))], blocks[i]);
    hak_free(blocks[i]);
  }
  return NULL;
}

static void thousands_of_short_threads(test_random_t *random) {
  test_random_t randoms[GROUP];
  size_t groups = GROUPS / TEST_SLOWER;
  for (size_t group = 0; group < groups; group++) {
    for (size_t i = 0; i < GROUP; i++) randoms[i].state = test_next(random);
    test_threads(GROUP, short_life, randoms, sizeof randoms[0]);
  }
  hak_stats_t stats = stats_now();
  CHECK(stats.bytes_reserved <= MOST_HEAPS * OF_A_HEAP);
  CHECK(stats.operations_abandoned >= groups * GROUP);
  CHECK(stats.operations_abandoned - stats.operations_adopted <= MOST_HEAPS);
  for (size_t i = 0; i < TEST_COUNT(inheritance); i++) hak_free(atomic_exchange(&inheritance[i], NULL));
  test_expect_quiet();
}

/* ---- destructors ---- */

static pthread_key_t early, late; /* created before and after the allocator's own key */
static _Atomic unsigned destroyed;

static void free_and_allocate(void *block) {
  hak_free(block);
  void *other = hak_malloc(3000), *huge = hak_malloc(2000000);
  CHECK(other != NULL && huge != NULL);
  memset(other, 1, 3000);
  hak_free(huge);
  hak_free(other);
  atomic_fetch_add(&destroyed, 1);
}

/* Comes back once more with a block of its own, as C++ objects in thread-local storage do. */
static void come_back(void *block) {
  static _Thread_local bool once;
  free_and_allocate(block);
  if (!once) CHECK(pthread_setspecific(late, hak_malloc(100)) == 0);
  once = true;
}

static void *leave_values(void *unused) {
  CHECK(pthread_setspecific(early, hak_malloc(100)) == 0);
  CHECK(pthread_setspecific(late, hak_malloc(100)) == 0);
  return unused;
}

static void destructors_may_allocate(void) {
  enum { THREADS = 20 };
  uint64_t before = stats_now().operations_abandoned - stats_now().operations_adopted;
  CHECK(pthread_key_create(&late, come_back) == 0);
  for (int i = 0; i < THREADS; i++) test_threads(1, leave_values, NULL, 0);
  CHECK(atomic_load(&destroyed) == 3 * THREADS);
  CHECK(stats_now().operations_abandoned - stats_now().operations_adopted <= before + 1); /* nothing was lost on the way */
  test_expect_quiet();
}

/* Comes back in every round that there is, and allocates in each: after the last nobody is told that the thread has ended. */
static pthread_key_t stubborn;
#if defined(__SANITIZE_THREAD__)
enum { ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS - 1 }; /* in the last one the sanitizer ends its own part of the thread */
#else
enum { ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS };
#endif

static void come_back_always(void *block) {
  static _Thread_local int rounds;
  if (++rounds > ROUNDS) return;
  free_and_allocate(block);
  void *other = hak_malloc(500);
  CHECK(other != NULL && pthread_setspecific(stubborn, other) == 0);
  atomic_store(&inheritance[0], other); /* the last round's is left */
}

/* Heaps of threads that there ever were. */
static uint32_t heaps_made(void) {
  return hak_load_relaxed(&hak_thread_heap_get()->large->l25.users);
}

static void *leave_a_stubborn_value(void *unused) {
  CHECK(pthread_setspecific(stubborn, hak_malloc(100)) == 0);
  return unused;
}

static void destructors_may_allocate_in_every_round(void) {
  enum { THREADS = 20 };
  uint32_t made = heaps_made();
  uint64_t before = stats_now().operations_abandoned - stats_now().operations_adopted;
  CHECK(pthread_key_create(&stubborn, come_back_always) == 0);
  for (int i = 0; i < THREADS; i++) {
    test_threads(1, leave_a_stubborn_value, NULL, 0);
    hak_free(atomic_exchange(&inheritance[0], NULL));
  }
  CHECK(heaps_made() <= made + 1);
  CHECK(stats_now().operations_abandoned - stats_now().operations_adopted <= before + 1);
  CHECK(pthread_key_delete(stubborn) == 0);
  test_expect_quiet();
}

/* ---- threads without a heap ---- */

/* As the C library does at the end of every thread, when no destructor will run any more. */
static void *free_a_few(void *blocks) {
  hak_free_batch(blocks, 20);
  CHECK(hak_thread_heap == &hak_nobody);
  return NULL;
}

static void *free_many(void *blocks) {
  hak_free_batch(blocks, 500);
  CHECK(hak_thread_heap != &hak_nobody);
  return NULL;
}

static void who_frees_a_little_gets_no_heap(void) {
  void *blocks[500];
  CHECK(hak_malloc_batch(100, 20, blocks) == 20);
  test_threads(1, free_a_few, blocks, 0);
  CHECK(hak_malloc_batch(100, 500, blocks) == 500);
  test_threads(1, free_many, blocks, 0);
  test_expect_quiet();
}

/* Where the process has no key left nothing tells of a thread's end, and others' keys are not ours. */
static void no_key_is_left(void) {
  pthread_key_t key, first;
  CHECK(pthread_key_create(&first, NULL) == 0 && pthread_setspecific(first, &first) == 0);
  while (pthread_key_create(&key, NULL) == 0) CHECK(pthread_setspecific(key, &first) == 0);
  void *blocks[500];
  CHECK(hak_malloc_batch(100, 500, blocks) == 500 && hak_thread_heap == &hak_nobody);
  hak_free_batch(blocks, 500);
  for (pthread_key_t other = first; other <= key; other++) CHECK(pthread_getspecific(other) == NULL || pthread_getspecific(other) == &first);
  test_expect_quiet();
}

int main(void) {
  test_random_t random = test_random();
  CHECK(pthread_key_create(&early, free_and_allocate) == 0);
  test_expect_success(no_key_is_left);
  a_heap_is_adopted_with_its_blocks();
  remote_frees_reach_the_adopter();
  thousands_of_short_threads(&random);
  destructors_may_allocate();
  destructors_may_allocate_in_every_round();
  who_frees_a_little_gets_no_heap();
  return 0;
}
