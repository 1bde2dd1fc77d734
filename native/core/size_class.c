/*
 * L3 size_class: the tables of size_class.h. Reciprocals: an offset stays below 2^20 and a block is at most 2^20 bytes,
 * so rounding 2^44 / block_size up keeps every quotient exact; test/native/size_class.c tries them all.
 */
#include "size_class.h"

#define ROW(size, units) {(((uint64_t)1 << 44) + (size) - 1) / (size), (size), (units), (uint16_t)((units) * HAK_UNIT_SIZE / (size))}

/* clang-format off */
const hak_size_class_t hak_size_classes[HAK_SLAB_CLASSES] = {
  ROW(16, 1), ROW(32, 1), ROW(48, 1), ROW(64, 1),
  ROW(80, 1), ROW(96, 1), ROW(112, 1), ROW(128, 1),
  ROW(160, 1), ROW(192, 1), ROW(224, 1), ROW(256, 1),
  ROW(320, 1), ROW(384, 1), ROW(448, 1), ROW(512, 1),
  ROW(640, 1), ROW(768, 1), ROW(896, 1), ROW(1024, 1),
  ROW(1280, 1), ROW(1536, 1), ROW(1792, 1), ROW(2048, 1),
  ROW(2560, 1), ROW(3072, 1), ROW(3584, 1), ROW(4096, 1),
  ROW(5120, 1), ROW(6144, 1), ROW(7168, 1), ROW(8192, 1),
  ROW(10240, 1), ROW(12288, 1), ROW(14336, 1), ROW(16384, 1),
  ROW(20480, 1), ROW(24576, 2), ROW(28672, 1), ROW(32768, 1),
  ROW(40960, 2), ROW(49152, 3), ROW(57344, 1), ROW(65536, 1),
  ROW(81920, 4), ROW(98304, 3), ROW(114688, 2), ROW(131072, 2),
  ROW(163840, 5), ROW(196608, 3), ROW(229376, 4), ROW(262144, 4),
  ROW(327680, 5), ROW(393216, 6), ROW(458752, 7), ROW(524288, 8),
  ROW(655360, 10), ROW(786432, 12), ROW(917504, 14), ROW(1048576, 16),
};

const uint8_t hak_size_tag_small[HAK_SIZE_CLASS_MAX_SMALL / 16 + 1] = {
  1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10, 10, 11, 11, 12,
  12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15, 16, 16, 16,
  16, 17, 17, 17, 17, 17, 17, 17, 17, 18, 18, 18, 18, 18, 18, 18,
  18, 19, 19, 19, 19, 19, 19, 19, 19, 20, 20, 20, 20, 20, 20, 20,
  20,
};
/* clang-format on */

/* Every power of two is a class and they come four a doubling, so a multiple is at most four classes away. */
static unsigned first_multiple(unsigned size_class, size_t alignment) {
  while (hak_size_class_bytes(size_class) % alignment != 0) size_class++;
  return size_class;
}

unsigned hak_size_class_aligned(size_t size, size_t alignment) {
  if (alignment <= HAK_MIN_ALIGNMENT) return hak_size_class_of(size);
  if (alignment > HAK_UNIT_SIZE) return hak_size_class_of(size > HAK_SLAB_SIZE_MAX ? size : HAK_SLAB_SIZE_MAX + 1);
  return first_multiple(hak_size_class_of(size > alignment ? size : alignment), alignment);
}
