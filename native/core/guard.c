/* L4 guard: see guard.h. */
#include "guard.h"

#if HAK_CHECKED

#define FREE_PATTERN ((uint64_t)0xdedededededededeu)
#define ZONE_PATTERN ((uint64_t)0xbdbdbdbdbdbdbdbdu)

/* A pattern of a few bytes, and the size. */
size_t hak_guard_zone = 2 * sizeof(uint64_t);

/* The last word: the size, so that neither 0 nor the pattern can be taken for one of a block that has room for it. */
static uint64_t *size_word(const void *block, size_t bytes) {
  return (uint64_t *)((uintptr_t)block + bytes) - 1;
}

void hak_guard_close(void *block, size_t bytes, size_t size) {
  if (hak_guard_zone == 0) return;
  HAK_ASSERT(size + hak_guard_zone <= bytes);
  memset((char *)block + size, (int)(ZONE_PATTERN & 0xff), bytes - size);
  *size_word(block, bytes) = size ^ ~ZONE_PATTERN;
}

/* Each byte is the pattern's: the first one is, and each is as the one before. */
static bool is_zone(const unsigned char *zone, size_t bytes) {
  return zone[0] == (ZONE_PATTERN & 0xff) && memcmp(zone, zone + 1, bytes - 1) == 0;
}

size_t hak_guard_size(const void *block, size_t bytes) {
  if (hak_guard_zone == 0) return bytes;
  size_t size = (size_t)(*size_word(block, bytes) ^ ~ZONE_PATTERN);
  if (size > bytes - hak_guard_zone || !is_zone((const unsigned char *)block + size, bytes - sizeof(uint64_t) - size))
    hak_fatal("a block was written to over its end", block);
  return size;
}

void hak_guard_fill(void *block, size_t bytes) {
  hak_guard_size(block, bytes);
  memset(block, (int)(FREE_PATTERN & 0xff), bytes);
}

void hak_guard_expect(const void *block, size_t bytes) {
  const uint64_t *words = block;
  for (size_t i = 0; i < bytes / sizeof *words; i++)
    if (words[i] != FREE_PATTERN && words[i] != 0) hak_fatal("a block was written to after its free", &words[i]);
}

#endif
