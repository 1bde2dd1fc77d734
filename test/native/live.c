/* live: the map over a region of addresses: bytes in both grains, tags, pages that go back, no memory. */
#include "test.h"

#include "live.h"
#include "os.h"
#include "size_class.h"

/* A chunk's worth of addresses in each half. The map only counts with them; nothing lies there. */
enum { SIZE = 64 << 20 };
static char *fine, *coarse;

static void hold(char *block, size_t tag, hak_grain_t grain) {
  hak_live_tag_units((void *)((uintptr_t)block & ~(HAK_UNIT_SIZE - 1)), 1, tag);
  hak_live_set(hak_live_entry(grain), block, tag);
}

static const uintptr_t nowhere[] = {0, 1, 16, (uintptr_t)1 << 46, (uintptr_t)1 << 47, UINTPTR_MAX, (uintptr_t)&fine};

static void expect_nothing(void) {
  for (size_t i = 0; i < TEST_COUNT(nowhere); i++) {
    CHECK(hak_live_get((void *)nowhere[i]) == 0);
    CHECK(hak_live_clear((void *)nowhere[i]) == 0);
  }
}

/* Four times the machine's memory, unless the process may have less addresses. */
static void region_follows_the_machine(void) {
  size_t half = hak_live_half_size();
  CHECK(hak_live_half(HAK_GRAIN_FINE) == hak_live_half(HAK_GRAIN_COARSE) + half);
  CHECK(hak_live_half(HAK_GRAIN_COARSE) % HAK_CHUNK_ALIGNMENT == 0 && half % HAK_CHUNK_ALIGNMENT == 0);
  if (!TEST_SANITIZED && hak_os_addresses() == SIZE_MAX) CHECK(half >= 4 * hak_os_memory());
}

static void each_grain(void) {
  CHECK(hak_live_cover(fine, SIZE, HAK_GRAIN_FINE));
  hold(fine, 2, HAK_GRAIN_FINE);
  hold(fine + 16, 2, HAK_GRAIN_FINE);
  hold(fine + SIZE - 16, 60, HAK_GRAIN_FINE);
  CHECK(hak_live_get(fine) == 2 && hak_live_get(fine + 16) == 2 && hak_live_get(fine + SIZE - 16) == 60);
  CHECK(hak_live_get(fine + 32) == 0 && hak_live_clear(fine + 32) == 0);
  CHECK(hak_live_clear(fine) == 2 && hak_live_clear(fine) == 0);
  CHECK(hak_live_clear(fine + 16) == 2 && hak_live_clear(fine + SIZE - 16) == 60);
  CHECK(hak_live_cover(coarse, SIZE, HAK_GRAIN_COARSE));
  for (size_t at = 0; at < SIZE; at += SIZE / 16) hold(coarse + at, 1 + at / (SIZE / 16), HAK_GRAIN_COARSE);
  for (size_t at = 0; at < SIZE; at += SIZE / 16) {
    CHECK(hak_live_get(coarse + at + 63) == 1 + at / (SIZE / 16)); /* one grain, one byte */
    CHECK(hak_live_get(coarse + at + 64) == 0);
    CHECK(hak_live_clear(coarse + at) == 1 + at / (SIZE / 16));
  }
  hold(fine - 64, 5, HAK_GRAIN_COARSE); /* where the halves meet */
  CHECK(hak_live_get(fine) == 0 && hak_live_clear(fine - 64) == 5);
}

/* A byte counts under its slab's tag only, and each of a slab's units has it. */
static void tags_are_the_units(void) {
  char *slab = fine + 100 * HAK_UNIT_SIZE;
  hak_live_tag_units(slab, 3, 9);
  char *blocks[] = {slab, slab + HAK_UNIT_SIZE, slab + 3 * HAK_UNIT_SIZE - 16};
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) hak_live_set(hak_live_entry(HAK_GRAIN_FINE), blocks[i], 9);
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) CHECK(hak_live_clear(blocks[i]) == 9);
  hak_live_set(hak_live_entry(HAK_GRAIN_FINE), slab, 8);
  CHECK(hak_live_clear(slab) == 0 && hak_live_get(slab) == 8);
  hak_live_set(hak_live_entry(HAK_GRAIN_FINE), slab, 0);
  hak_live_tag_units(slab, 3, 0);
  CHECK(hak_live_clear(slab) == 0 && hak_live_clear(slab + 3 * HAK_UNIT_SIZE) == 0);
}

