/*
 * orphan: a heap is abandoned while others hold blocks of it. All else goes back at once, what is held stays as it is, and the
 * heap ends with the last of its blocks, whoever frees it and by whichever way.
 */
#include "test.h"

#include "heap.h"
#include "orphan.h"

static const size_t sizes[] = {16, 100, 1000, 20000, 50000, 300000, 1 << 20, 3 << 20, 40 << 20};
enum { SIZES = TEST_COUNT(sizes), EACH = 40 };

typedef struct list {
  void **blocks;
  size_t count, at;
} list_t;

static void *next_of(void *argument) {
  list_t *list = argument;
  return list->at < list->count ? list->blocks[list->at++] : NULL;
}

static void abandon(hak_heap_t *heap, void **blocks, size_t count) {
  list_t list = {blocks, count, 0};
  hak_heap_abandon(heap, next_of, &list);
}

static hak_stats_t *stats_now(void) {
  static hak_stats_t stats;
  hak_stats_get(&stats);
  return &stats;
}

static size_t how_many(size_t s) {
  return sizes[s] <= 1000 ? EACH * 10 : sizes[s] < (1 << 20) ? EACH : 2;
}

static void without_blocks_it_ends_at_once(void) {
  for (size_t s = 0; s < SIZES; s++) {
    hak_heap_t *heap = hak_heap_new();
    for (size_t i = 0; i < how_many(s); i++) CHECK(hak_heap_malloc(heap, sizes[s]) != NULL);
    abandon(heap, NULL, 0);
    test_expect_quiet();
  }
}

/* One block in `keep` of each size stays. `give` frees them. */
static void what_is_held_stays(size_t keep, void (*give)(void **blocks, size_t count)) {
  hak_heap_t *heap = hak_heap_new();
  void *held[SIZES * EACH * 10];
  size_t count = 0, bytes = 0;
  for (size_t s = 0; s < SIZES; s++)
    for (size_t i = 0; i < how_many(s); i++) {
      char *block = hak_heap_malloc(heap, sizes[s]);
      CHECK(block != NULL);
      if (i % keep != keep - 1) continue;
      memset(block, (int)s + 1, sizes[s]);
      held[count++] = block;
      bytes += hak_usable_size(block);
    }
  abandon(heap, held, count);
  CHECK(stats_now()->blocks_live == count && stats_now()->bytes_live == bytes);
  CHECK(hak_load_relaxed(&heap->orphan));
  hak_heap_check(heap);
  for (size_t i = 0; i < count; i++) {
    unsigned char *block = held[i];
    size_t s = block[0] - 1u;
    CHECK(s < SIZES && block[sizes[s] / 2] == s + 1 && block[sizes[s] - 1] == s + 1);
  }
  give(held, count);
  test_expect_quiet();
}

static void give_in_one_batch(void **blocks, size_t count) {
  hak_heap_t *other = hak_heap_new();
  CHECK(hak_heap_free_batch(other, blocks, count) == count);
  CHECK(stats_now()->blocks_live == 0 && stats_now()->superslab.capacity == 0); /* without a trim */
  hak_heap_destroy(other);
}

static void give_one_by_one(void **blocks, size_t count) {
  hak_heap_t *other = hak_heap_new();
  for (size_t i = 0; i < count; i++) {
    void *block = blocks[i];
    CHECK(hak_heap_free_batch(other, &block, 1) == 1);
    CHECK(stats_now()->blocks_live == count - i - 1);
  }
  CHECK(stats_now()->superslab.capacity == 0);
  hak_heap_destroy(other);
}

static void give_by_free(void **blocks, size_t count) {
  for (size_t i = 0; i < count; i++) hak_free(blocks[i]);
  CHECK(stats_now()->blocks_live == 0);
}

static void memory_that_nobody_holds_goes_back(void) {
  hak_heap_t *heap = hak_heap_new(), *other = hak_heap_new();
  void *kept = NULL;
  for (size_t i = 0; i < 20000; i++) {
    char *block = hak_heap_malloc(heap, 1000);
    memset(block, 1, 1000);
    if (i == 777) kept = block;
  }
  CHECK(stats_now()->bytes_committed >= 20000u * 1000);
  abandon(heap, &kept, 1);
  CHECK(stats_now()->bytes_committed == HAK_UNIT_SIZE); /* the slab of the one that is held */
  CHECK(hak_heap_free_batch(other, &kept, 1) == 1);
  hak_heap_destroy(other);
  test_expect_quiet();
}

/* Named twice, none of ours, another heap's, the middle of a block, one that is free. */
static void what_is_no_block_of_it_is_passed_over(void) {
  hak_heap_t *heap = hak_heap_new(), *other = hak_heap_new();
  char *mine = hak_heap_malloc(heap, 1000), *theirs = hak_heap_malloc(other, 1000);
  void *named[] = {mine, theirs, &named, mine + 1, (char *)mine + 16, mine};
  abandon(heap, named, TEST_COUNT(named));
  CHECK(stats_now()->blocks_live == 2);
  void *both[] = {mine, theirs};
  CHECK(hak_heap_free_batch(other, both, 2) == 2);
  hak_heap_destroy(other);
  test_expect_quiet();
}

