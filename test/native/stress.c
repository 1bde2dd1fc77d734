/*
 * stress: 1, 2, 4, 16 and 64 threads allocate, reallocate and free blocks of all kinds, a third of them each other's. Every block
 * carries a pattern made from its address and its size, which is looked at before the block goes.
 *
 *     thread: own table of blocks  <-- swap -->  exchange, which all threads share
 */
#include "test.h"

#include "heap.h"
#include "thread.h"

enum { OWN = 300, SHARED = 512, OPERATIONS = 800000, MOST_THREADS = 64 };

/* A record is held by whoever took it out of the exchange. */
typedef struct record {
  unsigned char *block;
  size_t size;
} record_t;

static record_t records[SHARED + MOST_THREADS * OWN];
static _Atomic(record_t *) exchange[SHARED]; /* releases and acquires the record and the block behind it */

/* ---- patterns ---- */

static unsigned char pattern_of(const record_t *record) {
  return (unsigned char)(((uintptr_t)record->block >> 4) * 31 + record->size * 7 + 1);
}

/* Of large blocks the ends and a byte in each OS page. */
static void fill(const record_t *record) {
  unsigned char pattern = pattern_of(record);
  size_t size = record->size, end = size < 512 ? size : 512;
  memset(record->block, pattern, end);
  for (size_t at = 4095; at < size; at += 4096) record->block[at] = pattern;
  memset(record->block + size - end, pattern, end);
}

static void expect_pattern(const unsigned char *block, size_t size, unsigned char pattern) {
  size_t end = size < 512 ? size : 512;
  for (size_t at = 0; at < end; at++) CHECK(block[at] == pattern);
  for (size_t at = 4095; at < size; at += 4096) CHECK(block[at] == pattern);
  for (size_t at = size - end; at < size; at++) CHECK(block[at] == pattern);
}

/* ---- operations ---- */

static size_t random_size(test_random_t *random) {
  size_t what = test_below(random, 1000);
  return what < 940 ? test_size(random, 4096) : what < 997 ? test_size(random, 200000) : test_size(random, 3000000);
}

static void give(record_t *record) {
  if (record->block != NULL) expect_pattern(record->block, record->size, pattern_of(record));
  hak_free(record->block);
  record->block = NULL;
}

static void take(record_t *record, test_random_t *random) {
  size_t what = test_below(random, 20);
  record->size = random_size(random);
  size_t alignment = (size_t)1 << test_below(random, 14);
  if (what == 0)
    record->block = hak_calloc(1, record->size);
  else if (what == 1)
    record->block = hak_aligned_alloc(alignment, record->size);
  else
    record->block = hak_malloc(record->size);
  CHECK(record->block != NULL && hak_usable_size(record->block) >= record->size);
  if (what == 0) expect_pattern(record->block, record->size, 0);
  if (what == 1) CHECK((uintptr_t)record->block % alignment == 0);
  fill(record);
}

static void resize(record_t *record, test_random_t *random) {
  if (record->block == NULL) return;
  unsigned char pattern = pattern_of(record);
  size_t size = random_size(random), both = size < record->size ? size : record->size;
  expect_pattern(record->block, record->size, pattern);
  memset(record->block, pattern, record->size);
  record->block = hak_realloc(record->block, size);
  CHECK(record->block != NULL);
  expect_pattern(record->block, both, pattern);
  record->size = size;
  fill(record);
}

static void operate(record_t **own, test_random_t *random) {
  size_t what = test_below(random, 100);
  record_t **place = &own[test_below(random, OWN)];
  if (what < 33) *place = atomic_exchange_explicit(&exchange[test_below(random, SHARED)], *place, memory_order_acq_rel);
  if (what >= 97) {
    resize(*place, random);
    return;
  }
  give(*place);
  if (what % 8 != 0) take(*place, random);
}

/* ---- threads ---- */

typedef struct role {
  record_t *own[OWN];
  size_t operations;
  test_random_t random;
} role_t;

static void *play(void *argument) {
  role_t *role = argument;
  for (size_t i = 0; i < role->operations; i++) {
    operate(role->own, &role->random);
    if (i % 4096 == 0) hak_heap_check(hak_thread_heap_get());
    if (i % 50000 == 49999) hak_trim();
  }
  return NULL;
}

/* The records go back to their first places; whoever is in the exchange or a table is freed by this thread. */
static void free_everything(void) {
  for (size_t i = 0; i < TEST_COUNT(records); i++) give(&records[i]);
}

static void run(size_t threads, test_random_t *random) {
  static role_t roles[MOST_THREADS];
  record_t *record = records;
  for (size_t i = 0; i < SHARED; i++) hak_store_relaxed(&exchange[i], record++);
  for (size_t i = 0; i < threads; i++) {
    for (size_t place = 0; place < OWN; place++) roles[i].own[place] = record++;
    roles[i].operations = OPERATIONS / TEST_SLOWER / threads;
    roles[i].random.state = test_next(random);
  }
  test_threads(threads, play, roles, sizeof roles[0]);
  free_everything();
  test_expect_quiet();
}

int main(void) {
  test_random_t random = test_random();
  const size_t threads[] = {1, 2, 4, 16, 64};
  for (size_t i = 0; i < TEST_COUNT(threads); i++) run(threads[i], &random);
  return 0;
}
