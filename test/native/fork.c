/*
 * fork: the child of a process with many threads can allocate and free at once, whatever the other threads were doing, also
 * in a process that has used heaps of their own only; handlers of others may allocate at any time; nothing that was being freed is lost.
 * A thread that is alone may fork in a signal's handler, whatever it was doing.
 */
#include "test.h"

#include "abandoned.h"
#include "chunk.h"
#include "heaps.h"
#include "meta.h"
#include "os.h"
#include "region.h"
#include "registry.h"
#include "thread.h"

enum { WORKERS = 3, FORKS = 40 };

/* ---- a lock that another thread holds during the fork ---- */

static _Atomic bool inside, leave;

static void linger(void) {
  hak_store_release(&inside, true);
  while (!hak_load_acquire(&leave)) usleep(1000);
  hak_store_release(&inside, false);
}

typedef struct lock {
  void (*close)(void), (*open)(void);
} lock_t;
static lock_t list = {hak_heaps_lock, hak_heaps_unlock}, registry = {hak_registry_lock, hak_registry_unlock};
static lock_t meta = {hak_meta_lock, hak_meta_unlock}, region = {hak_region_lock, hak_region_unlock};
static lock_t abandoned_heaps = {hak_abandoned_lock, hak_abandoned_unlock};

static void *hold(void *argument) {
  lock_t *lock = argument;
  lock->close();
  linger();
  lock->open();
  return NULL;
}

/* The threads' heaps share their large blocks. */
static void *hold_the_first_shard(void *unused) {
  hak_mutex_t *mutex = &hak_thread_heap_get()->large->l25.first.mutex;
  hak_mutex_lock(mutex);
  linger();
  hak_mutex_unlock(mutex);
  return unused;
}

static void *hold_the_number_of_shards(void *unused) {
  hak_mutex_t *mutex = &hak_thread_heap_get()->large->l25.resizing;
  hak_mutex_lock(mutex);
  linger();
  hak_mutex_unlock(mutex);
  return unused;
}

static void *hold_the_bigcache(void *unused) {
  hak_mutex_t *mutex = &hak_thread_heap_get()->large->bigcache.mutex;
  hak_mutex_lock(mutex);
  linger();
  hak_mutex_unlock(mutex);
  return unused;
}

static void *hold_the_door(void *heap) {
  hak_heap_enter(heap);
  linger();
  hak_heap_leave(heap);
  return NULL;
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

static void use_everything(void) {
  const size_t sizes[] = {100, 100000, 3000000, 50000000};
  make_a_heap();
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
      void *block = hak_malloc(sizes[i]);
      CHECK(block != NULL);
      hak_free(block);
    }
    hak_trim();
  }
}

/* The fork waited for the lock, so what it guards is whole. */
static void find_locks_open(void) {
  CHECK(!hak_load_acquire(&inside));
  use_everything();
}

static void fork_under(void *(*holding)(void *), void *argument) {
  hak_store_relaxed(&inside, false);
  hak_store_relaxed(&leave, false);
  pthread_t holder, releaser;
  CHECK(pthread_create(&holder, NULL, holding, argument) == 0);
  while (!hak_load_acquire(&inside)) usleep(1000);
  CHECK(pthread_create(&releaser, NULL, let_go, NULL) == 0);
  test_expect_success(find_locks_open);
  CHECK(pthread_join(holder, NULL) == 0 && pthread_join(releaser, NULL) == 0);
  use_everything(); /* the parent has its locks back too */
  alarm(0);
}

static void children_find_every_lock_open(void) {
  hak_heap_t *heap = hak_heap_new();
  CHECK(hak_thread_heap == &hak_nobody); /* one heap of its own is all that the process has used */
  fork_under(hold, &list);
  fork_under(hold, &registry);
  fork_under(hold, &meta);
  fork_under(hold, &abandoned_heaps);
  fork_under(hold_the_first_shard, NULL);
  fork_under(hold_the_number_of_shards, NULL);
  fork_under(hold_the_bigcache, NULL);
  fork_under(hold, &region);
  CHECK(hak_thread_heap != &hak_nobody);
  fork_under(hold_the_door, hak_thread_heap);
  hak_heap_t *abandoned = hak_abandoned_adopt(); /* which the child may adopt */
  CHECK(abandoned != NULL);
  hak_abandoned_add(abandoned);
  fork_under(hold_the_door, abandoned);
  hak_heap_destroy(heap);
}

