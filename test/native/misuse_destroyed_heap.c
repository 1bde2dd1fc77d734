/* misuse: free of a block whose heap was destroyed. Its memory is nobody's any more, pinned or not. */
#include "test.h"

static size_t size;
static bool pinned;

static void free_after_destroy(void) {
  hak_heap_t *heap = hak_heap_new();
  void *block = hak_heap_malloc(heap, size);
  if (pinned) hak_pin(block);
  hak_heap_destroy(heap);
  hak_free(block);
}

int main(void) {
  const size_t sizes[] = {16, 5000, 1 << 20, 3000000};
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    size = sizes[i];
    for (int pin = 0; pin < 2; pin++) {
      pinned = pin != 0;
      test_expect_abort(free_after_destroy, "free of a pointer that is none of ours");
    }
  }
  return 0;
}
