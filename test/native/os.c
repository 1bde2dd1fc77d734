/* os: mappings are aligned, zero and given back to the last page; purged memory reads as zero; failures come when asked for. */
#include "test.h"

#include "os.h"

static size_t pages_mapped(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%zu", &pages) == 1);
  fclose(file);
  return pages;
}

static void expect_zero(const unsigned char *start, size_t size) {
  for (size_t at = 0; at < size; at += 512) CHECK(start[at] == 0);
  CHECK(start[size - 1] == 0);
}

/* Alignments beyond what the system does by itself, so that both ends have to be cut. */
static void mappings_are_aligned(void) {
  size_t page = hak_os_page_size();
  for (size_t alignment = page; alignment <= 64 * HAK_MIB; alignment *= 2) {
    for (size_t size = page; size <= 8 * HAK_MIB; size = size * 3 + page) {
      unsigned char *start = hak_os_map(size, alignment);
      CHECK(start != NULL && (uintptr_t)start % alignment == 0);
      expect_zero(start, size);
      memset(start, 1, size);
      hak_os_unmap(start, size);
    }
  }
}

static void nothing_is_left_mapped(void) {
  mappings_are_aligned(); /* the first run may make the C library map something */
  size_t before = pages_mapped();
  mappings_are_aligned();
  if (!TEST_SANITIZED) CHECK(pages_mapped() == before);
}

/* More than there is memory, of which a part is opened, some of it again. */
static void reserved_addresses_become_memory(void) {
  size_t page = hak_os_page_size(), size = TEST_SANITIZED ? HAK_MIB : 4 * hak_os_memory();
  unsigned char *start = hak_os_reserve(size);
  CHECK(start != NULL);
  CHECK(hak_os_open(start + size - 4 * page, 3 * page) && hak_os_open(start + size - 2 * page, 2 * page));
  expect_zero(start + size - 4 * page, 4 * page);
  memset(start + size - 4 * page, 5, 4 * page);
  CHECK(hak_os_open(start + size - 4 * page, page) && start[size - 4 * page] == 5);
  hak_os_unmap(start, size);
  CHECK(hak_os_reserve(SIZE_MAX / 2) == NULL);
  CHECK(hak_os_memory() >= 64 * HAK_MIB && hak_os_addresses() >= hak_os_memory() / 64);
}

static void purged_memory_is_zero(void) {
  size_t page = hak_os_page_size();
  unsigned char *start = hak_os_map(8 * page, page);
  memset(start, 7, 8 * page);
  CHECK(hak_os_purge(start + 2 * page, 3 * page));
  expect_zero(start + 2 * page, 3 * page);
  CHECK(start[2 * page - 1] == 7 && start[5 * page] == 7);
  hak_os_unmap(start, 8 * page);
  CHECK(!hak_os_purge((void *)page, page)); /* nobody's */
}

/* Also over the seam that an earlier move has left in a mapping. */
static void moved_memory_is_elsewhere(void) {
  const size_t size = 2 * HAK_MIB;
  char *first = hak_os_map(size, HAK_MIB), *second = hak_os_map(2 * size, HAK_MIB), *third = hak_os_map(4 * size, HAK_MIB);
  memset(first, 1, size);
  memset(second, 2, 2 * size);
  memset(third, 3, 4 * size);
  if (hak_os_move(first, second, size)) {
    CHECK(first[0] == 0 && first[size - 1] == 0);
    CHECK(second[0] == 1 && second[size - 1] == 1 && second[size] == 2 && second[2 * size - 1] == 2);
    bool moved = hak_os_move(second, third, 2 * size);
    const char *now = moved ? third : second;
    CHECK(now[0] == 1 && now[size] == 2 && now[2 * size - 1] == 2);
    CHECK(third[0] == (moved ? 1 : 3) && third[2 * size] == 3 && third[4 * size - 1] == 3);
  }
  hak_os_unmap(first, size);
  hak_os_unmap(second, 2 * size);
  hak_os_unmap(third, 4 * size);
}

static void impossible_mappings_fail(void) {
  CHECK(hak_os_map(SIZE_MAX - SIZE_MAX % (64 * HAK_KIB), 2 * HAK_MIB) == NULL);
  CHECK(hak_os_map((size_t)1 << 60, 2 * HAK_MIB) == NULL);
}

#if HAK_CHECKED
static void failures_come_from_the_nth_on(void) {
  size_t page = hak_os_page_size();
  hak_os_fail_from(3);
  for (int i = 1; i < 6; i++) {
    void *start = hak_os_map(page, page);
    CHECK((start != NULL) == (i < 3));
    if (start != NULL) hak_os_unmap(start, page);
  }
  hak_os_fail_from(0);
  void *start = hak_os_map(page, page);
  CHECK(start != NULL);
  hak_os_unmap(start, page);
}
#endif

static void *see_two_threads(void *unused) {
  (void)unused;
  CHECK(!hak_os_has_one_thread());
  return NULL;
}

/* One that has ended may be there for a moment still. ThreadSanitizer has a thread of its own. */
static void threads_are_noticed(void) {
  CHECK(hak_os_has_one_thread() || TEST_SANITIZED);
  int unused = 0;
  test_threads(1, see_two_threads, &unused, 0);
  while (!hak_os_has_one_thread() && !TEST_SANITIZED) usleep(1000);
}

static void clock_grows(void) {
  uint64_t before = hak_os_now_ms();
  usleep(30000);
  uint64_t after = hak_os_now_ms();
  CHECK(after >= before + 10 && after < before + 60000);
}

int main(void) {
  nothing_is_left_mapped();
  reserved_addresses_become_memory();
  purged_memory_is_zero();
  moved_memory_is_elsewhere();
  impossible_mappings_fail();
#if HAK_CHECKED
  failures_come_from_the_nth_on();
#endif
  threads_are_noticed();
  clock_grows();
  setenv("HAKMEM_TEST", "here", 1);
  CHECK(strcmp(hak_os_environment("HAKMEM_TEST"), "here") == 0 && hak_os_environment("HAKMEM_TEST_NOT") == NULL);
  return 0;
}
