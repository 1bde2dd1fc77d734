/*
 * l25: chunks without memory, for the pool never looks into them. One shard as long as nobody waits; simulated contention
 * doubles the shards, quiet merges them, and no chunk is lost on the way; then threads that do all of this at once.
 */
#include "test.h"

#include "l25.h"

enum { CHUNKS = 1000, WINDOW = 1024 };

static hak_l25_t l25;
static hak_chunk_t *chunks[CHUNKS];

static unsigned class_of(size_t which) {
  return HAK_SLAB_CLASSES + (unsigned)(which % HAK_L25_CLASSES);
}

static uint32_t shards(void) {
  return hak_load_relaxed(&l25.count);
}

/* A window's worth of operations of which nobody, or everybody, has to wait. */
static void pass_a_window(bool contended) {
  for (int i = 0; i < WINDOW + 1; i++) {
    if (contended) hak_store_relaxed(&l25.contended, WINDOW);
    hak_l25_put(&l25, (uint32_t)i, chunks[0]);
    CHECK(hak_l25_take(&l25, (uint32_t)i, class_of(0)) == chunks[0]);
  }
}

static void newest_first(void) {
  const size_t same[] = {3, 3 + HAK_L25_CLASSES, 3 + 2 * HAK_L25_CLASSES}; /* of one class */
  CHECK(hak_l25_take(&l25, 0, class_of(3)) == NULL && hak_load_relaxed(&l25.misses) == 1);
  for (size_t i = 0; i < 3; i++) hak_l25_put(&l25, 0, chunks[same[i]]);
  CHECK(hak_l25_take(&l25, 0, class_of(4)) == NULL);
  CHECK(hak_l25_take(&l25, 7, class_of(3)) == chunks[same[2]]);
  CHECK(hak_l25_evict(&l25, chunks[same[0]]->stamp) == NULL);
  CHECK(hak_l25_evict(&l25, UINT64_MAX) == chunks[same[0]]);
  CHECK(hak_l25_evict(&l25, chunks[same[1]]->stamp + 1) == chunks[same[1]]);
  CHECK(hak_l25_evict(&l25, UINT64_MAX) == NULL && hak_load_relaxed(&l25.used) == 0);
}

static void one_thread_needs_one_shard(void) {
  for (int i = 0; i < 5; i++) pass_a_window(false);
  CHECK(shards() == 1 && hak_load_relaxed(&l25.grown) == 0);
}

/* Which chunks come back by taking their class with any hint. */
static void expect_all(void) {
  CHECK(hak_load_relaxed(&l25.used) == CHUNKS - 1);
  for (size_t i = 1; i < CHUNKS; i++) CHECK(hak_l25_take(&l25, (uint32_t)i * 7, class_of(i)) != NULL);
  CHECK(hak_load_relaxed(&l25.used) == 0);
  for (unsigned c = 0; c < HAK_L25_CLASSES; c++) CHECK(hak_l25_take(&l25, c, HAK_SLAB_CLASSES + c) == NULL);
}

static void put_all(void) {
  for (size_t i = 1; i < CHUNKS; i++) hak_l25_put(&l25, (uint32_t)i, chunks[i]);
}

/* Past ten times 64 shards, but never more than there are users. */
static void contention_doubles_and_quiet_merges(void) {
  pass_a_window(true);
  CHECK(shards() == 1);
  hak_store_relaxed(&l25.users, 1024);
  while (shards() < 1024) {
    uint32_t before = shards();
    pass_a_window(true);
    CHECK(shards() > before);
  }
  pass_a_window(true);
  CHECK(shards() == 1024);
  put_all();
  hak_store_relaxed(&l25.contended, 0);
  while (shards() > 1) pass_a_window(false);
  CHECK(hak_load_relaxed(&l25.grown) >= 10 && hak_load_relaxed(&l25.shrunk) == hak_load_relaxed(&l25.grown));
  expect_all();
}

/* ---- threads ---- */

