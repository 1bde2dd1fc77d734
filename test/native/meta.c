/*
 * meta: pieces are zero, aligned, apart from each other, keep their contents when resized, and are used again; threads may come at once;
 * no memory means NULL.
 */
#include "test.h"

#include "meta.h"
#include "os.h"

enum { PIECES = 300, STEPS = 20000, MOST = 100000, THREADS = 4 };

typedef struct piece {
  unsigned char *start;
  size_t size;
} piece_t;

static void expect_bytes(const unsigned char *start, size_t size, unsigned char byte) {
  for (size_t i = 0; i < size; i++) CHECK(start[i] == byte);
}

/* Each piece is filled with its own byte, so an overlap shows when one of the two is given back. */
static void renew(piece_t *piece, unsigned char mark, test_random_t *random) {
  if (piece->start != NULL) expect_bytes(piece->start, piece->size, mark);
  hak_meta_free(piece->start, piece->size);
  piece->size = test_size(random, MOST);
  piece->start = hak_meta_alloc(piece->size);
  CHECK(piece->start != NULL && (uintptr_t)piece->start % 64 == 0);
  expect_bytes(piece->start, piece->size, 0);
  memset(piece->start, mark, piece->size);
}

/* Longer and shorter, within a page and beyond: what is in it comes along. */
static void resize(piece_t *piece, unsigned char mark, test_random_t *random) {
  size_t size = test_size(random, MOST);
  unsigned char *start = hak_meta_resize(piece->start, piece->size, size);
  CHECK(start != NULL && (uintptr_t)start % 64 == 0);
  if (piece->start != NULL) expect_bytes(start, size < piece->size ? size : piece->size, mark);
  memset(start, mark, size);
  *piece = (piece_t){start, size};
}

static void *churn(void *argument) {
  test_random_t *random = argument;
  piece_t pieces[PIECES] = {{NULL, 0}};
  for (int step = 0; step < STEPS / TEST_SLOWER; step++) {
    size_t which = test_below(random, PIECES);
    (test_below(random, 2) == 0 ? renew : resize)(&pieces[which], (unsigned char)(1 + which % 255), random);
  }
  for (size_t i = 0; i < PIECES; i++) hak_meta_free(pieces[i].start, pieces[i].size);
  return NULL;
}

#if HAK_CHECKED
/* With no memory to be had, only recycled pieces can serve. */
static void pieces_are_used_again(void) {
  void *pieces[100];
  for (size_t i = 0; i < 100; i++) CHECK((pieces[i] = hak_meta_alloc(3000)) != NULL);
  for (size_t i = 0; i < 100; i++) hak_meta_free(pieces[i], 3000);
  hak_os_fail_from(1);
  for (size_t i = 0; i < 100; i++) CHECK((pieces[i] = hak_meta_alloc(3000)) != NULL);
  hak_os_fail_from(0);
  for (size_t i = 0; i < 100; i++) hak_meta_free(pieces[i], 3000);
}

static void no_memory_means_null(void) {
  static void *pieces[100000];
  size_t count = 0;
  char *large = hak_meta_alloc(100000), *small = hak_meta_alloc(64);
  CHECK(large != NULL && small != NULL);
  large[99999] = small[63] = 1;
  hak_os_fail_from(1);
  CHECK(hak_meta_alloc(100000) == NULL);
  CHECK(hak_meta_resize(large, 100000, 200000) == NULL && hak_meta_resize(small, 64, 100000) == NULL);
  while ((pieces[count] = hak_meta_alloc(64)) != NULL) count++;
  hak_os_fail_from(0);
  void *piece = hak_meta_alloc(64);
  CHECK(piece != NULL && large[99999] == 1 && small[63] == 1);
  hak_meta_free(piece, 64);
  hak_meta_free(small, 64);
  hak_meta_free(large, 100000);
  while (count > 0) hak_meta_free(pieces[--count], 64);
}
#endif

int main(void) {
  test_random_t random = test_random();
  hak_meta_free(NULL, 64);
  churn(&random);
  test_random_t randoms[THREADS];
  for (size_t i = 0; i < THREADS; i++) randoms[i].state = test_next(&random);
  test_threads(THREADS, churn, randoms, sizeof randoms[0]);
#if HAK_CHECKED
  pieces_are_used_again();
  no_memory_means_null();
#endif
  return 0;
}
