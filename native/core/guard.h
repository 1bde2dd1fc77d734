/*
 * L4 guard: the checked build alone writes into free blocks, to see whether anybody else does.
 *
 *     free:   the block is filled with a pattern         malloc: every word of it is the pattern still, or 0
 *
 * 0, because memory is 0 when it comes from the system, for the first time or after a purge. So a write through a stale pointer,
 * or one that runs over the end of a block into a free one, is found when the block is handed out next.
 * The release build neither reads nor writes a free block.
 * Threads: whoever frees or allocates the block.
 */
#ifndef HAK_GUARD_H
#define HAK_GUARD_H

#include <string.h>

#include "assert.h"
#include "size_class.h"

#define HAK_GUARD_PATTERN ((uint64_t)0xdedededededededeu)

HAK_INLINE void hak_guard_fill(void *block, size_t size) {
  memset(block, (int)(HAK_GUARD_PATTERN & 0xff), size);
}

HAK_INLINE void hak_guard_expect(const void *block, size_t size) {
  const uint64_t *words = block;
  for (size_t i = 0; i < size / sizeof *words; i++)
    if (words[i] != HAK_GUARD_PATTERN && words[i] != 0) hak_fatal("a block was written to after its free", &words[i]);
}

#endif
