/* L2 bitmap: see bitmap.h. Everything goes a word at a time. */
#include "bitmap.h"

#include "assert.h"

/* The part of word `word` that lies in [first, first + count). */
static uint64_t range_mask(size_t word, size_t first, size_t count) {
  size_t low = word * 64;
  size_t from = first > low ? first - low : 0;
  size_t to = first + count - low;
  if (to > 64) to = 64;
  return hak_low_bits((unsigned)to) & ~hak_low_bits((unsigned)from);
}

void hak_bitmap_set_range(uint64_t *map, size_t first, size_t count) {
  for (size_t word = first / 64; word * 64 < first + count; word++) map[word] |= range_mask(word, first, count);
}

void hak_bitmap_clear_range(uint64_t *map, size_t first, size_t count) {
  for (size_t word = first / 64; word * 64 < first + count; word++) map[word] &= ~range_mask(word, first, count);
}

size_t hak_bitmap_count_range(const uint64_t *map, size_t first, size_t count) {
  size_t sum = 0;
  for (size_t word = first / 64; word * 64 < first + count; word++)
    sum += hak_popcount(map[word] & range_mask(word, first, count));
  return sum;
}

size_t hak_bitmap_count(const uint64_t *map, size_t bits) {
  return hak_bitmap_count_range(map, 0, bits);
}

/* `flip` is all ones to look for clear bits, 0 to look for set ones. */
static size_t next(const uint64_t *map, size_t bits, size_t from, uint64_t flip) {
  if (from >= bits) return bits;
  size_t word = from / 64;
  uint64_t rest = (map[word] ^ flip) & ~hak_low_bits((unsigned)(from % 64));
  while (rest == 0) {
    if (++word * 64 >= bits) return bits;
    rest = map[word] ^ flip;
  }
  size_t bit = word * 64 + hak_ctz(rest);
  return bit < bits ? bit : bits;
}

size_t hak_bitmap_next_set(const uint64_t *map, size_t bits, size_t from) {
  return next(map, bits, from, 0);
}

size_t hak_bitmap_next_clear(const uint64_t *map, size_t bits, size_t from) {
  return next(map, bits, from, ~(uint64_t)0);
}

size_t hak_bitmap_find_run(const uint64_t *map, size_t bits, size_t length) {
  size_t start = hak_bitmap_next_set(map, bits, 0);
  while (start < bits) {
    size_t end = hak_bitmap_next_clear(map, bits, start);
    if (end - start >= length) return start;
    start = hak_bitmap_next_set(map, bits, end);
  }
  return bits;
}

size_t hak_bitmap_longest_run(const uint64_t *map, size_t bits) {
  size_t longest = 0;
  size_t start = hak_bitmap_next_set(map, bits, 0);
  while (start < bits) {
    size_t end = hak_bitmap_next_clear(map, bits, start);
    if (end - start > longest) longest = end - start;
    start = hak_bitmap_next_set(map, bits, end);
  }
  return longest;
}

void hak_bitmap_check(const uint64_t *map, size_t bits) {
  if (bits % 64 != 0 && (map[bits / 64] & ~hak_low_bits((unsigned)(bits % 64))) != 0)
    hak_fatal("bitmap: a bit beyond the last", map);
}
