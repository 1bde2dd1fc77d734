/*
 * exhaustion: the n-th mapping fails and all after it, for every n that a workload reaches, in a fresh process each time and
 * then in one process that goes on. What fails returns NULL with ENOMEM, nothing is lost, and with memory back all works.
 */
#include "test.h"

#include "os.h"
#include "registry.h"
#include "thread.h"

#if HAK_CHECKED

enum { MOST_HELD = 6000 };

typedef struct work {
  void *held[MOST_HELD];
  size_t count, failures;
} work_t;

/* Keeps a block, or counts the failure that it must be. */
static void keep(work_t *work, void *block, size_t size) {
  if (block == NULL) {
    CHECK(errno == ENOMEM);
    work->failures++;
    errno = 0;
    return;
  }
  CHECK(hak_usable_size(block) >= size);
  memset(block, 0x77, size);
  work->held[work->count++] = block;
}

static void keep_batch(work_t *work, size_t size, size_t count) {
  CHECK(work->count + count <= MOST_HELD);
  errno = 0;
  size_t made = hak_malloc_batch(size, count, work->held + work->count);
  if (made < count) CHECK(errno == ENOMEM);
  work->failures += made < count;
  work->count += made;
}

static void reallocate(work_t *work, size_t from, size_t to) {
  unsigned char *block = hak_malloc(from);
  if (block == NULL) {
    keep(work, block, from);
    return;
  }
  memset(block, 0x21, from);
  errno = 0;
  unsigned char *moved = hak_realloc(block, to);
  unsigned char *kept = moved != NULL ? moved : block;
  for (size_t i = 0; i < from; i += 97) CHECK(kept[i] == 0x21);
  if (moved == NULL) {
    CHECK(errno == ENOMEM);
    work->failures++;
  }
  work->held[work->count++] = kept;
}

/*
 * Chunks that grow, rings in segments, the L2.5 pool, the BigCache's table and its rehash; the second round finds them filled.
 * Nothing of it is touched. The one block of 4 GiB makes the budget large.
 */
static void use_large_blocks(work_t *work) {
  keep_batch(work, (size_t)4 << 30, 1);
  size_t first = work->count;
  for (int round = 0; round < 2; round++) {
    keep_batch(work, 70000, 300);
    keep_batch(work, 300000, 20);
    keep_batch(work, 3000000, 4);
    for (size_t mib = 40; mib < 80; mib += 4) keep_batch(work, mib * HAK_MIB, 1);
    hak_free_batch(work->held + first, work->count - first);
    work->count = first;
  }
}

static void use_a_heap_of_its_own(work_t *work) {
  errno = 0;
  hak_heap_t *heap = hak_heap_new();
  if (heap == NULL) {
    keep(work, heap, 0);
    return;
  }
  void *blocks[100];
  for (size_t size = 200; size < 4000000; size *= 9) {
    errno = 0;
    size_t made = hak_heap_malloc_batch(heap, size, size > 100000 ? 5 : 100, blocks);
    work->failures += made < (size > 100000 ? 5u : 100u);
    if (made < (size > 100000 ? 5u : 100u)) CHECK(errno == ENOMEM);
    CHECK(hak_heap_free_batch(heap, blocks, made / 2) == made / 2);
    hak_heap_check(heap);
  }
  hak_heap_destroy(heap);
}

static void *use_a_thread(void *argument) {
  work_t *work = argument;
  keep_batch(work, 3000, 200);
  for (size_t i = 0; i < work->count; i += 2) {
    hak_free(work->held[i]);
    work->held[i] = work->held[--work->count];
  }
  return NULL;
}

