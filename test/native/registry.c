/*
 * registry: addresses here are invented, for the registry never follows them. The window starts with what one OS page holds,
 * doubles past more than ten times 64 entries, downwards and upwards; whatever was not entered is "not mine"; look-ups go on
 * while another thread makes it grow.
 */
#include "test.h"

#include "os.h"
#include "registry.h"

enum { CHUNK_UNITS = 32, CHUNKS = 2000 };

static const uintptr_t middle = (uintptr_t)0x500000000000;

/* Chunk `n`, by turns below and above the middle, with a chunk's room between neighbours. */
static uintptr_t chunk_at(size_t n) {
  uintptr_t distance = (uintptr_t)(n / 2) * 2 * CHUNK_UNITS * HAK_UNIT_SIZE;
  return n % 2 == 0 ? middle - distance : middle + CHUNK_UNITS * 2 * HAK_UNIT_SIZE + distance;
}

static void *unit_at(size_t n, size_t unit) {
  return (void *)(chunk_at(n) + unit * HAK_UNIT_SIZE);
}

static uintptr_t entry_of(size_t n) {
  return (uintptr_t)(n + 1) * 64 + n % 63;
}

static void enter(size_t n) {
  CHECK(hak_registry_cover(unit_at(n, 0), CHUNK_UNITS, false));
  CHECK(hak_registry_get(unit_at(n, 0)) == 0);
  hak_registry_set(unit_at(n, 0), CHUNK_UNITS, entry_of(n));
}

static void expect_entered(size_t n) {
  CHECK(hak_registry_get(unit_at(n, 0)) == entry_of(n));
  CHECK(hak_registry_get(unit_at(n, 13)) == entry_of(n));
  CHECK(hak_registry_get((char *)unit_at(n, CHUNK_UNITS) - 1) == entry_of(n));
  CHECK(hak_registry_get((char *)unit_at(n, 0) - 1) == 0);
  CHECK(hak_registry_get(unit_at(n, CHUNK_UNITS)) == 0);
}

static void foreign_addresses_are_not_mine(void) {
  int on_stack = 0;
  void *on_heap = malloc(100);
  const uintptr_t wild[] = {0, 1, 4096, UINTPTR_MAX, UINTPTR_MAX - 65535, (uintptr_t)1 << 47, ((uintptr_t)1 << 47) - 1,
                            (uintptr_t)1 << 63, 0xffff800000000000, 0xffffffff80000000, (uintptr_t)&on_stack,
                            (uintptr_t)on_heap, (uintptr_t)&foreign_addresses_are_not_mine, (uintptr_t)&errno};
  for (size_t i = 0; i < TEST_COUNT(wild); i++) CHECK(hak_registry_get((void *)wild[i]) == 0);
  free(on_heap);
}

static void next_to_the_window_is_not_mine(void) {
  hak_registry_window_t *window = hak_load_acquire(&hak_registry_window);
  for (uintptr_t distance = 0; distance < 100000; distance++) {
    CHECK(hak_registry_get((void *)((window->base + window->count + distance) << HAK_UNIT_SHIFT)) == 0);
    CHECK(hak_registry_get((void *)((window->base - 1 - distance) << HAK_UNIT_SHIFT)) == 0);
  }
}

static hak_registry_stats_t stats_now(void) {
  hak_registry_stats_t stats;
  hak_registry_stats_get(&stats);
  return stats;
}

static void grows_by_doubling(void) {
  CHECK(stats_now().capacity == 0 && stats_now().used == 0);
  enter(0);
  size_t first = stats_now().capacity;
  CHECK(first >= 64 && stats_now().grown == 1);
  for (size_t n = 1; n < CHUNKS; n++) {
    size_t before = stats_now().capacity;
    enter(n);
    CHECK(stats_now().capacity == before || stats_now().capacity >= 2 * before);
    CHECK(stats_now().used == (n + 1) * CHUNK_UNITS);
  }
  CHECK(stats_now().capacity > 10 * 64 && stats_now().capacity > 10 * first);
  CHECK(stats_now().grown >= 5 && stats_now().grown < 40);
  for (size_t n = 0; n < CHUNKS; n++) expect_entered(n);
}

static void removal_and_change(void) {
  hak_registry_set(unit_at(7, 0), CHUNK_UNITS, 0);
  CHECK(hak_registry_get(unit_at(7, 3)) == 0);
  CHECK(stats_now().used == (CHUNKS - 1) * CHUNK_UNITS);
  hak_registry_set(unit_at(7, 0), CHUNK_UNITS, 128);
  hak_registry_set(unit_at(7, 4), 2, 256);
  CHECK(hak_registry_get(unit_at(7, 3)) == 128 && hak_registry_get(unit_at(7, 4)) == 256);
  CHECK(stats_now().used == CHUNKS * CHUNK_UNITS);
  hak_registry_set(unit_at(7, 0), CHUNK_UNITS, entry_of(7));
}