static void *put_late(void *hint) {
  hak_l25_put(&l25, *(uint32_t *)hint, chunks[0]);
  return NULL;
}

/* A thread waits for an upper shard's lock while the shards merge: it must not leave its chunk where nobody looks. */
static void a_late_thread_sees_the_merge(void) {
  hak_store_relaxed(&l25.count, 2); /* the second shard is there still */
  hak_store_relaxed(&l25.contended, 0);
  hak_mutex_t *upper = &l25.segments[0][0].mutex;
  uint32_t hint = 1;
  pthread_t late;
  hak_mutex_lock(upper);
  CHECK(pthread_create(&late, NULL, put_late, &hint) == 0);
  while (hak_load_relaxed(&l25.contended) == 0) usleep(1000);
  hak_store_release(&l25.count, 1);
  hak_mutex_unlock(upper);
  CHECK(pthread_join(late, NULL) == 0);
  CHECK(hak_l25_take(&l25, 0, class_of(0)) == chunks[0]);
}

enum { THREADS = 8, OPERATIONS = 60000, HELD = 20 };

typedef struct role {
  uint32_t hint;
  test_random_t random;
  hak_chunk_t *held[HELD];
} role_t;

static void *churn(void *argument) {
  role_t *role = argument;
  for (int i = 0; i < OPERATIONS / TEST_SLOWER; i++) {
    size_t which = test_below(&role->random, HELD);
    if (role->held[which] != NULL) {
      role->held[which]->seq = role->hint; /* mine alone: ThreadSanitizer sees it if not */
      hak_l25_put(&l25, role->hint, role->held[which]);
      role->held[which] = NULL;
    } else {
      unsigned size_class = HAK_SLAB_CLASSES + (unsigned)test_below(&role->random, HAK_L25_CLASSES);
      role->held[which] = test_below(&role->random, 50) == 0 ? hak_l25_evict(&l25, UINT64_MAX)
                                                             : hak_l25_take(&l25, role->hint, size_class);
    }
    if (i % 3000 < 1500 && shards() < 64) hak_fetch_add_relaxed(&l25.contended, 1); /* shards come and go all the while */
  }
  for (size_t i = 0; i < HELD; i++)
    if (role->held[i] != NULL) hak_l25_put(&l25, role->hint, role->held[i]);
  return NULL;
}

static void nothing_is_lost_among_threads(test_random_t *random) {
  static role_t roles[THREADS];
  put_all();
  for (uint32_t i = 0; i < THREADS; i++) roles[i] = (role_t){.hint = i * 5, .random = {test_next(random)}};
  hak_store_relaxed(&l25.users, THREADS);
  uint64_t grown = hak_load_relaxed(&l25.grown), shrunk = hak_load_relaxed(&l25.shrunk);
  test_threads(THREADS, churn, roles, sizeof roles[0]);
  CHECK(hak_load_relaxed(&l25.grown) > grown);
  /* Whether the threads met a calm window is the scheduler's affair; alone there are only such. */
  for (int i = 0; i < OPERATIONS && shards() > 1; i++) hak_l25_put(&l25, 0, hak_l25_take(&l25, 0, class_of(0)));
  CHECK(hak_load_relaxed(&l25.shrunk) > shrunk && shards() == 1);
  expect_all();
}

int main(void) {
  test_random_t random = test_random();
  hak_l25_init(&l25);
  for (size_t i = 0; i < CHUNKS; i++) {
    chunks[i] = calloc(1, sizeof(hak_chunk_t));
    chunks[i]->units = chunks[i]->free_units = (uint32_t)(hak_size_class_bytes(class_of(i)) / HAK_UNIT_SIZE);
    chunks[i]->huge = true;
    chunks[i]->stamp = i;
  }
  newest_first();
  one_thread_needs_one_shard();
  contention_doubles_and_quiet_merges();
  a_late_thread_sees_the_merge();
  nothing_is_lost_among_threads(&random);
  hak_l25_release(&l25);
  for (size_t i = 0; i < CHUNKS; i++) free(chunks[i]);
  return 0;
}
