/* L0 bits: bit tricks by their usual names. None is defined for 0 unless it says so. */
#ifndef HAK_BITS_H
#define HAK_BITS_H

#include "config.h"

HAK_INLINE unsigned hak_ctz(uint64_t x) {
  return (unsigned)__builtin_ctzll(x);
}
HAK_INLINE unsigned hak_popcount(uint64_t x) {
  return (unsigned)__builtin_popcountll(x);
}
HAK_INLINE unsigned hak_log2(uint64_t x) {
  return 63u - (unsigned)__builtin_clzll(x);
}
HAK_INLINE bool hak_is_power_of_two(size_t x) {
  return x != 0 && (x & (x - 1)) == 0;
}
/* `to` is a power of two. */
HAK_INLINE size_t hak_round_up(size_t x, size_t to) {
  return (x + to - 1) & ~(to - 1);
}
/* The lowest `count` bits set; count 0 to 64. */
HAK_INLINE uint64_t hak_low_bits(unsigned count) {
  return count >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1;
}

#endif
