/*
 * grow_in_place: a large block whose thread reallocates it grows where it lies, if nothing lies behind it; else it moves. Which of
 * the two, the system's layout decides: here it is asked each time, by a mapping on trial.
 */
#include "test.h"

#include "guard.h"
#include "heap.h"
#include "os.h"

/* Nothing lies behind `block` up to the length of the class of `size`. */
static bool has_room_behind(char *block, size_t size) {
  char *end = block + hak_usable_size(block);
  size_t more = hak_good_size(size) - hak_usable_size(block);
  bool taken;
  if (hak_os_map_at(end, more, &taken) == NULL) return false;
  hak_os_unmap(end, more);
  return true;
}

static void expect_counted(size_t size) {
  hak_stats_t stats;
  hak_stats_get(&stats);
  CHECK(stats.bytes_live == size);
  /* A block that had to move is cached. */
  CHECK(stats.bytes_reserved == stats.superslab.capacity * HAK_UNIT_SIZE + stats.bytes_cached);
  CHECK(stats.registry.used == stats.superslab.used && stats.superslab.used * HAK_UNIT_SIZE >= size);
}

static void expect_known(char *block, size_t size) {
  hak_slab_t *slab = hak_heap_slab_of(block);
  CHECK(slab != NULL && slab->base == block && hak_usable_size(block) == size);
  for (size_t at = 0; at < size; at += HAK_UNIT_SIZE) CHECK(hak_heap_slab_of(block + at) == slab);
  CHECK(hak_heap_slab_of(block + size) != slab && hak_heap_slab_of(block - 1) != slab);
}

/* A block with room behind it: what lay there before it is gone again. */
static char *block_with_room(size_t size, size_t room) {
  void *above = hak_os_map(hak_good_size(room), HAK_MIB);
  char *block = hak_malloc(size);
  CHECK(above != NULL && block != NULL);
  memset(block, 7, size);
  hak_os_unmap(above, hak_good_size(room));
  return block;
}

static void expect_bytes(const char *block, size_t size, char byte) {
  for (size_t at = 0; at < size; at += 1000) CHECK(block[at] == byte);
  CHECK(block[size - 1] == byte);
}

static void end(char *block, size_t size) {
  expect_known(block, hak_good_size(size));
  expect_counted(hak_good_size(size));
  hak_free(block);
  hak_trim();
  for (size_t at = 0; at < hak_good_size(size); at += HAK_UNIT_SIZE) CHECK(hak_heap_slab_of(block + at) == NULL);
  test_expect_quiet();
}

/* Twice, so that the second time begins behind what the first has added. @return how often it stayed where it was. */
static size_t grow(size_t size, size_t to, size_t further) {
  char *block = block_with_room(size, 2 * further);
  bool room = has_room_behind(block, to);
  char *grown = hak_realloc(block, to);
  CHECK(grown != NULL && (grown == block) == room);
  expect_bytes(grown, size, 7);
  memset(grown, 8, to);
  expect_known(grown, hak_good_size(to));
  expect_counted(hak_good_size(to));
  bool more = has_room_behind(grown, further);
  block = hak_realloc(grown, further);
  CHECK(block != NULL && (grown == block) == more);
  expect_bytes(block, to, 8);
  block[further - 1] = 9;
  end(block, further);
  return (size_t)room + more;
}

/* Room for the block, but none for what has to know of it: then none of it has happened. In a registry that is small yet. */
static void without_memory_nothing_happens(void) {
  size_t size = 3 * HAK_MIB, to = 500 * HAK_MIB;
  char *block = block_with_room(size, 2 * to);
  bool room = has_room_behind(block, to);
  for (uint64_t nth = 1; nth <= 2; nth++) {
    hak_os_fail_from(nth);
    errno = 0;
    CHECK(hak_realloc(block, to) == NULL && errno == ENOMEM);
    hak_os_fail_from(0);
    CHECK(has_room_behind(block, to) == room);
    expect_bytes(block, size, 7);
    expect_known(block, hak_good_size(size));
  }
  end(block, size);
}

static void *realloc_here(void *block) {
  char *moved = hak_realloc(*(char **)block, 4 * HAK_MIB);
  CHECK(moved != NULL && moved != *(char **)block);
  expect_bytes(moved, 2 * HAK_MIB, 7);
  hak_free(moved);
  return NULL;
}

/* Only the owner may: the lengths and counts are its own. */
static void other_threads_move_it(void) {
  char *block = block_with_room(2 * HAK_MIB, 8 * HAK_MIB);
  test_threads(1, realloc_here, &block, sizeof block);
  hak_trim();
  test_expect_quiet();
}

/* Classes that differ, of lengths about those of the registry's pieces of 64 MiB. */
int main(void) {
  hak_guard_off();
  without_memory_nothing_happens();
  const size_t sizes[][3] = {{2, 3, 4}, {3, 10, 80}, {28, 96, 112}, {56, 64, 80}, {64, 80, 128}, {65, 130, 190}, {96, 192, 256}};
  size_t stayed = 0;
  for (size_t i = 0; i < TEST_COUNT(sizes); i++)
    stayed += grow(sizes[i][0] * HAK_MIB, sizes[i][1] * HAK_MIB, sizes[i][2] * HAK_MIB);
  fprintf(stderr, "%zu of %zu grew in place\n", stayed, 2 * TEST_COUNT(sizes));
  CHECK(stayed > 0);
  other_threads_move_it();
  return 0;
}
