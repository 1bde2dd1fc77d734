/* misuse: free and realloc of what another allocator, the stack or nobody owns. Any build names it, and faults on none. */
#include "test.h"

static void *foreign;

static void free_foreign(void) {
  hak_free(foreign);
}

static void free_foreign_later(void) {
  hak_free(hak_malloc(100)); /* now there is a registry to look into */
  hak_free(foreign);
}

static void reallocate_foreign(void) {
  (void)hak_realloc(foreign, 100);
}

int main(void) {
  int on_stack = 0;
  void *on_heap = malloc(100);
  void *pointers[] = {&on_stack, on_heap, (void *)16, (void *)UINTPTR_MAX, (void *)0xffff800000000000,
                      (void *)((uintptr_t)1 << 46)};
  for (size_t i = 0; i < TEST_COUNT(pointers); i++) {
    foreign = pointers[i];
    test_expect_abort(free_foreign, "free of a pointer that is none of ours");
    test_expect_abort(free_foreign_later, "free of a pointer that is none of ours");
    test_expect_abort(reallocate_foreign, "realloc of a pointer that is none of ours");
  }
  free(on_heap);
  return 0;
}