/* ---- in a signal's handler ---- */

static void do_nothing(void) {}

/* As a handler that runs in the middle of a slow path would. ThreadSanitizer has a thread of its own. */
static void a_thread_alone_forks_from_anywhere(void) {
  if (TEST_SANITIZED && !hak_os_has_one_thread()) return;
  hak_heap_t *heap = hak_thread_heap_get();
  alarm(10);
  hak_heap_enter(heap);
  test_expect_success(do_nothing);
  hak_heap_leave(heap);
  use_everything();
  alarm(0);
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

/* ---- handlers that were there before ours, and so run inside of them ---- */

static bool handlers_allocate;

static void allocate_in_a_handler(void) {
  if (!handlers_allocate) return;
  alarm(20);
  void *blocks[3000];
  CHECK(hak_malloc_batch(1000, TEST_COUNT(blocks), blocks) == TEST_COUNT(blocks));
  hak_free_batch(blocks, TEST_COUNT(blocks));
  use_everything();
  alarm(0);
}

__attribute__((constructor(101))) static void handle_forks_first(void) {
  CHECK(pthread_atfork(allocate_in_a_handler, allocate_in_a_handler, allocate_in_a_handler) == 0);
}

/* ---- what others are freeing at the moment ---- */

enum { SLOTS = 1 << 12 };
static _Atomic(void *) slots[SLOTS];

static void *free_at_random(void *argument) {
  while (!hak_load_relaxed(&over)) hak_free(atomic_exchange(&slots[test_below(argument, SLOTS)], NULL));
  return NULL;
}

static void expect_nothing_lost(void) {
  hak_heap_t *heap = hak_thread_heap;
  CHECK(hak_remote_is_quiet(&heap->remote) || hak_remote_pending(&heap->remote));
  hak_heap_collect(heap);
  for (hak_chunk_t *chunk = heap->superslab.first; chunk != NULL; chunk = chunk->next)
    for (hak_slab_t *slab = hak_chunk_slab_from(chunk, 0); slab != NULL; slab = hak_chunk_slab_from(chunk, slab->unit + slab->units))
      for (size_t word = 0; word * 64 < slab->blocks; word++) CHECK(hak_load_relaxed(&slab->remote[word]) == 0);
  hak_heap_check(heap);
}

static void children_lose_no_block_that_was_being_freed(test_random_t *random) {
  pthread_t freers[WORKERS];
  test_random_t randoms[WORKERS];
  for (size_t i = 0; i < WORKERS; i++) randoms[i].state = test_next(random);
  hak_store_relaxed(&over, false);
  for (size_t i = 0; i < WORKERS; i++) CHECK(pthread_create(&freers[i], NULL, free_at_random, &randoms[i]) == 0);
  for (int i = 0; i < 3 * FORKS; i++) {
    for (int step = 0; step < 2000; step++) {
      _Atomic(void *) *slot = &slots[test_below(random, SLOTS)];
      if (hak_load_relaxed(slot) == NULL) atomic_store(slot, hak_malloc(test_size(random, 20000)));
    }
    test_expect_success(expect_nothing_lost);
  }
  hak_store_relaxed(&over, true);
  for (size_t i = 0; i < WORKERS; i++) CHECK(pthread_join(freers[i], NULL) == 0);
  for (size_t i = 0; i < SLOTS; i++) hak_free(atomic_exchange(&slots[i], NULL));
  test_expect_quiet();
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
  test_expect_success(a_thread_alone_forks_from_anywhere);
  children_find_every_lock_open();
  handlers_allocate = true;
  children_of_busy_processes_live_on(&random);
  handlers_allocate = false;
  children_lose_no_block_that_was_being_freed(&random);
  return 0;
}
