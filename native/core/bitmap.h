/*
 * L2 bitmap: sets of small integers in 64-bit words, for free units and free blocks.
 *
 *     word 0                 word 1
 *     bit 0 ........ bit 63  bit 64 ...
 *
 * The caller owns the words. Threads: one at a time, as the structure around it says.
 */
#ifndef HAK_BITMAP_H
#define HAK_BITMAP_H

#include "bits.h"

HAK_INLINE size_t hak_bitmap_words(size_t bits) {
  return (bits + 63) / 64;
}
HAK_INLINE bool hak_bitmap_get(const uint64_t *map, size_t bit) {
  return (map[bit / 64] >> (bit % 64)) & 1;
}

/* Sets or clears the `count` bits from `first` on. */
void hak_bitmap_set_range(uint64_t *map, size_t first, size_t count);
void hak_bitmap_clear_range(uint64_t *map, size_t first, size_t count);

/* How many of the `bits` first bits are set; how many of a range. */
size_t hak_bitmap_count(const uint64_t *map, size_t bits);
size_t hak_bitmap_count_range(const uint64_t *map, size_t first, size_t count);

/* The first set, or clear, bit at or after `from`; `bits` where there is none. */
size_t hak_bitmap_next_set(const uint64_t *map, size_t bits, size_t from);
size_t hak_bitmap_next_clear(const uint64_t *map, size_t bits, size_t from);

/* The start of the first run of at least `length` set bits, or `bits`. */
size_t hak_bitmap_find_run(const uint64_t *map, size_t bits, size_t length);

/* The length of the longest run of set bits. */
size_t hak_bitmap_longest_run(const uint64_t *map, size_t bits);

/* Aborts where a bit beyond the last is set. */
void hak_bitmap_check(const uint64_t *map, size_t bits);

#endif
