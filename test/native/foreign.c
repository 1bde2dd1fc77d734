/* hak_set_foreign: blocks of another allocator are freed and reallocated through it; what is nobody's is still named. */
#include "test.h"

#include <errno.h>

/* The other allocator: one block at a time, between two words that nobody else touches. */
static _Alignas(16) char other[256];
static bool held;
static size_t freed;

static bool is_others(const void *block) {
  return block == other + 16 && held;
}

static size_t other_usable_size(const void *block) {
  return is_others(block) ? 200 : 0;
}

static bool other_free(void *block) {
  if (!is_others(block)) return false;
  held = false;
  freed++;
  return true;
}

static const hak_foreign_t foreign = {other_usable_size, other_free};

static char *other_malloc(void) {
  CHECK(!held);
  held = true;
  memset(other + 16, 0x77, 200);
  return other + 16;
}

static void free_is_passed_on(void) {
  hak_free(other_malloc());
  CHECK(freed == 1 && !held);
  CHECK(hak_usable_size(other_malloc()) == 0); /* ours alone are known */
  hak_free(other + 16);
}

static void realloc_moves_over(size_t size) {
  unsigned char *block = hak_realloc(other_malloc(), size);
  CHECK(block != NULL && hak_usable_size(block) >= size && !held);
  for (size_t i = 0; i < size && i < 200; i++) CHECK(block[i] == 0x77);
  hak_free(block);
}

static void a_realloc_that_fails_leaves_it(void) {
  char *block = other_malloc();
  errno = 0;
  CHECK(hak_realloc(block, SIZE_MAX / 2) == NULL && errno == ENOMEM && held && block[199] == 0x77);
  hak_free(block);
}

static void free_nobodys(void) {
  hak_free(other);
}
static void reallocate_nobodys(void) {
  (void)hak_realloc(other, 10);
}
static void free_others_twice(void) {
  hak_free(other_malloc());
  hak_free(other + 16);
}

int main(void) {
  hak_set_foreign(&foreign);
  free_is_passed_on();
  realloc_moves_over(1);
  realloc_moves_over(200);
  realloc_moves_over(5000000);
  a_realloc_that_fails_leaves_it();
  test_expect_abort(free_nobodys, "free of a pointer that is none of ours");
  test_expect_abort(reallocate_nobodys, "realloc of a pointer that is none of ours");
  test_expect_abort(free_others_twice, "free of a pointer that is none of ours");
  hak_set_foreign(NULL);
  held = true;
  test_expect_abort(free_nobodys, "free of a pointer that is none of ours");
  return 0;
}