/* Many classes, growing bins, several chunks, huge blocks, a growing registry. @return how often memory was refused. */
static size_t do_work(void) {
  static work_t work, of_thread;
  work.count = work.failures = of_thread.count = of_thread.failures = 0;
  keep(&work, hak_malloc(100), 100);
  keep(&work, hak_calloc(3, 1000), 3000);
  keep(&work, hak_aligned_alloc(4096, 5000), 5000);
  keep(&work, hak_aligned_alloc(HAK_CHUNK_ALIGNMENT, 100), 100);
  keep(&work, hak_aligned_alloc(32 * HAK_CHUNK_ALIGNMENT, 100), 100);
  for (size_t size = 16; size <= 4 * HAK_MIB; size *= 2) keep(&work, hak_malloc(size), size);
  keep_batch(&work, 1500, 2000); /* its bin outgrows what meta cuts from shared mappings */
  keep_batch(&work, 16, 1000);
  keep_batch(&work, 40000, 100);
  reallocate(&work, 1000, 300000);
  reallocate(&work, 300000, 3000000);
  keep(&work, hak_calloc(1, 5000000), 5000000);
  use_large_blocks(&work);
  use_a_heap_of_its_own(&work);
  test_threads(1, use_a_thread, &of_thread, sizeof of_thread);
  hak_free_batch(of_thread.held, of_thread.count);
  hak_free_batch(work.held, work.count);
  if (hak_thread_heap != &hak_nobody) hak_heap_check(hak_thread_heap);
  return work.failures + of_thread.failures;
}

static size_t pages_mapped(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%zu", &pages) == 1);
  fclose(file);
  return pages;
}

static uint64_t failing; /* the mapping that fails */

/* Whether the failing mapping has come, or would be the next one. */
static bool reached(void) {
  void *page = hak_os_map(hak_os_page_size(), hak_os_page_size());
  if (page != NULL) hak_os_unmap(page, hak_os_page_size());
  return page == NULL;
}

/* In a fresh process the first heap, the first window of the registry and the first mapping of meta can fail too. */
static void fail_then_recover(void) {
  hak_os_fail_from(failing);
  size_t failures = do_work();
  bool over = !reached();
  hak_os_fail_from(0);
  test_expect_quiet();
  CHECK(do_work() == 0);
  test_expect_quiet();
  if (over) CHECK(failures == 0);
  if (over) CHECK(write(STDERR_FILENO, "over", 4) == 4);
}

/* Each of them; for the sanitizers, to which a process is dear, every third. */
enum { STEP = TEST_SANITIZED ? 3 : 1 };

static uint64_t in_fresh_processes(void) {
  for (failing = 1;; failing += STEP) {
    test_outcome_t outcome = test_in_child(fail_then_recover);
    CHECK(outcome.status == 0);
    if (strcmp(outcome.error, "over") == 0) return failing - STEP;
    fputs(outcome.error, stderr);
    CHECK(outcome.error[0] == '\0');
  }
}

/* The work is such that all of these come to their growing. */
static void expect_everything_has_grown(void) {
  static hak_stats_t stats;
  hak_stats_get(&stats);
  CHECK(stats.superslab.grown > 0 && stats.superslab.shrunk == stats.superslab.grown && stats.registry.grown > 1);
  CHECK(stats.tcache.grown > HAK_TCACHE_CLASSES / 2 && stats.mid_ring.grown > 2);
  CHECK(stats.bigcache.grown >= 2 && stats.bigcache.misses > 0 && stats.l25.misses > 0);
}

/* The same in one process, which must not grow by it. */
static void in_one_process(uint64_t most) {
  CHECK(do_work() == 0 && do_work() == 0);
  test_expect_quiet();
  expect_everything_has_grown();
  size_t pages = pages_mapped();
  for (uint64_t n = 1; n <= most; n += STEP) {
    hak_os_fail_from(n);
    do_work();
    hak_os_fail_from(0);
    test_expect_quiet();
  }
  CHECK(do_work() == 0);
  test_expect_quiet();
  if (!TEST_SANITIZED) CHECK(pages_mapped() <= pages + 256);
}

int main(void) {
  uint64_t most = in_fresh_processes();
  fprintf(stderr, "failed at mappings 1 to %llu, in steps of %d\n", (unsigned long long)most, STEP);
  CHECK(most > 20);
  in_one_process(most);
  return 0;
}

#else
int main(void) {
  return 0; /* only the checked core can be made to fail */
}
#endif
