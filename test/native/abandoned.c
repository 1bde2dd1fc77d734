/*
 * abandoned: the heap that was abandoned last is adopted first; what a thread leaves idle, and what others free of it later,
 * goes back by the ticks of the threads that live, without a trim, and what it left in use stays as it is.
 */
#include "ticks.h"

#include "abandoned.h"

static hak_stats_t stats_now(void) {
  static hak_stats_t stats;
  hak_stats_get(&stats);
  return stats;
}

/* ---- the list ---- */

static size_t seen;

static void count(hak_heap_t *heap, void *last) {
  if (seen++ == 0) *(hak_heap_t **)last = heap;
}

static void the_last_one_is_adopted_first(void) {
  hak_heap_t *heaps[3], *newest = NULL;
  CHECK(hak_abandoned_adopt() == NULL);
  for (size_t i = 0; i < 3; i++) {
    CHECK((heaps[i] = hak_heap_create(false)) != NULL);
    hak_abandoned_add(heaps[i]);
    CHECK(hak_counter_get(&heaps[i]->abandoned) == 1 && hak_counter_get(&heaps[i]->adopted) == 0);
  }
  hak_abandoned_lock();
  hak_abandoned_each_locked(count, &newest);
  hak_abandoned_unlock();
  CHECK(seen == 3 && newest == heaps[2]);
  for (size_t i = 3; i-- > 0;) {
    CHECK(hak_abandoned_adopt() == heaps[i] && hak_counter_get(&heaps[i]->adopted) == 1);
    hak_heap_check(heaps[i]);
  }
  CHECK(hak_abandoned_adopt() == NULL);
}

/* ---- idle memory ---- */

enum { THREADS = 6, LEFT = 40, SMALL = 3000, OF_SMALL = 3000, OF_MID = 100, OF_LARGE = 3 };

typedef struct estate {
  unsigned char *left[LEFT];                        /* stays in use */
  void *small[OF_SMALL], *mid[OF_MID], *large[OF_LARGE]; /* freed by others after the thread's end */
} estate_t;

static estate_t estates[THREADS];
static pthread_barrier_t barrier; /* so that each has a heap of its own */

static void allocate(void **blocks, size_t count, size_t size) {
  for (size_t i = 0; i < count; i++) {
    CHECK((blocks[i] = hak_malloc(size)) != NULL);
    memset(blocks[i], 0x44, 100);
  }
}

static void *live_and_die(void *argument) {
  estate_t *estate = argument;
  static _Thread_local void *own[OF_SMALL];
  for (size_t i = 0; i < LEFT; i++) {
    CHECK((estate->left[i] = hak_malloc(500)) != NULL);
    memset(estate->left[i], (int)i + 1, 500);
  }
  pthread_barrier_wait(&barrier);
  allocate(own, OF_SMALL, SMALL);
  allocate(estate->small, OF_SMALL, SMALL);
  allocate(estate->mid, OF_MID, 100000);
  allocate(estate->large, OF_LARGE, 3000000);
  hak_free_batch(own, OF_SMALL); /* idle, in the cache and in slabs */
  return NULL;
}

static void ticks_give_it_back(void) {
  test_tick();
  hak_trim();
  hak_stats_t before = stats_now();
  pthread_barrier_init(&barrier, NULL, THREADS);
  test_threads(THREADS, live_and_die, estates, sizeof estates[0]);
  pthread_barrier_destroy(&barrier);
  hak_stats_t dead = stats_now();
  CHECK(dead.operations_abandoned == before.operations_abandoned + THREADS);
  CHECK(dead.blocks_live == before.blocks_live + THREADS * (LEFT + OF_SMALL + OF_MID + OF_LARGE));
  test_ticks(4);
  hak_stats_t ticked = stats_now();
  CHECK(ticked.bytes_committed < dead.bytes_committed && ticked.blocks_live == dead.blocks_live); /* what it left idle */
  for (size_t i = 0; i < THREADS; i++) {
    hak_free_batch(estates[i].small, OF_SMALL);
    hak_free_batch(estates[i].mid, OF_MID);
    hak_free_batch(estates[i].large, OF_LARGE);
  }
  test_ticks(20); /* this thread's cache lets go by halves; the abandoned heaps collect */
  hak_stats_t after = stats_now();
  CHECK(after.blocks_live == before.blocks_live + THREADS * LEFT);
  CHECK(after.bytes_committed - after.bytes_live <= 4 * HAK_MIB);
  CHECK(after.l25.used == 0 && after.operations_adopted == dead.operations_adopted);
  for (size_t i = 0; i < THREADS; i++)
    for (size_t b = 0; b < LEFT; b++)
      for (size_t at = 0; at < 500; at++) CHECK(estates[i].left[b][at] == b + 1);
}

static void *adopt(void *unused) {
  CHECK(hak_malloc(10) != NULL); /* left in use once more */
  return unused;
}

static void the_next_threads_adopt(void) {
  hak_stats_t before = stats_now();
  for (int i = 0; i < 3; i++) test_threads(1, adopt, NULL, 0);
  hak_stats_t after = stats_now();
  CHECK(after.operations_adopted == before.operations_adopted + 3 && after.blocks_live == before.blocks_live + 3);
}

/* Threads come, go and tick all at once. */
static void *come_and_go(void *argument) {
  test_random_t *random = argument;
  void *blocks[100];
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) CHECK((blocks[i] = hak_malloc(test_size(random, 300000))) != NULL);
  test_tick();
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) hak_free(blocks[i]);
  test_tick();
  return NULL;
}

static void ticks_meet_abandoning_and_adopting(test_random_t *random) {
  test_random_t randoms[8];
  uint64_t live = stats_now().blocks_live;
  for (int round = 0; round < 40 / TEST_SLOWER; round++) {
    for (size_t i = 0; i < TEST_COUNT(randoms); i++) randoms[i].state = test_next(random);
    test_threads(TEST_COUNT(randoms), come_and_go, randoms, sizeof randoms[0]);
  }
  hak_trim();
  CHECK(stats_now().blocks_live == live);
}

int main(void) {
  test_random_t random = test_random();
  the_last_one_is_adopted_first();
  ticks_give_it_back();
  the_next_threads_adopt();
  ticks_meet_abandoning_and_adopting(&random);
  for (size_t i = 0; i < THREADS; i++) hak_free_batch((void **)estates[i].left, LEFT);
  hak_trim();
  CHECK(stats_now().blocks_live == 3); /* of the adopting threads */
  return 0;
}
