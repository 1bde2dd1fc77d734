/*
 * L3 size_class: which block a request gets.
 *
 *     bytes    16 32 48 ... 128 | 160 192 224 256 | 320 384 448 512 | ...   four classes a doubling, without end
 *     class     0  1  2      7  |   8   9  10  11 |  12  13  14  15 | ...
 *
 * Worst waste inside a block: 20%. Classes below HAK_SLAB_CLASSES (up to 1 MiB) live in slabs, the others are huge.
 * A slab is the smallest run of units that wastes at most an eighth of itself behind its last block.
 * The TypeScript twin is lib/size-class.ts.
 */
#ifndef HAK_SIZE_CLASS_H
#define HAK_SIZE_CLASS_H

#include "bits.h"
#include "live.h"

/* The geometry of one slab class. */
typedef struct hak_size_class {
  uint64_t reciprocal; /* 2^44 / block_size, rounded up: offset / block_size is a multiplication */
  uint32_t block_size;
  uint16_t units;
  uint16_t blocks;
} hak_size_class_t;

extern const hak_size_class_t hak_size_classes[HAK_SLAB_CLASSES];

#define HAK_SIZE_CLASS_MAX_SMALL 1024
/* Tags, that is classes + 1, by the size in sixteenths: see tcache.h. */
extern const uint8_t hak_size_tag_small[HAK_SIZE_CLASS_MAX_SMALL / 16 + 1];

#define HAK_SLAB_SIZE_MAX HAK_MIB

/* size > 128. */
HAK_INLINE unsigned hak_size_class_above(size_t size) {
  size_t last = size - 1;
  unsigned octave = hak_log2(last);
  return 8 + (octave - 7) * 4 + (unsigned)((last >> (octave - 2)) & 3);
}

/* The class of a request; may be a huge one. */
HAK_INLINE unsigned hak_size_class_of(size_t size) {
  if (HAK_LIKELY(size <= HAK_SIZE_CLASS_MAX_SMALL)) return hak_size_tag_small[(size + 15) / 16] - 1u;
  return hak_size_class_above(size);
}

/* Bytes of each block of a class. */
HAK_INLINE size_t hak_size_class_bytes(unsigned size_class) {
  if (size_class < 8) return (size_t)(size_class + 1) * 16;
  return (size_t)(5 + ((size_class - 8) & 3)) << (5 + ((size_class - 8) >> 2));
}

/* The class of a request aligned so, a power of two. Beyond a unit only huge blocks are, and beyond HAK_CHUNK_ALIGNMENT those that
   were made so. */
unsigned hak_size_class_aligned(size_t size, size_t alignment);

/* Blocks of 64, 128 and 192 bytes, and all from 256 on, start at multiples of 64: one in a coarse grain. */
HAK_INLINE hak_grain_t hak_size_class_grain(unsigned size_class) {
  return size_class < 11 && hak_size_class_bytes(size_class) % 64 != 0 ? HAK_GRAIN_FINE : HAK_GRAIN_COARSE;
}

/* Address bits that no block of a class has. */
HAK_INLINE uintptr_t hak_size_class_odd(unsigned size_class) {
  return ((uintptr_t)1 << hak_grain_shift(hak_size_class_grain(size_class))) - 1;
}

/* Whether a block of the class can start at an address, which may lie behind a start in its grain. */
HAK_INLINE bool hak_size_class_starts_at(unsigned size_class, const void *address) {
  return ((uintptr_t)address & hak_size_class_odd(size_class)) == 0;
}

/* Whether a line of the live map has several of the class's blocks. */
HAK_INLINE bool hak_size_class_shares_lines(unsigned size_class) {
  return size_class < 27; /* of less than 64 coarse grains */
}

/* Which block of a slab starts at `offset`, or the one that `offset` lies in; by its class's reciprocal. */
HAK_INLINE uint32_t hak_size_class_index(uint64_t reciprocal, size_t offset) {
  return (uint32_t)((offset * reciprocal) >> 44);
}

#endif
