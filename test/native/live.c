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

static void expect_nothing(void) {
  const uintptr_t addresses[] = {0, 1, 16, (uintptr_t)1 << 46, (uintptr_t)1 << 47, UINTPTR_MAX, (uintptr_t)&fine};
  for (size_t i = 0; i < TEST_COUNT(addresses); i++) {
    CHECK(hak_live_get((void *)addresses[i]) == 0);
    CHECK(hak_live_clear_any((void *)addresses[i]) == 0);
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
  CHECK(hak_live_get(fine + 32) == 0 && hak_live_clear_any(fine + 32) == 0);
  CHECK(hak_live_clear_any(fine) == 2 && hak_live_clear_any(fine) == 0);
  CHECK(hak_live_clear_any(fine + 16) == 2 && hak_live_clear_any(fine + SIZE - 16) == 60);
  CHECK(hak_live_cover(coarse, SIZE, HAK_GRAIN_COARSE));
  for (size_t at = 0; at < SIZE; at += SIZE / 16) hold(coarse + at, 1 + at / (SIZE / 16), HAK_GRAIN_COARSE);
  for (size_t at = 0; at < SIZE; at += SIZE / 16) {
    CHECK(hak_live_get(coarse + at + 63) == 1 + at / (SIZE / 16)); /* one grain, one byte */
    CHECK(hak_live_get(coarse + at + 64) == 0);
    CHECK(hak_live_clear_any(coarse + at) == 1 + at / (SIZE / 16));
  }
  hold(fine - 64, 5, HAK_GRAIN_COARSE); /* where the halves meet */
  CHECK(hak_live_get(fine) == 0 && hak_live_clear_any(fine - 64) == 5);
}

/* A byte counts under its slab's tag only, and each of a slab's units has it. */
static void tags_are_the_units(void) {
  char *slab = fine + 100 * HAK_UNIT_SIZE;
  hak_live_tag_units(slab, 3, 9);
  char *blocks[] = {slab, slab + HAK_UNIT_SIZE, slab + 3 * HAK_UNIT_SIZE - 16};
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) hak_live_set(hak_live_entry(HAK_GRAIN_FINE), blocks[i], 9);
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) CHECK(hak_live_clear_any(blocks[i]) == 9);
  hak_live_set(hak_live_entry(HAK_GRAIN_FINE), slab, 8);
  CHECK(hak_live_clear_any(slab) == 0 && hak_live_get(slab) == 8);
  hak_live_set(hak_live_entry(HAK_GRAIN_FINE), slab, 0);
  hak_live_tag_units(slab, 3, 0);
  CHECK(hak_live_clear_any(slab) == 0 && hak_live_clear_any(slab + 3 * HAK_UNIT_SIZE) == 0);
}

/* Of another heap's a free by mark takes nothing, and leaves the block held. */
static void marks_tell_heaps_apart(void) {
  char *block = fine + 200 * HAK_UNIT_SIZE;
  size_t mine = hak_live_mark(3), other = hak_live_mark(4);
  CHECK(mine != other && hak_live_mark(3 + 256) == mine && (mine & HAK_LIVE_TAG_MASK) == 0);
  hak_live_tag_units(block, 1, mine | 9);
  hak_live_set(hak_live_entry(HAK_GRAIN_FINE), block, 9);
  CHECK(hak_live_clear(block, other) == 0 && hak_live_clear(block, 0) == 0 && hak_live_get(block) == 9);
  CHECK(hak_live_clear(block, mine) == 9 && hak_live_clear(block, mine) == 0);
  hak_live_tag_units(block, 1, 0);
  CHECK(hak_live_clear(block, 0) == 0 && hak_live_clear(block, mine) == 0);
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
  for (size_t at = 0; at < SIZE; at += HAK_UNIT_SIZE) CHECK(hak_live_clear_any(start + at) == 7);
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
