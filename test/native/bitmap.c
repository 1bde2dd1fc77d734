/*
 * bitmap: every function against a naive model, an array of bytes, over random maps of random length. Some bits behind
 * the last one are set too; nobody may count, find or change them.
 */
#include "test.h"

#include "bitmap.h"

enum { MOST = 700, ROUNDS = 3000 };

typedef struct pair {
  size_t bits;
  uint64_t map[MOST / 64 + 2];
  unsigned char model[MOST + 1];
} pair_t;

static size_t model_next(const pair_t *pair, size_t from, unsigned wanted) {
  while (from < pair->bits && pair->model[from] != wanted) from++;
  return from < pair->bits ? from : pair->bits;
}

static size_t model_count(const pair_t *pair, size_t first, size_t count) {
  size_t sum = 0;
  for (size_t i = first; i < first + count; i++) sum += pair->model[i];
  return sum;
}

/* The run of set bits that starts exactly at `start`. */
static size_t model_run(const pair_t *pair, size_t start) {
  size_t length = 0;
  while (start + length < pair->bits && pair->model[start + length] != 0) length++;
  return length;
}

static size_t model_find(const pair_t *pair, size_t length) {
  for (size_t start = 0; start < pair->bits; start++)
    if (model_run(pair, start) >= length) return start;
  return pair->bits;
}

static size_t model_longest(const pair_t *pair) {
  size_t longest = 0;
  for (size_t start = 0; start < pair->bits; start++)
    if (model_run(pair, start) > longest) longest = model_run(pair, start);
  return longest;
}

static void change(pair_t *pair, test_random_t *random) {
  size_t first = test_below(random, pair->bits + 1);
  size_t count = test_below(random, test_below(random, pair->bits - first + 1) + 1);
  bool set = test_below(random, 2) != 0;
  memset(pair->model + first, set, count);
  if (set)
    hak_bitmap_set_range(pair->map, first, count);
  else
    hak_bitmap_clear_range(pair->map, first, count);
}

static void compare(const pair_t *pair, test_random_t *random) {
  size_t bits = pair->bits;
  for (size_t i = 0; i < bits; i++) CHECK(hak_bitmap_get(pair->map, i) == pair->model[i]);
  for (size_t i = bits; i < sizeof pair->map * 8; i++) CHECK(hak_bitmap_get(pair->map, i) == (i % 3 == 0));
  CHECK(hak_bitmap_count(pair->map, bits) == model_count(pair, 0, bits));
  CHECK(hak_bitmap_longest_run(pair->map, bits) == model_longest(pair));
  size_t from = test_below(random, bits + 1), count = test_below(random, bits - from + 1);
  CHECK(hak_bitmap_count_range(pair->map, from, count) == model_count(pair, from, count));
  CHECK(hak_bitmap_next_set(pair->map, bits, from) == model_next(pair, from, 1));
  CHECK(hak_bitmap_next_clear(pair->map, bits, from) == model_next(pair, from, 0));
  size_t length = 1 + test_below(random, 80);
  CHECK(hak_bitmap_find_run(pair->map, bits, length) == model_find(pair, length));
}

/* Whole words at both ends of the array must survive changes of their neighbours. */
static void words_around_stay(void) {
  uint64_t map[3] = {0, 0, 0};
  hak_bitmap_set_range(map + 1, 0, 64);
  CHECK(map[0] == 0 && map[1] == ~(uint64_t)0 && map[2] == 0);
  map[0] = map[2] = ~(uint64_t)0;
  hak_bitmap_clear_range(map + 1, 0, 64);
  CHECK(map[0] == ~(uint64_t)0 && map[1] == 0 && map[2] == ~(uint64_t)0);
}

int main(void) {
  test_random_t random = test_random();
  words_around_stay();
  for (int round = 0; round < ROUNDS / TEST_SLOWER; round++) {
    pair_t pair = {.bits = 1 + test_below(&random, MOST)};
    for (size_t bit = pair.bits; bit < sizeof pair.map * 8; bit++)
      if (bit % 3 == 0) hak_bitmap_set_range(pair.map, bit, 1);
    for (int step = 0; step < 12; step++) {
      change(&pair, &random);
      compare(&pair, &random);
    }
  }
  return 0;
}