#if HAK_CHECKED
static void without_memory_nothing_changes(void) {
  size_t before = stats_now().capacity;
  hak_os_fail_from(1);
  CHECK(!hak_registry_cover((void *)(middle - ((uintptr_t)1 << 42)), 1, false));
  hak_os_fail_from(0);
  CHECK(stats_now().capacity == before);
  for (size_t n = 0; n < CHUNKS; n++) expect_entered(n);
}
#endif

/* ---- growth under readers ---- */

static _Atomic size_t entered = CHUNKS; /* released by the writer, acquired by readers: chunks below it are entered */
static _Atomic bool over;

static void *look_up(void *random) {
  while (!hak_load_relaxed(&over)) {
    size_t known = hak_load_acquire(&entered);
    expect_entered(test_below(random, known));
    foreign_addresses_are_not_mine();
  }
  return NULL;
}

static void *write_on(void *unused) {
  for (size_t n = CHUNKS; n < 20 * CHUNKS; n++) {
    enter(n);
    hak_store_release(&entered, n + 1);
  }
  hak_store_relaxed(&over, true);
  return unused;
}

typedef struct role {
  void *(*body)(void *);
  test_random_t random;
} role_t;

static void *play(void *argument) {
  role_t *role = argument;
  return role->body(&role->random);
}

static void grows_under_readers(test_random_t *random) {
  uint64_t before = stats_now().grown;
  role_t roles[3] = {{write_on, {0}}, {look_up, {test_next(random)}}, {look_up, {test_next(random)}}};
  test_threads(3, play, roles, sizeof roles[0]);
  CHECK(stats_now().grown > before);
  for (size_t n = 0; n < 20 * CHUNKS; n++) expect_entered(n);
}

/* Emptied pages go back and read as "not mine"; what is left stays, and what is entered again is found. */
static void shrinks_by_pages(void) {
  hak_registry_stats_t before = stats_now();
  for (size_t n = 1; n < 20 * CHUNKS; n++) hak_registry_set(unit_at(n, 0), CHUNK_UNITS, 0);
  hak_registry_shrink();
  hak_registry_stats_t after = stats_now();
  CHECK(after.shrunk > before.shrunk && after.capacity == before.capacity && after.used == CHUNK_UNITS);
  hak_registry_shrink();
  CHECK(stats_now().shrunk == after.shrunk); /* a page goes back once */
  expect_entered(0);
  for (size_t n = 1; n < CHUNKS; n++) CHECK(hak_registry_get(unit_at(n, 5)) == 0);
  enter(777);
  expect_entered(777);
  hak_registry_set(unit_at(777, 0), CHUNK_UNITS, 0);
  hak_registry_set(unit_at(0, 0), CHUNK_UNITS, 0);
}

/* Huge blocks are entered by pieces where they are long enough: wherever they start and end, each unit is theirs and no other. */
static void huge_ones_are_entered_whole(test_random_t *random) {
  uint64_t before = stats_now().used;
  for (size_t turn = 0; turn < 300; turn++) {
    size_t units = 1 + test_below(random, 4 * HAK_PIECE_UNITS);
    char *start = (char *)middle + ((1 + test_below(random, 100000)) << HAK_UNIT_SHIFT);
    CHECK(hak_registry_cover(start, units, true));
    hak_registry_set_huge(start, units, 640);
    CHECK(stats_now().used == before + units);
    for (size_t unit = 0; unit < units; unit++) CHECK(hak_registry_get(start + unit * HAK_UNIT_SIZE + 17) == 640);
    CHECK(hak_registry_get(start - 1) == 0 && hak_registry_get(start + units * HAK_UNIT_SIZE) == 0);
    hak_registry_set_huge(start, units, 0);
    for (size_t unit = 0; unit < units; unit += 7) CHECK(hak_registry_get(start + unit * HAK_UNIT_SIZE) == 0);
    if (turn % 50 == 0) hak_registry_shrink();
  }
  CHECK(stats_now().used == before);
  hak_registry_check();
}

int main(void) {
  test_random_t random = test_random();
  foreign_addresses_are_not_mine();
  grows_by_doubling();
  foreign_addresses_are_not_mine();
  next_to_the_window_is_not_mine();
  removal_and_change();
#if HAK_CHECKED
  without_memory_nothing_changes();
#endif
  grows_under_readers(&random);
  shrinks_by_pages();
  huge_ones_are_entered_whole(&random);
  CHECK(stats_now().used == 0);
  foreign_addresses_are_not_mine();
  return 0;
}
