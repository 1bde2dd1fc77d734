/*
 * giant: blocks of far more than the machine has cost what is touched of them, and no table in proportion to their length; every address
 * inside is known as theirs, and none beside.
 */
#include "test.h"

#include "heap.h"

/* At every unit, or at some of very many. */
static void expect_known(char *block, bool known) {
  size_t size = known ? hak_usable_size(block) : (size_t)64 << 20;
  size_t step = size > (size_t)1 << 30 ? 4001 * HAK_UNIT_SIZE : HAK_UNIT_SIZE;
  for (size_t at = 0; at < size; at += step) CHECK((hak_heap_slab_of(block + at + at % 4093) != NULL) == known);
  hak_block_info_t info;
  CHECK(hak_describe(block, &info) == known && !hak_describe(block + 16, &info) && !hak_describe(block + size / 2, &info));
}

static uint64_t registered(void) {
  static hak_stats_t stats;
  hak_stats_get(&stats);
  CHECK(stats.registry.used == stats.superslab.used);
  return stats.registry.used;
}

/* Sizes about the length of the pieces in which the registry has such blocks, and so alignments of all kinds. */
static void every_unit_is_known(void) {
  char *blocks[40];
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) {
    CHECK((blocks[i] = hak_malloc((size_t)(20 + 11 * i) << 20)) != NULL);
    CHECK(registered() > 0);
  }
  for (size_t i = 0; i < TEST_COUNT(blocks); i++) expect_known(blocks[i], true);
  for (size_t i = 1; i < TEST_COUNT(blocks); i += 2) hak_free(blocks[i]);
  hak_trim();
  for (size_t i = 0; i < TEST_COUNT(blocks); i += 2) expect_known(blocks[i], true);
  for (size_t i = 1; i < TEST_COUNT(blocks); i += 2) CHECK(hak_usable_size(blocks[i]) == 0 && hak_usable_size(blocks[i] + 100000) == 0);
  for (size_t i = 0; i < TEST_COUNT(blocks); i += 2) hak_free(blocks[i]);
  test_expect_quiet();
}

static void the_tables_are_small(void) {
  size_t size = (size_t)1 << (TEST_SANITIZED ? 31 : 40);
  size_t before = test_resident();
  char *block = hak_malloc(size);
  if (block == NULL && errno == ENOMEM) {
    fprintf(stderr, "the system has no addresses for %zu bytes\n", size);
    return;
  }
  size_t after = test_resident();
  fprintf(stderr, "%zu bytes: %zu KiB touched\n", size, (after - before) >> 10);
  if (!TEST_SANITIZED) CHECK(after - before <= HAK_MIB);
  block[0] = block[size / 3] = block[size - 1] = 1;
  expect_known(block, true);
  before = test_resident(); /* what was looked at may have got pages: some systems give them to readers too */
  char *beside = hak_malloc(size / 4); /* the registry grows, and keeps what it knows */
  if (!TEST_SANITIZED) CHECK(test_resident() <= before + HAK_MIB);
  if (beside != NULL) expect_known(beside, true);
  expect_known(block, true);
  hak_free(beside);
  hak_free(block);
  hak_trim();
  expect_known(block, false);
  test_expect_quiet();
}

static size_t offset;

static void free_inside(void) {
  char *block = hak_malloc((size_t)300 << 20);
  hak_free(block + offset);
}

int main(void) {
  every_unit_is_known();
  the_tables_are_small();
  const size_t offsets[] = {16, 1 << 20, 100 << 20, 150 << 20, (300 << 20) - 1};
  for (size_t i = 0; i < TEST_COUNT(offsets); i++) {
    offset = offsets[i];
    test_expect_abort(free_inside, "free of a pointer that is no live block");
  }
  return 0;
}
