/*
 * growth: far past ten times the 32 slabs of old, chunks chain and grow geometrically to the ceiling of the options; freed,
 * they go; what idles goes back by ticks alone; a trim leaves the process as it was. For a heap of its own, and for threads'
 * heaps with sizes of all kinds.
 */
#include "ticks.h"

enum { OLD_SLABS = 32, OVER_PROVISION = 4 << 20 };

static hak_stats_t stats_now(void) {
  static hak_stats_t stats;
  hak_stats_get(&stats);
  return stats;
}

/* Within a tenth, or what the allocator's own tables may have grown by. */
static void expect_resident(size_t before) {
  size_t now = test_resident();
  if (!TEST_SANITIZED && now > before + before / 10 + HAK_MIB) fprintf(stderr, "resident: %zu, then %zu\n", before, now);
  if (!TEST_SANITIZED) CHECK(now <= before + before / 10 + HAK_MIB);
}

static void expect_no_over_provision(uint64_t peak) {
  hak_stats_t stats = stats_now();
  uint64_t over = stats.bytes_committed - stats.bytes_live;
  uint64_t most = peak / 10 > OVER_PROVISION ? peak / 10 : OVER_PROVISION;
  if (over > most)
    fprintf(stderr, "committed %llu live %llu cached %llu peak %llu\n", (unsigned long long)stats.bytes_committed,
            (unsigned long long)stats.bytes_live, (unsigned long long)stats.bytes_cached, (unsigned long long)peak);
  CHECK(over <= most);
}

/* ---- one class of a heap of its own ---- */

typedef struct chunks {
  uint64_t seen;
  uint32_t units[4096];
  uint64_t seqs[4096];
} chunks_t;

static void see(const hak_slab_view_t *slab, void *argument) {
  chunks_t *chunks = argument;
  if (chunks->seen > 0 && chunks->seqs[chunks->seen - 1] == slab->chunk_seq) return;
  CHECK(chunks->seen < TEST_COUNT(chunks->units));
  chunks->seqs[chunks->seen] = slab->chunk_seq;
  chunks->units[chunks->seen++] = slab->chunk_units;
}

static void expect_geometric_chunks(hak_heap_t *heap, uint32_t most) {
  static chunks_t chunks;
  chunks.seen = 0;
  hak_heap_visit(heap, see, &chunks);
  uint64_t before = 0;
  for (uint64_t i = 0; i < chunks.seen; i++) {
    uint32_t units = chunks.units[i];
    CHECK(units >= HAK_RUN_LISTS && units <= most && hak_is_power_of_two(units));
    CHECK(i == 0 || units >= chunks.units[i - 1]);                       /* the more there is, the larger */
    CHECK(units == HAK_RUN_LISTS || (uint64_t)units * 4 <= before);      /* by a quarter of what there is */
    CHECK(units == most || (uint64_t)units * 8 > before);
    before += units;
  }
  CHECK(chunks.units[0] == HAK_RUN_LISTS && chunks.units[chunks.seen - 1] == most && chunks.seen < 100);
}

static void one_class_grows_and_goes(void) {
  enum { SLABS = 9000, COUNT = SLABS * 4, SIZE = 16384 }; /* 562 MiB of addresses; a byte of each block is touched */
  static void *blocks[COUNT];
  uint32_t most = (uint32_t)(hak_option(hak_option_chunk_bytes_max) / HAK_UNIT_SIZE);
  size_t before = test_resident();
  hak_heap_t *heap = hak_heap_new();
  CHECK(hak_heap_malloc_batch(heap, SIZE, COUNT, blocks) == COUNT);
  for (size_t i = 0; i < COUNT; i += 4) *(char *)blocks[i] = 1;
  hak_stats_t stats;
  hak_heap_stats_get(heap, &stats);
  CHECK(stats.superslab.used == SLABS && SLABS > 10 * OLD_SLABS && stats.superslab.grown > 10);
  expect_geometric_chunks(heap, most);
  uint64_t peak = stats.bytes_committed, grown = stats.superslab.grown;
  CHECK(hak_heap_free_batch(heap, blocks, COUNT) == COUNT);
  hak_heap_stats_get(heap, &stats);
  CHECK(stats.superslab.shrunk > 0 && stats.superslab.shrunk < grown); /* the newest, which are the longest */
  CHECK(stats.bytes_committed <= hak_option(hak_option_dirty_bytes) && stats.bytes_reserved <= peak / 8);
  hak_heap_check(heap);
  for (int tick = 0; tick < 4; tick++) { /* a heap of its own counts its own batches */
    heap->operations = hak_option(hak_option_tick_operations);
    void *tiny;
    CHECK(hak_heap_malloc_batch(heap, 16, 1, &tiny) == 1 && hak_heap_free_batch(heap, &tiny, 1) == 1);
  }
  expect_no_over_provision(peak);
  hak_heap_trim(heap);
  hak_heap_stats_get(heap, &stats);
  CHECK(stats.bytes_reserved == 0 && stats.superslab.shrunk == stats.superslab.grown);
  expect_resident(before);
  hak_heap_destroy(heap);
  test_expect_quiet();
}

