/*
 * fork: the child of a process with many threads can allocate and free at once, whatever the other threads were doing, also
 * in a process that has used heaps of their own only.
 */
#include "test.h"

#include "thread.h"

enum { WORKERS = 3, FORKS = 40 };

/* ---- a lock that another thread holds during the fork ---- */

static _Atomic bool inside, leave;

/* Holds the list of all heaps. */
static void linger(hak_heap_t *heap, void *unused) {
  (void)heap;
  (void)unused;
  hak_store_release(&inside, true);
  while (!hak_load_acquire(&leave)) usleep(1000);
}

static void *hold_the_list(void *unused) {
  hak_thread_each(linger, NULL);
  return unused;
}

static void *let_go(void *unused) {
  usleep(50000);
  hak_store_release(&leave, true);
  return unused;
}

static void make_a_heap(void) {
  alarm(10);
  hak_heap_t *heap = hak_heap_new();
  CHECK(heap != NULL && hak_heap_malloc(heap, 100) != NULL);
  hak_heap_destroy(heap);
}

static void locks_are_open_with_own_heaps_only(void) {
  hak_heap_t *heap = hak_heap_new();
  CHECK(hak_thread_heap == &hak_nobody); /* no thread heap has been made yet in this process */
  pthread_t holder, releaser;
  CHECK(pthread_create(&holder, NULL, hold_the_list, NULL) == 0);
  while (!hak_load_acquire(&inside)) usleep(1000);
  CHECK(pthread_create(&releaser, NULL, let_go, NULL) == 0);
  test_expect_success(make_a_heap);
  CHECK(pthread_join(holder, NULL) == 0 && pthread_join(releaser, NULL) == 0);
  hak_heap_destroy(heap);
}

/* ---- in the middle of everything ---- */

static _Atomic bool over;
static _Atomic(void *) exchange[32];

static void churn(test_random_t *random) {
  size_t size = test_below(random, 50) == 0 ? 2000000 : test_size(random, 100000);
  void *block = hak_malloc(size);
  CHECK(block != NULL);
  memset(block, 0x44, size < 4096 ? size : 4096);
  hak_free(atomic_exchange(&exchange[test_below(random, TEST_COUNT(exchange))], block));
}

static void *work(void *argument) {
  test_random_t *random = argument;
  while (!hak_load_relaxed(&over)) {
    churn(random);
    if (test_below(random, 100) == 0) hak_trim();
    if (test_below(random, 100) == 0) {
      hak_heap_t *heap = hak_heap_new();
      CHECK(heap != NULL && hak_heap_malloc(heap, 5000) != NULL);
      hak_heap_destroy(heap);
    }
  }
  return NULL;
}

/* What the workers left half done stays with their heaps; this thread's heap and all locks must be whole. */
static void live_on(void) {
  test_random_t random = {(uint64_t)getpid()};
  alarm(20);
  void *blocks[200];
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) CHECK((blocks[i] = hak_malloc(test_size(&random, 100000))) != NULL);
  hak_free_batch(blocks, TEST_COUNT(blocks));
  for (int i = 0; i < 100; i++) churn(&random);
  make_a_heap();
  hak_heap_check(hak_thread_heap);
  hak_trim();
}

static void children_of_busy_processes_live_on(test_random_t *random) {
  pthread_t workers[WORKERS];
  test_random_t randoms[WORKERS];
  for (size_t i = 0; i < WORKERS; i++) randoms[i].state = test_next(random);
  hak_free(hak_malloc(1));
  for (size_t i = 0; i < WORKERS; i++) CHECK(pthread_create(&workers[i], NULL, work, &randoms[i]) == 0);
  for (int i = 0; i < FORKS; i++) {
    for (int step = 0; step < 100; step++) churn(random);
    test_expect_success(live_on);
  }
  hak_store_relaxed(&over, true);
  for (size_t i = 0; i < WORKERS; i++) CHECK(pthread_join(workers[i], NULL) == 0);
  for (size_t i = 0; i < TEST_COUNT(exchange); i++) hak_free(atomic_exchange(&exchange[i], NULL));
  test_expect_quiet();
}

int main(void) {
  test_random_t random = test_random();
  locks_are_open_with_own_heaps_only();
  children_of_busy_processes_live_on(&random);
  return 0;
}
