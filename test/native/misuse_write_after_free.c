/* misuse: a write through a stale pointer, and one over the end of a block into a free one. The checked build names it. */
#include "test.h"

#include "config.h"

#define WRITTEN "a block was written to after its free"

static size_t size;

static void write_to_freed_block(void) {
  char *block = hak_malloc(size);
  hak_free(block);
  ((volatile char *)block)[size / 2] = 1;
  hak_free(hak_malloc(size));
}

static void run_over_the_end(void) {
  char *block = hak_malloc(size), *next = hak_malloc(size);
  if (next < block) {
    char *first = next;
    next = block;
    block = first;
  }
  hak_free(next);
  for (size_t i = 0; i < 2 * size; i++) ((volatile char *)block)[i] = 'x';
  CHECK(hak_malloc(size) == next);
}

/* The release build has not looked, and has nothing there that could be spoilt. */
static void go_on(void (*misuse)(void)) {
  test_expect_success(misuse);
}

int main(void) {
  const size_t sizes[] = {16, 128, 4096, 32768, 65536};
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    size = sizes[i];
    if (HAK_CHECKED) {
      test_expect_abort(write_to_freed_block, WRITTEN);
      test_expect_abort(run_over_the_end, WRITTEN);
    } else {
      go_on(write_to_freed_block);
      go_on(run_over_the_end);
    }
  }
  return 0;
}
