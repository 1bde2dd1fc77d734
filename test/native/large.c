/*
 * large: chunks without memory, for nobody here looks into them. What is kept stays within the budget, half of what the users
 * hold; beyond it the oldest goes, and so does what nobody took for some ticks; a request may get one of the next classes.
 * Random operations against a list in the order of coming.
 */
#include "test.h"

#include "large.h"
#include "options.h"

enum { CHUNKS = 400, CLASSES = 28, STEPS = 40000 }; /* classes from 1.25 MiB to 128 MiB */

static hak_large_t large;
static hak_chunk_t *chunks[CHUNKS];
static uint64_t came[CHUNKS]; /* the model: the number of the put, 0: not cached */
static uint64_t arrivals, live;

static unsigned class_of(size_t which) {
  return HAK_SLAB_CLASSES + (unsigned)(which % CLASSES);
}

static bool in_bigcache(size_t which) {
  return hak_size_class_bytes(class_of(which)) > HAK_L25_SIZE_MAX;
}

static uint64_t budget(void) {
  uint64_t least = hak_option(hak_option_large_cache_bytes) / HAK_UNIT_SIZE;
  return live / 2 > least ? live / 2 : least;
}

static uint64_t cached(void) {
  uint64_t units = 0;
  for (size_t i = 0; i < CHUNKS; i++) units += came[i] != 0 ? chunks[i]->units : 0;
  CHECK(hak_load_relaxed(&large.cached) == units);
  CHECK(units == large.bigcache.cache.units + large.l25.first.cache.units);
  return units;
}

static size_t index_of(const hak_chunk_t *chunk) {
  for (size_t i = 0; i < CHUNKS; i++)
    if (chunks[i] == chunk && came[i] != 0) return i;
  test_fail("a chunk that is not cached", __FILE__, __LINE__);
}

static void use(int64_t units) {
  hak_large_count_live(&large, units);
  live += (uint64_t)units;
}

static void put(size_t which) {
  if (came[which] != 0) return;
  bool kept = hak_large_put(&large, (uint32_t)which, chunks[which]);
  CHECK(kept == (chunks[which]->units <= budget()));
  if (!kept) return;
  CHECK(chunks[which]->stamp == hak_load_relaxed(&large.ticks));
  came[which] = ++arrivals;
}

/* The newest of the least class that has any. */
static hak_chunk_t *take(unsigned size_class, unsigned slack) {
  hak_chunk_t *chunk = hak_large_take(&large, 0, size_class, slack);
  size_t expected = CHUNKS;
  for (unsigned c = size_class; c <= size_class + slack && expected == CHUNKS; c++)
    for (size_t i = 0; i < CHUNKS; i++)
      if (class_of(i) == c && came[i] != 0 && (expected == CHUNKS || came[i] > came[expected])) expected = i;
  CHECK(chunk == (expected == CHUNKS ? NULL : chunks[expected]));
  if (chunk != NULL) came[expected] = 0;
  return chunk;
}

/* The oldest of the BigCache, then of the pool. */
static size_t oldest(uint64_t before) {
  for (int big = 1; big >= 0; big--) {
    size_t found = CHUNKS;
    for (size_t i = 0; i < CHUNKS; i++)
      if (came[i] != 0 && in_bigcache(i) == (big == 1) && (found == CHUNKS || came[i] < came[found])) found = i;
    if (found != CHUNKS && chunks[found]->stamp < before) return found;
  }
  return CHUNKS;
}

/* @return how many went. */
static size_t excess(bool all) {
  uint64_t ticks = hak_load_relaxed(&large.ticks), age = hak_option(hak_option_large_cache_ticks);
  for (size_t gone = 0;; gone++) {
    bool over = all || cached() > budget();
    size_t expected = over ? oldest(UINT64_MAX) : ticks > age ? oldest(ticks - age) : CHUNKS;
    hak_chunk_t *chunk = hak_large_excess(&large, all);
    CHECK(chunk == (expected == CHUNKS ? NULL : chunks[expected]));
    if (chunk == NULL) return gone;
    came[index_of(chunk)] = 0;
  }
}

static void what_is_more_than_the_budget_is_not_kept(void) {
  size_t big = 12; /* 10 MiB */
  while (chunks[big]->units <= budget()) big++;
  put(big);
  CHECK(came[big] == 0 && cached() == 0);
  use(2 * chunks[big]->units);
  put(big);
  CHECK(came[big] != 0 && excess(false) == 0);
  use(-(int64_t)live);
  CHECK(excess(false) == 1 && cached() == 0);
}

static void the_oldest_goes(void) {
  for (size_t i = 0; i < CHUNKS; i += CLASSES) {
    put(i);
    excess(false);
    CHECK(cached() <= budget() && came[i] != 0);
  }
  uint64_t kept = budget() / chunks[0]->units;
  CHECK(cached() == kept * chunks[0]->units);
  CHECK(excess(true) == kept && cached() == 0);
}

static void what_nobody_takes_ages(void) {
  uint64_t age = hak_option(hak_option_large_cache_ticks);
  put(0);
  for (uint64_t tick = 0; tick < age; tick++) {
    hak_large_tick(&large);
    CHECK(excess(false) == 0);
  }
  put(CLASSES);
  CHECK(take(class_of(0), 0) == chunks[CLASSES]);
  put(CLASSES);
  hak_large_tick(&large);
  CHECK(excess(false) == 1 && came[0] == 0 && came[CLASSES] != 0);
  for (uint64_t tick = 0; tick < age; tick++) hak_large_tick(&large);
  CHECK(excess(false) == 1 && cached() == 0);
}

static void larger_ones_serve(void) {
  put(4);
  CHECK(take(class_of(0), 3) == NULL && take(class_of(5), 4) == NULL);
  CHECK(take(class_of(0), 4) == chunks[4]);
  put(4);
  put(2);
  CHECK(take(class_of(1), 4) == chunks[2] && take(class_of(1), 4) == chunks[4]);
}

static void random_steps(test_random_t *random) {
  for (int step = 0; step < STEPS / TEST_SLOWER; step++) {
    size_t what = test_below(random, 100);
    if (what < 50)
      put(test_below(random, CHUNKS));
    else if (what < 80)
      take(HAK_SLAB_CLASSES + (unsigned)test_below(random, CLASSES + 2), (unsigned)test_below(random, 5));
    else if (what < 85)
      hak_large_tick(&large);
    else if (what < 90)
      use(live > 40000 ? -(int64_t)live / 2 : (int64_t)test_below(random, 10000));
    else
      excess(test_below(random, 200) == 0);
    if (step % 16 == 0) cached();
  }
  excess(true);
  CHECK(cached() == 0);
}

int main(void) {
  test_random_t random = test_random();
  hak_large_init(&large);
  for (size_t i = 0; i < CHUNKS; i++) {
    chunks[i] = calloc(1, sizeof(hak_chunk_t));
    chunks[i]->units = (uint32_t)(hak_size_class_bytes(class_of(i)) / HAK_UNIT_SIZE);
  }
  CHECK(take(class_of(0), 4) == NULL && excess(true) == 0);
  what_is_more_than_the_budget_is_not_kept();
  the_oldest_goes();
  what_nobody_takes_ages();
  larger_ones_serve();
  random_steps(&random);
  hak_large_release(&large);
  for (size_t i = 0; i < CHUNKS; i++) free(chunks[i]);
  return 0;
}
