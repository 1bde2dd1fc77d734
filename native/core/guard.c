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

size_t hak_guard_size(const void *block, size_t bytes) {
  if (hak_guard_zone == 0) return bytes;
  const unsigned char *first = block, *end = (const unsigned char *)size_word(block, bytes);
  size_t size = (size_t)(*size_word(block, bytes) ^ ~ZONE_PATTERN);
  bool sound = size <= bytes - hak_guard_zone;
  for (const unsigned char *byte = first + (sound ? size : 0); sound && byte < end; byte++)
    sound = *byte == (ZONE_PATTERN & 0xff);
  if (!sound) hak_fatal("a block was written to over its end", block);
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