/* ---- threads' heaps ---- */

enum { THREADS = 3, MOST = 30000, EACH = (120 << 20) / TEST_SLOWER };

typedef struct role {
  test_random_t random;
  void *blocks[MOST];
  size_t count;
} role_t;

static role_t roles[THREADS];
static pthread_barrier_t barrier;
static _Atomic uint64_t peak;

static size_t any_size(test_random_t *random) {
  size_t what = test_below(random, 1000);
  return what < 900 ? test_size(random, 8192) : what < 985 ? test_size(random, 1 << 20) : test_size(random, 50 << 20);
}

static void fill(role_t *role) {
  size_t bytes = 0;
  role->count = 0;
  while (role->count < MOST && bytes < EACH) {
    size_t size = any_size(&role->random);
    char *block = hak_malloc(size);
    CHECK(block != NULL);
    for (size_t at = 0; at < size; at += 4096) block[at] = 1;
    bytes += size;
    role->blocks[role->count++] = block;
  }
}

/* Frees what is not in the first `left`, in a random order: half of it another thread's. */
static void drain(role_t *role, size_t left) {
  while (role->count > left) {
    size_t which = test_below(&role->random, role->count);
    hak_free(role->blocks[which]);
    role->blocks[which] = role->blocks[--role->count];
  }
}

/* All grow, all free most in the middle of each other's, all idle but for a few operations. */
static void *grow_and_idle(void *argument) {
  role_t *role = argument;
  role_t *other = &roles[(size_t)(role - roles + 1) % THREADS];
  for (int round = 0; round < 2; round++) {
    fill(role);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
      hak_store_relaxed(&peak, stats_now().bytes_committed);
    pthread_barrier_wait(&barrier);
    drain(round == 0 ? role : other, 0);
    for (int tick = 0; tick < 16; tick++) { /* each collects what the others freed */
      test_tick();
      pthread_barrier_wait(&barrier);
    }
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) expect_no_over_provision(hak_load_relaxed(&peak));
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}

/* The threads' stacks, which the C library keeps, and the heaps' own tables are there from now on. */
static void *warm_up(void *unused) {
  pthread_barrier_wait(&barrier);
  test_ticks(16);
  return unused;
}

static void threads_grow_and_idle(test_random_t *random) {
  pthread_barrier_init(&barrier, NULL, THREADS);
  test_threads(THREADS, warm_up, NULL, 0);
  memset(roles, 0xff, sizeof roles);
  test_expect_quiet();
  size_t before = test_resident();
  for (size_t i = 0; i < THREADS; i++) roles[i].random.state = test_next(random);
  test_threads(THREADS, grow_and_idle, roles, sizeof roles[0]);
  pthread_barrier_destroy(&barrier);
  test_expect_quiet();
  expect_resident(before);
}

/* One thread, the same, and what it still holds stays as it was. */
static void a_thread_keeps_a_tenth(test_random_t *random) {
  role_t *role = &roles[0];
  role->random.state = test_next(random);
  fill(role);
  uint64_t most = stats_now().bytes_committed;
  drain(role, 0);
  test_ticks(16);
  expect_no_over_provision(most);
  hak_stats_t stats = stats_now();
  CHECK(stats.blocks_live == 0 && stats.superslab.shrunk > 0 && stats.l25.used == 0 && stats.bigcache.used == 0);
  test_expect_quiet();
}

int main(void) {
  setenv("HAKMEM_DIRTY_BYTES", "16777216", 1); /* little beside what is used here */
  test_random_t random = test_random();
  one_class_grows_and_goes();
  a_thread_keeps_a_tenth(&random);
  threads_grow_and_idle(&random);
  return 0;
}
