/*
 * L4 guard: what the checked build alone writes, to see whether anybody else does: into free blocks, and behind what was asked
 * for of the blocks that callers hold.
 *
 *     held   | what was asked for | zone: a pattern | size |      free and realloc: it is all there still
 *     free   | a pattern                                    |      malloc: every word of it is there still, or 0
 *
 * 0, because memory is 0 when it comes from the system, for the first time or after a purge. So a write through a stale pointer
 * is found when the block is handed out next, and one that runs over the end of a held block at the end of that block. Room for
 * the zone comes from asking for more; the last word says how much was asked for.
 * It guards the blocks that are in the live map. A huge block ends in no other block, and of a heap of its own the caller has
 * the whole block by contract.
 * The release build neither reads nor writes a block, and asks for what the caller asks for.
 * Threads: whoever holds the block, or frees or allocates it.
 */
#ifndef HAK_GUARD_H
#define HAK_GUARD_H

#include <string.h>

#include "assert.h"
#include "size_class.h"

/* Bytes that are asked for more, the size's own among them. */
#if HAK_CHECKED
extern size_t hak_guard_zone;
#else
enum { hak_guard_zone = 0 };
#endif

/* For tests that count classes and bytes: blocks are what was asked for, as in the release build. Before the first block. */
HAK_INLINE void hak_guard_off(void) {
#if HAK_CHECKED
  hak_guard_zone = 0;
#endif
}

/* What to ask for, for `size` bytes: at least one, so that no block is all zone. */
HAK_INLINE size_t hak_guard_room(size_t size) {
  if (hak_guard_zone == 0 || size > HAK_MAX_SIZE) return size;
  return (size == 0 ? 1 : size) + hak_guard_zone;
}

/* A held block of `bytes` bytes, of which `size` were asked for: closes it behind them. */
void hak_guard_close(void *block, size_t bytes, size_t size);

/* The bytes that were asked for. Aborts where one behind them was written to. */
size_t hak_guard_size(const void *block, size_t bytes);

/* A block comes back: looks behind it, and fills it. */
void hak_guard_fill(void *block, size_t bytes);

/* A block goes out: aborts where it was written to meanwhile. */
void hak_guard_expect(const void *block, size_t bytes);

#endif