static bool is_own(const hak_live_own_t *heap, const void *address) {
  return hak_live_own_tag(heap, address) <= HAK_LIVE_TAG_MASK;
}

/* A heap knows its own blocks by their units' mark, and no address in no slab. */
static void marks_tell_heaps_apart(void) {
  char *block = fine + 200 * HAK_UNIT_SIZE;
  hak_live_own_t mine = hak_live_own(3), other = hak_live_own(4), nobody = {0};
  CHECK(mine.mark != other.mark && hak_live_own(3 + 255).mark == mine.mark && hak_live_mark(254) != 0 && hak_live_mark(255) != 0);
  CHECK(!is_own(&mine, block) && !is_own(&nobody, block));
  hak_live_tag_units(block, 1, mine.mark | 9);
  CHECK(hak_live_own_tag(&mine, block) == 9 && hak_live_own_tag(&mine, block + HAK_UNIT_SIZE - 1) == 9);
  CHECK(!is_own(&mine, block + HAK_UNIT_SIZE) && !is_own(&mine, block - 1) && !is_own(&other, block) && !is_own(&nobody, block));
  hak_live_set(hak_live_entry(HAK_GRAIN_FINE), block, 9);
  CHECK(!hak_live_clear_tagged(hak_live_entry(HAK_GRAIN_FINE), block, 8) && hak_live_clear(block) == 9 && hak_live_clear(block) == 0);
  hak_live_tag_units(block, 1, 0);
  for (size_t i = 0; i < TEST_COUNT(nowhere); i++) CHECK(!is_own(&mine, (void *)nowhere[i]) && !is_own(&nobody, (void *)nowhere[i]));
}

/* Every class's blocks start in grains of their own, and `odd` are the bits that none has. */
static void classes_fit_their_grain(void) {
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) {
    size_t grain = (size_t)1 << hak_grain_shift(hak_size_class_grain(c));
    CHECK(hak_size_class_bytes(c) % grain == 0 && hak_size_class_odd(c) == grain - 1);
    CHECK(hak_size_class_shares_lines(c) == (hak_size_class_bytes(c) < HAK_CACHE_LINE * grain || grain == 16));
  }
}

static void pages_go_back(char *start, hak_grain_t grain) {
  size_t before = test_resident();
  for (size_t at = 0; at < SIZE; at += HAK_UNIT_SIZE) hold(start + at, 7, grain);
  size_t touched = test_resident();
  for (size_t at = 0; at < SIZE; at += HAK_UNIT_SIZE) CHECK(hak_live_clear(start + at) == 7);
  hak_live_purge(start, SIZE);
  size_t left = test_resident(); /* before the map is read: some systems give pages to readers too */
  for (size_t at = 0; at < SIZE; at += HAK_UNIT_SIZE) CHECK(hak_live_get(start + at) == 0);
  if (TEST_SANITIZED) return;
  CHECK(touched > before);
  CHECK(left < before + (touched - before) / 4);
}

static void no_memory(void) {
#if HAK_CHECKED
  for (uint64_t nth = 1; nth <= 2; nth++) { /* the reservation; its tags */
    hak_os_fail_from(nth);
    CHECK(!hak_live_start());
    expect_nothing();
  }
  hak_os_fail_from(0);
#endif
  CHECK(hak_live_start() && hak_live_start());
#if HAK_CHECKED
  hak_os_fail_from(1);
  CHECK(!hak_live_cover((char *)hak_live_half(HAK_GRAIN_FINE), SIZE, HAK_GRAIN_FINE));
  hak_os_fail_from(0);
#endif
}

static void purge_of_a_held_block(void) {
  hold(fine, 1, HAK_GRAIN_FINE);
  hak_live_purge(fine, HAK_UNIT_SIZE);
}

int main(void) {
  expect_nothing();
  no_memory();
  fine = (char *)hak_live_half(HAK_GRAIN_FINE);
  coarse = fine - SIZE;
  region_follows_the_machine();
  each_grain();
  tags_are_the_units();
  marks_tell_heaps_apart();
  classes_fit_their_grain();
  expect_nothing();
  pages_go_back(fine, HAK_GRAIN_FINE);
  pages_go_back(coarse, HAK_GRAIN_COARSE);
  if (HAK_CHECKED) test_expect_abort(purge_of_a_held_block, "live: a block is held in memory that is free");
  return 0;
}
