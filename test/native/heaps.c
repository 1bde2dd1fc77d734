/*
 * heaps: a thread alone looks at nobody. A thread that rests keeps nothing but its bins: what its rings hold and what others free of its
 * slabs goes back by the ticks of those that are awake, or at once by a trim, and while it is at its slabs itself nobody is at them.
 * Threads that come and go, allocate and rest, with others ticking all the time.
 */
#include "ticks.h"

#include "abandoned.h"
#include "cache.h"
#include "heaps.h"
#include "os.h"

enum { BLOCKS = 20000, SIZE = 1000, LARGE = 100, LARGE_SIZE = 300000, RINGED = 10, RINGED_SIZE = 60000 };

static void *blocks[BLOCKS], *large[LARGE];
static pthread_barrier_t barrier;
static hak_heap_t *resting;

static uint64_t units_of(hak_heap_t *heap) {
  return hak_counter_get(&heap->superslab.committed);
}

static void *allocate_and_rest(void *unused) {
  CHECK(hak_malloc_batch(SIZE, BLOCKS, blocks) == BLOCKS && hak_malloc_batch(LARGE_SIZE, LARGE, large) == LARGE);
  void *ringed[RINGED];
  CHECK(hak_malloc_batch(RINGED_SIZE, RINGED, ringed) == RINGED);
  hak_free_batch(ringed, RINGED);
  resting = hak_thread_heap;
  CHECK(hak_counter_get(&resting->mid.bytes) >= RINGED * RINGED_SIZE);
  pthread_barrier_wait(&barrier); /* the others' turn */
  pthread_barrier_wait(&barrier);
  void *block = hak_malloc(SIZE); /* awake again */
  CHECK(block != NULL);
  hak_free(block);
  hak_heap_check(hak_thread_heap);
  return unused;
}

static unsigned visits;

static void count_visit(hak_heap_t *heap) {
  CHECK(heap == hak_thread_heap);
  visits++;
}

/* It does nothing from the first look on: the second would visit it. */
static unsigned visits_of_two_looks(void) {
  visits = 0;
  for (int i = 0; i < 2; i++) hak_heaps_look(count_visit);
  return visits;
}

/* One thread without large blocks, as in many a small program; a large block has to age, and so there are looks from then on. */
static void alone_there_is_nothing_to_look_at(void) {
  hak_free(hak_malloc(SIZE));
  CHECK(visits_of_two_looks() == 0);
  hak_free(hak_malloc(2 * HAK_MIB));
  CHECK(visits_of_two_looks() != 0);
}

static pthread_t start_to_rest(void) {
  pthread_t thread;
  pthread_barrier_init(&barrier, NULL, 2);
  CHECK(pthread_create(&thread, NULL, allocate_and_rest, NULL) == 0);
  pthread_barrier_wait(&barrier);
  return thread;
}

static void wake_and_end(pthread_t thread) {
  pthread_barrier_wait(&barrier);
  CHECK(pthread_join(thread, NULL) == 0);
  pthread_barrier_destroy(&barrier);
}

static void what_a_resting_thread_has_goes_back(void) {
  pthread_t thread = start_to_rest();
  uint64_t before = units_of(resting);
  CHECK(before * HAK_UNIT_SIZE > BLOCKS * SIZE + LARGE * LARGE_SIZE);
  hak_heap_enter(resting); /* as if its thread were at work */
  hak_free_batch(blocks, BLOCKS);
  hak_free_batch(large, LARGE);
  hak_trim(); /* of this thread's cache */
  test_ticks(6);
  CHECK(units_of(resting) == before);
  hak_heap_leave(resting);
  test_ticks(6);
  CHECK(hak_counter_get(&resting->mid.bytes) == 0);
  CHECK(units_of(resting) < before / 20);
  wake_and_end(thread);
}

/* At once, and though its thread still waits. */
static void a_trim_reaches_threads_that_wait(void) {
  pthread_t thread = start_to_rest();
  uint64_t before = units_of(resting);
  hak_free_batch(blocks, BLOCKS);
  hak_free_batch(large, LARGE);
  CHECK(hak_trim() != 0);
  CHECK(hak_counter_get(&resting->mid.bytes) == 0 && units_of(resting) < before / 20);
  wake_and_end(thread);
}

static void take_from_a_ring(hak_heap_t *heap, int times) {
  for (void *block; times > 0; times--)
    CHECK((block = hak_cache_alloc(heap, HAK_MID_FIRST)) != NULL && hak_cache_free(heap, HAK_MID_FIRST, block));
}

static void pass_slow_paths(hak_heap_t *heap, int times) {
  for (void *block; times > 0; times--) CHECK(hak_heap_take(heap, 30, 1, &block) == 1 && hak_heap_give(heap, &block, 1) == 1);
}

/* One that takes from its rings, or passes slow paths, is left alone: its own ticks know better what is idle. A few are no work. */
static void who_is_awake_is_left_alone(void) {
  enum { BUSY = 20, HARDLY = 5 };
  hak_heap_t *heap = hak_heap_create(false);
  hak_heaps_enter(heap);
  for (int i = 0; i < 10; i++) {
    take_from_a_ring(heap, BUSY);
    hak_cache_look();
    CHECK(hak_counter_get(&heap->mid.bytes) != 0);
  }
  for (int i = 0; i < 10; i++) {
    pass_slow_paths(heap, BUSY);
    hak_cache_look();
    CHECK(units_of(heap) != 0);
  }
  for (int i = 0; i < 4; i++) {
    pass_slow_paths(heap, HARDLY);
    hak_cache_look();
  }
  CHECK(units_of(heap) == 0);
  hak_abandoned_add(heap);
}

/* ---- all at once ---- */

enum { THREADS = 6, ROUNDS = 3000, SLOTS = 512 };
static _Atomic(void *) slots[SLOTS];

static void *exchange(void *seed) {
  test_random_t random = *(test_random_t *)seed;
  for (int i = 0; i < ROUNDS * 10 / TEST_SLOWER; i++) {
    void *block = hak_malloc(test_size(&random, 200000));
    CHECK(block != NULL);
    memset(block, i, 1);
    hak_free(hak_exchange_acq_rel(&slots[test_below(&random, SLOTS)], block));
    if (i % 50 == 0) hak_cache_look();
    if (i % 1000 == 0) usleep(1000);
  }
  return NULL;
}

static void ticks_and_slow_paths_at_once(test_random_t *random) {
  test_random_t seeds[THREADS];
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < THREADS; i++) seeds[i].state = test_next(random);
    test_threads(THREADS, exchange, seeds, sizeof seeds[0]);
  }
  for (size_t i = 0; i < SLOTS; i++) hak_free(hak_exchange_acq_rel(&slots[i], NULL));
}

int main(void) {
  test_random_t random = test_random();
  alone_there_is_nothing_to_look_at();
  what_a_resting_thread_has_goes_back();
  a_trim_reaches_threads_that_wait();
  who_is_awake_is_left_alone();
  ticks_and_slow_paths_at_once(&random);
  test_expect_quiet();
  return 0;
}
