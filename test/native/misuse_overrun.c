/*
 * misuse: a write over the end of a block that is held, by one byte or through the next block, or before the start of one. The
 * checked build names it when the block that was left behind comes back: free and realloc, in whatever thread. All that was asked for, and
 * all that hak_usable_size says, may be written.
 */
#include "test.h"

#include "config.h"

#define OVERRUN "a block was written to over its end"

static size_t size;
static volatile char *block, *next; /* neighbours; `next` is held too */

/* The lower one of two neighbours first. */
static void take_two(void) {
  char *one = hak_malloc(size), *other = hak_malloc(size);
  block = one < other ? one : other;
  next = one < other ? other : one;
}

static void write_over_the_end(size_t bytes) {
  for (size_t i = 0; i < bytes; i++) block[size + i] = 'x';
}

static void by_one_byte(void) {
  take_two();
  write_over_the_end(1);
  hak_free((void *)block);
}

static void through_the_next_block(void) {
  take_two();
  write_over_the_end((size_t)(next - block));
  hak_free((void *)block);
}

static void before_the_start(void) {
  take_two();
  next[-1] = 'x';
  hak_free((void *)block);
}

/* The zone as 0 and as its own pattern look like no size. */
static void with_zeros(void) {
  take_two();
  for (size_t i = size; i < (size_t)(next - block); i++) block[i] = 0;
  hak_free((void *)block);
}

static void found_by_realloc(void) {
  take_two();
  write_over_the_end(1);
  (void)hak_realloc((void *)block, size);
}

static void found_by_growing(void) {
  take_two();
  write_over_the_end(1);
  (void)hak_realloc((void *)block, 2 * size);
}

static void *free_it_here(void *unused) {
  hak_free((void *)block);
  return unused;
}

static void found_in_another_thread(void) {
  take_two();
  write_over_the_end(1);
  test_threads(1, free_it_here, NULL, 0);
}

static void found_in_a_batch(void) {
  take_two();
  write_over_the_end(1);
  void *both[] = {(void *)next, (void *)block};
  hak_free_batch(both, 2);
}

static void after_realloc(void) {
  take_two();
  size_t grown = size + size / 2;
  block = hak_realloc((void *)block, grown);
  block[grown] = 'x';
  hak_free((void *)block);
}

static void of_an_aligned_block(void) {
  block = hak_aligned_alloc(256, size);
  write_over_the_end(1);
  hak_free((void *)block);
}

static void of_a_zeroed_block(void) {
  block = hak_calloc(1, size);
  write_over_the_end(1);
  hak_free((void *)block);
}

/* ---- no misuse ---- */

static void *written(void *one, size_t at_least) {
  size_t usable = hak_usable_size(one);
  CHECK(one != NULL && usable >= at_least);
  memset(one, 'y', usable);
  return one;
}

static void all_that_is_usable_may_be_written(void) {
  for (size = 0; size < 3000000; size += 1 + size / 5) {
    hak_free(written(hak_malloc(size), size));
    hak_free(written(hak_calloc(1, size), size));
    hak_free(written(hak_aligned_alloc(64, size), size));
    void *one = written(hak_malloc(size), size);
    one = written(hak_realloc(one, size + size / 8), size + size / 8); /* in place, where the block allows */
    one = written(hak_realloc(one, size / 2 + 1), size / 2 + 1);
    hak_free(written(hak_realloc(one, 4 * size), 4 * size));
  }
}

static void (*const misuses[])(void) = {by_one_byte,      through_the_next_block, before_the_start,    with_zeros,
                                        found_by_realloc, found_by_growing,       found_in_a_batch,    found_in_another_thread,
                                        after_realloc,    of_an_aligned_block,    of_a_zeroed_block};

int main(void) {
  const size_t sizes[] = {1, 16, 24, 100, 128, 1000, 4096, 32768, 65536, 300000};
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    size = sizes[i];
    for (size_t m = 0; m < TEST_COUNT(misuses); m++)
      if (HAK_CHECKED)
        test_expect_abort(misuses[m], OVERRUN);
      else
        test_expect_success(misuses[m]); /* it has not looked, and has nothing there that could be spoilt */
  }
  test_expect_success(all_that_is_usable_may_be_written);
  return 0;
}
