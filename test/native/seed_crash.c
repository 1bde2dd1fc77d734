/*
 * seed_crash: what the predecessor died of. 4, 16 and 64 threads, each with far more than 8 busy slabs of one class, allocate
 * and free without end, a third of it each other's blocks; bursts come and go. Resident memory must stay flat.
 *
 * HAKMEM_SECONDS is how long all of it runs; from 60 on the slope of resident memory is asserted: over what comes after a
 * fifth of the time, the line of least squares rises or falls by no more than a hundredth. HAKMEM_THREADS picks one number.
 */
#include "test.h"

#include "heap.h"
#include "thread.h"

enum { OWN = 2500, SHARED = 1024, BURST = 500, SIZE = 1000, OLD_SLABS = 8, MOST_THREADS = 64 };

static _Atomic(uint64_t *) exchange[SHARED]; /* releases and acquires the block's bytes */
static _Atomic bool over;
static _Atomic uint64_t operations;

static uint64_t mark_of(const uint64_t *block) {
  return (uint64_t)(uintptr_t)block * 0x9e3779b97f4a7c15u;
}

static uint64_t *take(void) {
  uint64_t *block = hak_malloc(SIZE);
  CHECK(block != NULL);
  memset(block, 0x55, SIZE);
  block[0] = block[SIZE / 8 - 1] = mark_of(block);
  return block;
}

static void give(uint64_t *block) {
  if (block != NULL) CHECK(block[0] == mark_of(block) && block[SIZE / 8 - 1] == mark_of(block));
  hak_free(block);
}

static void burst(void) {
  uint64_t *blocks[BURST];
  for (size_t i = 0; i < BURST; i++) blocks[i] = take();
  for (size_t i = 0; i < BURST; i++) give(blocks[i]);
}

typedef struct role {
  test_random_t random;
  uint64_t *own[OWN];
} role_t;

static void *play(void *argument) {
  role_t *role = argument;
  for (size_t i = 0; i < OWN; i++) role->own[i] = take();
  uint64_t blocks = hak_counter_get(&hak_thread_heap->classes[hak_size_class_of(SIZE)].live);
  CHECK(blocks / hak_size_classes[hak_size_class_of(SIZE)].blocks > 3 * OLD_SLABS);
  uint64_t step = 0;
  for (; !hak_load_relaxed(&over); step++) {
    uint64_t **place = &role->own[test_below(&role->random, OWN)];
    if (step % 3 == 0) {
      size_t where = test_below(&role->random, SHARED);
      *place = atomic_exchange_explicit(&exchange[where], *place, memory_order_acq_rel);
    }
    give(*place);
    *place = take();
    if (step % 20000 == 0) burst();
  }
  hak_heap_check(hak_thread_heap);
  for (size_t i = 0; i < OWN; i++) give(role->own[i]);
  hak_fetch_add_relaxed(&operations, step);
  return NULL;
}

/* ---- resident memory over time ---- */

enum { MOST_SAMPLES = 100000, SAMPLE_MS = 50 };

typedef struct watch {
  double seconds;
  size_t count;
  double at[MOST_SAMPLES], bytes[MOST_SAMPLES];
} watch_t;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double resident(void) {
  size_t whole = 0, pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%zu %zu", &whole, &pages) == 2);
  fclose(file);
  return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void *look(void *argument) {
  watch_t *watch = argument;
  double start = now();
  watch->count = 0;
  while (now() - start < watch->seconds && watch->count < MOST_SAMPLES) {
    watch->at[watch->count] = now() - start;
    watch->bytes[watch->count++] = resident();
    usleep(SAMPLE_MS * 1000);
  }
  hak_store_relaxed(&over, true);
  return NULL;
}

/* What the line of least squares rises by from the first sample to the last, as a share of the mean. */
static double rise(const watch_t *watch, size_t first, double *mean) {
  double n = (double)(watch->count - first), x = 0, y = 0, xx = 0, xy = 0;
  for (size_t i = first; i < watch->count; i++) {
    x += watch->at[i] / n;
    y += watch->bytes[i] / n;
  }
  for (size_t i = first; i < watch->count; i++) {
    xx += (watch->at[i] - x) * (watch->at[i] - x);
    xy += (watch->at[i] - x) * (watch->bytes[i] - y);
  }
  *mean = y;
  return xy / xx * (watch->at[watch->count - 1] - watch->at[first]) / y;
}

static void run(size_t threads, double seconds, test_random_t *random) {
  static role_t roles[MOST_THREADS];
  static watch_t watch;
  watch.seconds = seconds;
  hak_store_relaxed(&over, false);
  for (size_t i = 0; i < threads; i++) roles[i].random.state = test_next(random);
  pthread_t watcher;
  CHECK(pthread_create(&watcher, NULL, look, &watch) == 0);
  test_threads(threads, play, roles, sizeof roles[0]);
  CHECK(pthread_join(watcher, NULL) == 0);
  for (size_t i = 0; i < SHARED; i++) give(atomic_exchange_explicit(&exchange[i], NULL, memory_order_acq_rel));
  size_t first = 0;
  while (first < watch.count && watch.at[first] < seconds / 5) first++;
  bool seen = watch.count >= first + 3; /* a short run on a busy machine may give the watcher no time */
  CHECK(seen || seconds < 60);
  double mean = 0, share = seen ? rise(&watch, first, &mean) : 0;
  fprintf(stderr, "%zu threads, %.0f s: %llu operations, resident %.1f MiB, rises by %.3f%%\n", threads, seconds,
          (unsigned long long)hak_exchange_acquire(&operations, 0), mean / (double)HAK_MIB, share * 100);
  if (seconds >= 60 && !TEST_SANITIZED) CHECK(share <= 0.01 && share >= -0.01);
  test_expect_quiet();
}

static double number(const char *name, double otherwise) {
  const char *given = getenv(name);
  return given == NULL ? otherwise : strtod(given, NULL);
}

int main(void) {
  test_random_t random = test_random();
  const size_t threads[] = {4, 16, 64};
  double seconds = number("HAKMEM_SECONDS", 3);
  size_t only = (size_t)number("HAKMEM_THREADS", 0);
  CHECK(only <= MOST_THREADS);
  if (only != 0) run(only, seconds, &random);
  for (size_t i = 0; only == 0 && i < TEST_COUNT(threads); i++) run(threads[i], seconds / TEST_COUNT(threads), &random);
  return 0;
}
