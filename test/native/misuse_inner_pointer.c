/* misuse: free and realloc of a pointer into a block, of a slab and of a mapping of its own. Every build names it at once. */
#include "test.h"

static size_t size, offset;

static void free_inside(void) {
  char *block = hak_malloc(size);
  hak_free(block + offset);
}

static void reallocate_inside(void) {
  char *block = hak_malloc(size);
  (void)hak_realloc(block + offset, size);
}

static void lengthen_inside(void) {
  char *block = hak_malloc(size);
  (void)hak_realloc(block + offset, 3 * size);
}

static void expect_named(size_t block_size, size_t inside) {
  size = block_size;
  offset = inside;
  test_expect_abort(free_inside, "free or realloc of a pointer into a block");
  test_expect_abort(reallocate_inside, "free or realloc of a pointer into a block");
}

static void expect_huge_named(size_t block_size, size_t inside) {
  size = block_size;
  offset = inside;
  test_expect_abort(free_inside, "free of a pointer that is no live block");
  test_expect_abort(reallocate_inside, "free or realloc of a pointer into a block");
  test_expect_abort(lengthen_inside, "free or realloc of a pointer into a block");
}

/* Of a heap of its own; what is asked for fits in place. */
static void reallocate_inside_of_own(void) {
  char *block = hak_heap_malloc(hak_heap_new(), 1000);
  (void)hak_realloc(block + 16, 900);
}

int main(void) {
  expect_named(100, 1);
  expect_named(100, 16);
  expect_named(100, 96);
  expect_named(5000, 64);
  expect_named(65536, 65535);
  expect_named(1000000, 65536);
  expect_huge_named(3000000, 16);
  expect_huge_named(3000000, 4096);
  expect_huge_named(3000000, 2999999);
  test_expect_abort(reallocate_inside_of_own, "free or realloc of a pointer into a block");
  return 0;
}
