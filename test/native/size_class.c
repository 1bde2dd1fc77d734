/*
 * size_class: the tables say what the rules say, for every class; every request gets the first class that holds it; the
 * reciprocals find the right block for every single offset of every slab.
 */
#include "test.h"

#include "size_class.h"

static const size_t unit = HAK_UNIT_SIZE;

/* The smallest run of units that wastes at most an eighth of itself. */
static size_t units_by_rule(size_t block_size) {
  size_t units = 1;
  while (units * unit < block_size || units * unit % block_size > units * unit / 8) units++;
  return units;
}

static void table_follows_the_rules(void) {
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) {
    const hak_size_class_t *row = &hak_size_classes[c];
    CHECK(row->block_size == hak_size_class_bytes(c));
    CHECK(row->block_size % HAK_MIN_ALIGNMENT == 0);
    CHECK(row->units == units_by_rule(row->block_size));
    CHECK(row->blocks == row->units * unit / row->block_size);
    CHECK(row->blocks >= 1 && row->blocks <= HAK_WORDS_PER_UNIT * 64);
  }
  CHECK(hak_size_class_bytes(HAK_SLAB_CLASSES - 1) == HAK_SLAB_SIZE_MAX);
}

static void reciprocals_are_exact(void) {
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) {
    const hak_size_class_t *row = &hak_size_classes[c];
    for (size_t offset = 0; offset < row->units * unit; offset++)
      CHECK(hak_size_class_index(row->reciprocal, offset) == offset / row->block_size);
  }
}

static void check_size(size_t size) {
  unsigned c = hak_size_class_of(size);
  size_t bytes = hak_size_class_bytes(c);
  CHECK(bytes >= size);
  CHECK(c == 0 || hak_size_class_bytes(c - 1) < size);
  if (size > 128)
    CHECK((bytes - size) * 5 < bytes);
  else
    CHECK(bytes - size < HAK_MIN_ALIGNMENT || size == 0);
}

/* Every size up to 2 MiB, then the surroundings of every class border. */
static void every_size_gets_the_first_class_that_holds_it(void) {
  for (size_t size = 0; size <= 2 * HAK_SLAB_SIZE_MAX; size++) check_size(size);
  for (unsigned c = HAK_SLAB_CLASSES; hak_size_class_bytes(c) < HAK_MAX_SIZE; c++)
    for (size_t near = 0; near < 3; near++) check_size(hak_size_class_bytes(c) + near - 1);
  check_size(HAK_MAX_SIZE);
  CHECK(hak_size_class_of(HAK_SLAB_SIZE_MAX) == HAK_SLAB_CLASSES - 1);
  CHECK(hak_size_class_of(HAK_SLAB_SIZE_MAX + 1) == HAK_SLAB_CLASSES);
}

static void classes_grow(void) {
  for (unsigned c = 1; hak_size_class_bytes(c) <= HAK_MAX_SIZE; c++) {
    CHECK(hak_size_class_bytes(c) > hak_size_class_bytes(c - 1));
    if (c >= HAK_SLAB_CLASSES) CHECK(hak_size_class_bytes(c) % unit == 0);
  }
}

static void check_alignment(size_t size, size_t alignment) {
  unsigned c = hak_size_class_aligned(size, alignment);
  CHECK(hak_size_class_bytes(c) >= size);
  if (alignment > unit) {
    CHECK(c >= HAK_SLAB_CLASSES);
    return;
  }
  CHECK(hak_size_class_bytes(c) % alignment == 0);
  for (unsigned smaller = hak_size_class_of(size); smaller < c; smaller++)
    CHECK(hak_size_class_bytes(smaller) % alignment != 0);
}

static void alignments_get_the_first_multiple(void) {
  for (size_t alignment = 1; alignment <= (size_t)1 << 40; alignment *= 2) {
    for (size_t size = 0; size <= 70000; size += 7) check_alignment(size, alignment);
    for (size_t size = 70000; size <= 4 * HAK_MIB; size += 4093) check_alignment(size, alignment);
    for (unsigned c = 0; c < 80; c++)
      for (size_t near = 0; near < 3; near++) check_alignment(hak_size_class_bytes(c) + near - 1, alignment);
  }
}

int main(void) {
  table_follows_the_rules();
  reciprocals_are_exact();
  every_size_gets_the_first_class_that_holds_it();
  classes_grow();
  alignments_get_the_first_multiple();
  return 0;
}
