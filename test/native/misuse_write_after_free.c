/* misuse: a write through a stale pointer. The checked build names it when the block is handed out next. */
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

int main(void) {
  const size_t sizes[] = {16, 128, 4096, 32768, 65536};
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    size = sizes[i];
    if (HAK_CHECKED)
      test_expect_abort(write_to_freed_block, WRITTEN);
    else
      test_expect_success(write_to_freed_block); /* it has not looked, and has nothing there that could be spoilt */
  }
  return 0;
}