/* Frees that the owner has not collected when it ends. */
static void frees_on_their_way_arrive(void) {
  hak_heap_t *heap = hak_heap_new(), *other = hak_heap_new();
  void *blocks[200], *rest[100];
  CHECK(hak_heap_malloc_batch(heap, 500, 200, blocks) == 200);
  memcpy(rest, blocks + 100, sizeof rest);
  CHECK(hak_heap_free_batch(other, blocks, 100) == 100);
  abandon(heap, rest, 100);
  CHECK(stats_now()->blocks_live == 100);
  CHECK(hak_heap_free_batch(other, rest, 100) == 100);
  hak_heap_destroy(other);
  test_expect_quiet();
}

static void a_pin_outlives_the_orphan(void) {
  for (size_t s = 0; s < SIZES; s++) {
    hak_heap_t *heap = hak_heap_new();
    char *block = hak_heap_malloc(heap, sizes[s]);
    void *kept = block, *pin = hak_pin(block);
    abandon(heap, &kept, 1);
    hak_free(block);
    test_expect_quiet();
    memset(block, 1, sizes[s]);
    hak_unpin(pin);
  }
}

/* ---- threads: heaps come and end all the while, blocks go from hand to hand ---- */

enum { THREADS = 4, ROUNDS = 400, BASKET = 512 };
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER; /* write: abandon; read: everything with the basket */
static pthread_mutex_t basket_lock = PTHREAD_MUTEX_INITIALIZER;
static struct handed {
  void *block;
  hak_heap_t *owner; /* while it is nobody's orphan */
} basket[BASKET];
static size_t in_basket;

/* What finds no room stays with its heap, and ends with it. */
static void hand_out(void *block, hak_heap_t *owner) {
  pthread_mutex_lock(&basket_lock);
  if (in_basket < BASKET) basket[in_basket++] = (struct handed){block, owner};
  pthread_mutex_unlock(&basket_lock);
}

static size_t take_out(void **blocks, size_t most) {
  size_t count = 0;
  pthread_mutex_lock(&basket_lock);
  while (count < most && in_basket > 0) blocks[count++] = basket[--in_basket].block;
  pthread_mutex_unlock(&basket_lock);
  return count;
}

/* Under the write lock nobody is between taking out and freeing. */
static void end(hak_heap_t *heap) {
  void *kept[BASKET];
  size_t count = 0;
  pthread_rwlock_wrlock(&lock);
  for (size_t i = 0; i < in_basket; i++)
    if (basket[i].owner == heap) kept[count++] = basket[i].block;
  abandon(heap, kept, count);
  for (size_t i = 0; i < in_basket; i++)
    if (basket[i].owner == heap) basket[i].owner = NULL;
  pthread_rwlock_unlock(&lock);
}

static void *live_and_die(void *argument) {
  test_random_t *random = argument;
  for (size_t round = 0; round < ROUNDS / TEST_SLOWER; round++) {
    hak_heap_t *heap = hak_heap_new();
    CHECK(heap != NULL);
    for (size_t turn = test_below(random, 20); turn > 0; turn--) {
      void *blocks[32];
      size_t got = hak_heap_malloc_batch(heap, test_size(random, 100000), 1 + test_below(random, 32), blocks);
      pthread_rwlock_rdlock(&lock);
      for (size_t i = 0; i < got; i++)
        if (test_below(random, 2) == 0) hand_out(blocks[i], heap);
      size_t taken = take_out(blocks, test_below(random, 32));
      CHECK(hak_heap_free_batch(heap, blocks, taken) == taken);
      pthread_rwlock_unlock(&lock);
    }
    end(heap);
  }
  return NULL;
}

static void heaps_come_and_end(void) {
  test_random_t random = test_random(), seeds[THREADS];
  for (size_t i = 0; i < THREADS; i++) seeds[i].state = test_next(&random);
  test_threads(THREADS, live_and_die, seeds, sizeof seeds[0]);
  void *rest[BASKET];
  for (size_t count = take_out(rest, BASKET), i = 0; i < count; i++) hak_free(rest[i]);
  test_expect_quiet();
}

int main(void) {
  without_blocks_it_ends_at_once();
  for (size_t keep = 1; keep <= 5; keep += 2) {
    what_is_held_stays(keep, give_in_one_batch);
    what_is_held_stays(keep, give_one_by_one);
    what_is_held_stays(keep, give_by_free);
  }
  memory_that_nobody_holds_goes_back();
  what_is_no_block_of_it_is_passed_over();
  frees_on_their_way_arrive();
  a_pin_outlives_the_orphan();
  heaps_come_and_end();
  return 0;
}
