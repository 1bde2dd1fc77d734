/* live: bytes for any address, leaves on demand, pages that go back; threads that cover one leaf. */
#include "test.h"

#include "live.h"
#include "os.h"
#include "size_class.h"

enum { LEAF = 1 << HAK_LIVE_LEAF_SHIFT };

/* Far from everything mapped; the map only counts with addresses. */
static char *const place = (char *)((uintptr_t)1 << 45);

static void expect_nothing(void) {
  const uintptr_t addresses[] = {0, 1, 16, (uintptr_t)1 << 46, (uintptr_t)1 << 47, UINTPTR_MAX, (uintptr_t)place + LEAF};
  for (size_t i = 0; i < TEST_COUNT(addresses); i++) {
    CHECK(hak_live_get((void *)addresses[i]) == 0);
    CHECK(hak_live_clear((void *)addresses[i]) == 0);
  }
}

/* In a unit that is in a slab of this tag. */
static void hold(char *block, size_t tag) {
  hak_live_tag_units((void *)((uintptr_t)block & ~(HAK_UNIT_SIZE - 1)), 1, tag);
  hak_live_set(block, tag);
}

static void each_grain(void) {
  CHECK(hak_live_cover(place, LEAF, HAK_GRAIN_FINE));
  hold(place, 2);
  hold(place + 16, 2);
  hold(place + LEAF - 16, 60);
  CHECK(hak_live_get(place) == 2 && hak_live_get(place + 16) == 2 && hak_live_get(place + LEAF - 16) == 60);
  CHECK(hak_live_get(place + 32) == 0 && hak_live_clear(place + 32) == 0);
  CHECK(hak_live_clear(place) == 2 && hak_live_clear(place) == 0);
  CHECK(hak_live_clear(place + 16) == 2 && hak_live_clear(place + LEAF - 16) == 60);
  char *coarse = place + 24 * (size_t)LEAF;
  CHECK(hak_live_cover(coarse, 2 * (size_t)LEAF, HAK_GRAIN_COARSE));
  for (size_t at = 0; at < 2 * (size_t)LEAF; at += LEAF / 8) hold(coarse + at, 1 + at / (LEAF / 8));
  for (size_t at = 0; at < 2 * (size_t)LEAF; at += LEAF / 8) {
    CHECK(hak_live_get(coarse + at + 63) == 1 + at / (LEAF / 8)); /* one grain, one byte */
    CHECK(hak_live_get(coarse + at + 64) == 0);
    CHECK(hak_live_clear(coarse + at) == 1 + at / (LEAF / 8));
  }
}

/* A byte counts under its slab's tag only, and each of a slab's units has it. */
static void tags_are_the_units(void) {
  char *slab = place + 100 * HAK_UNIT_SIZE;
  hak_live_tag_units(slab, 3, 9);
  char *blocks[] = {slab, slab + HAK_UNIT_SIZE, slab + 3 * HAK_UNIT_SIZE - 16};
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) hak_live_set(blocks[i], 9);
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) CHECK(hak_live_clear(blocks[i]) == 9);
  hak_live_set(slab, 8);
  CHECK(hak_live_clear(slab) == 0 && hak_live_get(slab) == 8);
  hak_live_set(slab, 0);
  hak_live_tag_units(slab, 3, 0);
  CHECK(hak_live_clear(slab) == 0 && hak_live_clear(slab + 3 * HAK_UNIT_SIZE) == 0);
}

static void one_grain_a_leaf(void) {
  CHECK(!hak_live_fits(place, HAK_UNIT_SIZE, HAK_GRAIN_COARSE) && !hak_live_cover(place, HAK_UNIT_SIZE, HAK_GRAIN_COARSE));
  CHECK(hak_live_fits(place + 22 * (size_t)LEAF, 2 * (size_t)LEAF, HAK_GRAIN_FINE)); /* no leaf there yet */
  CHECK(!hak_live_cover(place + 23 * (size_t)LEAF, 2 * (size_t)LEAF, HAK_GRAIN_FINE)); /* the second leaf is coarse */
  CHECK(hak_live_cover(place + HAK_UNIT_SIZE, HAK_UNIT_SIZE, HAK_GRAIN_FINE));
}

/* Every class's blocks start in grains of their own, and `odd` are the bits that none has. */
static void classes_fit_their_grain(void) {
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) {
    size_t grain = (size_t)1 << hak_grain_shift(hak_size_class_grain(c));
    CHECK(hak_size_class_bytes(c) % grain == 0 && hak_size_class_odd(c) == grain - 1);
  }
}

static size_t resident_pages(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  size_t size, resident;
  CHECK(file != NULL && fscanf(file, "%zu %zu", &size, &resident) == 2);
  fclose(file);
  return resident;
}

/* Over the border of two leaves. */
static void pages_go_back(void) {
  char *start = place + LEAF - LEAF / 4;
  size_t size = LEAF / 2;
  CHECK(hak_live_cover(start, size, HAK_GRAIN_FINE));
  size_t before = resident_pages();
  for (size_t at = 0; at < size; at += HAK_UNIT_SIZE) hold(start + at, 7);
  size_t touched = resident_pages();
  for (size_t at = 0; at < size; at += HAK_UNIT_SIZE) CHECK(hak_live_clear(start + at) == 7);
  hak_live_purge(start, size);
  for (size_t at = 0; at < size; at += HAK_UNIT_SIZE) CHECK(hak_live_get(start + at) == 0);
  if (TEST_SANITIZED) return;
  CHECK(touched > before);
  CHECK(resident_pages() - before < (touched - before) / 4 + 64);
}

static void *cover(void *unused) {
  CHECK(hak_live_cover(place + 4 * (size_t)LEAF, 8 * (size_t)LEAF, HAK_GRAIN_FINE));
  return unused;
}

static void threads_cover_one_leaf(void) {
  test_threads(8, cover, NULL, 0);
  hold(place + 5 * (size_t)LEAF, 3);
  CHECK(hak_live_clear(place + 5 * (size_t)LEAF) == 3);
}

static void no_memory(void) {
#if HAK_CHECKED
  hak_os_fail_from(1);
  CHECK(!hak_live_cover(place + 64 * (size_t)LEAF, 16, HAK_GRAIN_FINE));
  hak_os_fail_from(0);
  CHECK(hak_live_cover(place + 64 * (size_t)LEAF, 16, HAK_GRAIN_FINE));
#endif
  CHECK(!hak_live_cover((void *)((uintptr_t)1 << HAK_ADDRESS_BITS), 16, HAK_GRAIN_FINE)); /* beyond every address */
}

static void purge_of_a_held_block(void) {
  hak_live_set(place, 1);
  hak_live_purge(place, HAK_UNIT_SIZE);
}

int main(void) {
  expect_nothing();
  each_grain();
  tags_are_the_units();
  one_grain_a_leaf();
  classes_fit_their_grain();
  expect_nothing();
  pages_go_back();
  threads_cover_one_leaf();
  no_memory();
  if (HAK_CHECKED) test_expect_abort(purge_of_a_held_block, "live: a block is held in memory that is free");
  return 0;
}
