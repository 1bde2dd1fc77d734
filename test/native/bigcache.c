/*
 * bigcache: chunks without memory, for the cache never looks into them. Random puts, takes and evictions against a list in
 * the order of coming; the table grows far past 48 slots and shrinks again, and no collision loses a chunk.
 */
#include "test.h"

#include "bigcache.h"

enum { CHUNKS = 2000, LENGTHS = 60, STEPS = 60000 };

static hak_bigcache_t bigcache;
static hak_chunk_t *chunks[CHUNKS];
static uint64_t cached_at[CHUNKS]; /* the model: when the chunk came, 0: it is not cached */
static uint64_t now;

static size_t count(void) {
  size_t cached = 0;
  for (size_t i = 0; i < CHUNKS; i++) cached += cached_at[i] != 0;
  return cached;
}

static void check(void) {
  uint64_t units = 0;
  for (size_t i = 0; i < CHUNKS; i++)
    if (cached_at[i] != 0) units += chunks[i]->units;
  CHECK(bigcache.cache.units == units && bigcache.count == count());
  CHECK(hak_counter_get(&bigcache.used) == count() && hak_counter_get(&bigcache.capacity) == bigcache.bucket_count);
  CHECK(bigcache.count <= bigcache.bucket_count);
}

static void put(size_t which) {
  if (cached_at[which] != 0) return;
  chunks[which]->stamp = cached_at[which] = ++now;
  CHECK(hak_bigcache_put(&bigcache, chunks[which]));
}

static size_t index_of(const hak_chunk_t *chunk) {
  for (size_t i = 0; i < CHUNKS; i++)
    if (chunks[i] == chunk) return i;
  test_fail("a chunk that was never put in", __FILE__, __LINE__);
}

/* The newest of that length. */
static void take(uint32_t units) {
  uint64_t newest = 0;
  for (size_t i = 0; i < CHUNKS; i++)
    if (chunks[i]->units == units && cached_at[i] > newest) newest = cached_at[i];
  uint64_t misses = hak_counter_get(&bigcache.misses);
  hak_chunk_t *chunk = hak_bigcache_take(&bigcache, units);
  CHECK((chunk == NULL) == (newest == 0) && hak_counter_get(&bigcache.misses) == misses + (newest == 0));
  if (chunk == NULL) return;
  CHECK(cached_at[index_of(chunk)] == newest);
  cached_at[index_of(chunk)] = 0;
}

/* The oldest of all, if it is older than `stamp`. */
static bool evict(uint64_t stamp) {
  uint64_t oldest = UINT64_MAX;
  for (size_t i = 0; i < CHUNKS; i++)
    if (cached_at[i] != 0 && cached_at[i] < oldest) oldest = cached_at[i];
  hak_chunk_t *chunk = hak_bigcache_evict(&bigcache, stamp);
  CHECK((chunk == NULL) == (oldest >= stamp));
  if (chunk == NULL) return false;
  CHECK(cached_at[index_of(chunk)] == oldest);
  cached_at[index_of(chunk)] = 0;
  return true;
}

static void random_steps(test_random_t *random) {
  for (int step = 0; step < STEPS / TEST_SLOWER; step++) {
    bool grows = step / 3000 % 2 == 0;
    size_t what = test_below(random, 10);
    if (what < (grows ? 8u : 2u))
      put(test_below(random, CHUNKS));
    else if (what < 9)
      take((uint32_t)(600 + test_below(random, LENGTHS + 2)));
    else
      evict(test_below(random, 2) == 0 ? UINT64_MAX : now - test_below(random, 1000));
    if (step % 64 == 0) check();
  }
}

static void grows_and_shrinks(void) {
  for (size_t i = 0; i < CHUNKS; i++) put(i);
  check();
  CHECK(count() == CHUNKS && bigcache.bucket_count >= CHUNKS && CHUNKS > 10 * 48);
  CHECK(hak_counter_get(&bigcache.grown) >= 9);
  while (evict(UINT64_MAX)) continue;
  check();
  CHECK(bigcache.bucket_count == 8 && hak_counter_get(&bigcache.shrunk) >= 8);
}

/* Past ten times 2,048 entries of few lengths: buckets lengthen, nothing is evicted by it; the oldest goes first. */
static void far_more_chunks_than_lengths(void) {
  enum { MANY = 20481 };
  hak_chunk_t *many = calloc(MANY, sizeof *many);
  uint64_t grown = hak_counter_get(&bigcache.grown), shrunk = hak_counter_get(&bigcache.shrunk);
  for (size_t i = 0; i < MANY; i++) {
    many[i].units = many[i].free_units = (uint32_t)(600 + i % LENGTHS);
    many[i].huge = true;
    many[i].stamp = i / 100;
    CHECK(hak_bigcache_put(&bigcache, &many[i]) && bigcache.count == i + 1);
  }
  CHECK(hak_counter_get(&bigcache.capacity) >= MANY && hak_counter_get(&bigcache.grown) == grown + 12);
  for (size_t i = MANY; i-- > MANY / 2;) CHECK(hak_bigcache_take(&bigcache, many[i].units) == &many[i]);
  for (size_t i = 0; i < MANY / 2; i++) CHECK(hak_bigcache_evict(&bigcache, i / 100 + 1) == &many[i]);
  CHECK(bigcache.count == 0 && bigcache.cache.units == 0 && hak_bigcache_evict(&bigcache, UINT64_MAX) == NULL);
  CHECK(hak_counter_get(&bigcache.capacity) == 8 && hak_counter_get(&bigcache.shrunk) == shrunk + 12);
  free(many);
}

#if HAK_CHECKED
/* A table that cannot grow goes on as it is; without any table the chunk stays the caller's. */
static void without_memory(void) {
  for (size_t i = 0; i < 1025; i++) put(i);
  size_t buckets = bigcache.bucket_count;
  hak_os_fail_from(1);
  for (size_t i = 1025; i < CHUNKS; i++) put(i);
  hak_os_fail_from(0);
  CHECK(count() == CHUNKS && bigcache.count == CHUNKS);
  for (size_t i = 0; i < CHUNKS; i++) take(chunks[i]->units);
  CHECK(bigcache.count == 0 && buckets >= 1024);
}
#endif

int main(void) {
  test_random_t random = test_random();
  for (size_t i = 0; i < CHUNKS; i++) {
    chunks[i] = calloc(1, sizeof(hak_chunk_t));
    chunks[i]->units = chunks[i]->free_units = (uint32_t)(600 + test_below(&random, LENGTHS));
    chunks[i]->huge = true;
  }
  CHECK(!evict(UINT64_MAX));
  take(600);
  random_steps(&random);
  grows_and_shrinks();
  far_more_chunks_than_lengths();
#if HAK_CHECKED
  without_memory();
#endif
  hak_bigcache_release(&bigcache);
  CHECK(hak_counter_get(&bigcache.capacity) == 0);
  for (size_t i = 0; i < CHUNKS; i++) free(chunks[i]);
  return 0;
}
