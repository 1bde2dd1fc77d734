/* region: addresses for chunks: halves apart, the nearest free pieces first, what lies there already, threads, limits. */
#include "test.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os.h"
#include "region.h"

enum { PIECE = HAK_CHUNK_ALIGNMENT, PIECES = 8, THREADS = 4 };

static char *fine_at(size_t piece) {
  return (char *)hak_live_half(HAK_GRAIN_FINE) + piece * PIECE;
}
static char *coarse_at(size_t piece) {
  return (char *)hak_live_half(HAK_GRAIN_FINE) - (piece + 1) * PIECE;
}

static void from_the_middle_outwards(void) {
  char *fine[PIECES], *coarse[PIECES];
  for (size_t i = 0; i < PIECES; i++) {
    CHECK((fine[i] = hak_region_map(PIECE, HAK_GRAIN_FINE)) == fine_at(i));
    CHECK((coarse[i] = hak_region_map(PIECE, HAK_GRAIN_COARSE)) == coarse_at(i));
    memset(fine[i], 1, PIECE);
    memset(coarse[i], 1, PIECE);
  }
  hak_region_unmap(fine[3], PIECE, HAK_GRAIN_FINE);
  hak_region_unmap(fine[5], PIECE, HAK_GRAIN_FINE);
  hak_region_unmap(fine[6], PIECE, HAK_GRAIN_FINE);
  hak_region_unmap(coarse[4], PIECE, HAK_GRAIN_COARSE);
  hak_region_unmap(coarse[5], PIECE, HAK_GRAIN_COARSE);
  char *pair = hak_region_map(2 * PIECE, HAK_GRAIN_FINE), *other = hak_region_map(2 * PIECE, HAK_GRAIN_COARSE);
  CHECK(pair == fine_at(5) && other == coarse_at(5));
  CHECK(pair[0] == 0 && pair[2 * PIECE - 1] == 0 && other[0] == 0); /* other memory */
  CHECK((fine[3] = hak_region_map(PIECE, HAK_GRAIN_FINE)) == fine_at(3));
  hak_region_unmap(pair, 2 * PIECE, HAK_GRAIN_FINE);
  hak_region_unmap(other, 2 * PIECE, HAK_GRAIN_COARSE);
  for (size_t i = 0; i < PIECES; i++) {
    if (i != 5 && i != 6) hak_region_unmap(fine[i], PIECE, HAK_GRAIN_FINE);
    if (i != 4 && i != 5) hak_region_unmap(coarse[i], PIECE, HAK_GRAIN_COARSE);
  }
}

/* A mapping of somebody else's is passed, however long, and left as it is. */
static void what_lies_there(void) {
  size_t size = 100 * (size_t)PIECE;
  char *other = mmap(fine_at(1), size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(other == fine_at(1));
  char *first = hak_region_map(PIECE, HAK_GRAIN_FINE), *second = hak_region_map(PIECE, HAK_GRAIN_FINE);
  CHECK(first == fine_at(0) && second >= other + size && (size_t)(second - other) < 3 * size);
  CHECK(other[0] == 0 && other[size - 1] == 0);
  munmap(other, size);
  hak_region_unmap(second, PIECE, HAK_GRAIN_FINE);
  hak_region_unmap(first, PIECE, HAK_GRAIN_FINE);
}

static void *come_and_go(void *unused) {
  for (int i = 0; i < 200; i++) {
    hak_grain_t grain = i % 2 == 0 ? HAK_GRAIN_FINE : HAK_GRAIN_COARSE;
    size_t size = (size_t)(1 + i % 3) * PIECE;
    char *start = hak_region_map(size, grain);
    CHECK(start != NULL && start[size - 1] == 0);
    start[size - 1] = 1;
    hak_live_tag_units(start, 1, 3);
    hak_live_set(hak_live_entry(grain), start, 3);
    CHECK(hak_live_clear(start) == 3);
    hak_live_tag_units(start, 1, 0);
    hak_region_unmap(start, size, grain);
  }
  return unused;
}

static void no_memory(void) {
#if HAK_CHECKED
  for (uint64_t nth = 1; nth <= 2; nth++) { /* the mapping; the live map's bytes */
    hak_os_fail_from(nth);
    CHECK(hak_region_map(PIECE, HAK_GRAIN_FINE) == NULL);
  }
  hak_os_fail_from(0);
#endif
  CHECK(hak_region_map(hak_live_half_size() + PIECE, HAK_GRAIN_FINE) == NULL);
  char *start = hak_region_map(PIECE, HAK_GRAIN_FINE);
  CHECK(start == fine_at(0)); /* nothing was lost */
  hak_region_unmap(start, PIECE, HAK_GRAIN_FINE);
}

/* In a process that may have little, the map is small enough to leave room, and so is the region. */
static void a_limit_of_addresses(void) {
  struct rlimit limit = {512 << 20, 512 << 20};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  CHECK(hak_region_start() && hak_live_half_size() <= limit.rlim_cur);
  for (size_t i = 0; i < 64; i++) CHECK(hak_region_map(PIECE, i % 2 == 0 ? HAK_GRAIN_FINE : HAK_GRAIN_COARSE) != NULL);
}

int main(void) {
  if (!TEST_SANITIZED) test_expect_success(a_limit_of_addresses); /* a sanitizer has more than that already */
  CHECK(hak_region_start() && hak_region_start());
  from_the_middle_outwards();
  what_lies_there();
  test_threads(THREADS, come_and_go, NULL, 0);
  no_memory();
  return 0;
}
