/*
 * limits: the system itself refuses memory, by a limit on the address space. Requests fail with ENOMEM, blocks given back can
 * be had again, and with all given back nothing is left. Sanitizers need the address space themselves: then nothing is run.
 */
#include "test.h"

#include <sys/resource.h>

#include "config.h"
#include "heap.h"
#include "thread.h"

enum { ROOM = 96 << 20, MOST = 400000 };

static void *blocks[MOST];

static size_t bytes_mapped(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%zu", &pages) == 1);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit_room(void) {
  size_t most = bytes_mapped() + ROOM;
  struct rlimit limit = {most, most};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

/* @return how many blocks memory had. */
static size_t take_until_refused(size_t size) {
  size_t count = 0;
  errno = 0;
  while (count < MOST && (blocks[count] = hak_malloc(size)) != NULL) memset(blocks[count++], 0x55, size);
  CHECK(count < MOST && errno == ENOMEM);
  return count;
}

static void fill_and_empty(size_t size) {
  size_t count = take_until_refused(size);
  CHECK(count * size > ROOM / 4);
  hak_heap_check(hak_thread_heap);
  size_t half = count / 2;
  for (size_t i = half; i < count; i++) hak_free(blocks[i]);
  for (count = half; count < half + half / 2; count++) CHECK((blocks[count] = hak_malloc(size)) != NULL);
  for (size_t i = 0; i < half; i++) CHECK(*(unsigned char *)blocks[i] == 0x55);
  hak_free_batch(blocks, count);
  test_expect_quiet();
}

static void every_size_is_refused_in_its_time(void) {
  limit_room();
  const size_t sizes[] = {1000, 4096, 60000, 1 << 20, 3000000, 40000000};
  size_t after_first = 0;
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) fill_and_empty(sizes[i]);
    if (round == 0) after_first = bytes_mapped();
  }
  CHECK(bytes_mapped() <= after_first + HAK_MIB); /* the address space came back too */
}

/* Far beyond the limit: refused at once, and cheaply. */
static void giants_are_refused(void) {
  limit_room();
  for (size_t size = (size_t)ROOM * 2; size <= HAK_MAX_SIZE; size *= 2) {
    errno = 0;
    CHECK(hak_malloc(size) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(hak_calloc(size / 16, 16) == NULL && errno == ENOMEM);
    void *block = hak_malloc(1000);
    errno = 0;
    CHECK(hak_realloc(block, size) == NULL && errno == ENOMEM);
    hak_free(block);
  }
  test_expect_quiet();
}

/* What caches hold is given up before a request fails. */
static void freed_memory_serves_other_sizes(void) {
  limit_room();
  const size_t sizes[] = {1000, 30000, 250000, 3000000, 20000000};
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    size_t count = 0;
    for (; count * sizes[i] < ROOM * 3 / 4 - sizes[i]; count++) CHECK((blocks[count] = hak_malloc(sizes[i])) != NULL);
    hak_free_batch(blocks, count);
    void *block = hak_malloc((size_t)ROOM * 3 / 4);
    CHECK(block != NULL);
    hak_free(block);
    hak_heap_t *heap = hak_heap_new(); /* its own has to do without what the thread keeps of that */
    CHECK(heap != NULL && hak_heap_malloc(heap, (size_t)ROOM * 3 / 4) != NULL);
    hak_heap_destroy(heap);
  }
}

/* A process that limits itself after its first block has more addresses reserved than it may have. */
static void a_limit_comes_late(void) {
  void *first = hak_malloc(100);
  struct rlimit limit = {(size_t)1 << 30, (size_t)1 << 30};
  CHECK(bytes_mapped() > limit.rlim_cur && setrlimit(RLIMIT_AS, &limit) == 0);
  for (size_t i = 0; i < 3000; i++) CHECK((blocks[i] = hak_malloc(100000)) != NULL);
  CHECK(bytes_mapped() <= limit.rlim_cur);
  hak_free_batch(blocks, 3000);
  hak_free(first);
  test_expect_quiet();
}

int main(void) {
  if (TEST_SANITIZED) return 0;
  test_expect_success(freed_memory_serves_other_sizes);
  test_expect_success(a_limit_comes_late);
  test_expect_success(every_size_is_refused_in_its_time);
  test_expect_success(giants_are_refused);
  return 0;
}
