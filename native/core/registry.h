/*
 * L2 registry: which slab an address belongs to, for everything the core hands out.
 *
 *     address >> 16 ->  [ base ... base + count )   one entry a unit: slab pointer | tag
 *                         a window over the addresses in use; it doubles when an address lies outside
 *     address >> 26 ->  the same for pieces of 1024 units that lie within one huge block: so a block of 1 TiB is entered by
 *                         some 18,000 words and not by 16 million. Its first unit, and what no piece fills, is in the first map
 *
 * An entry is a slab's address (aligned to 64) with a tag in its low six bits; 0 is "not mine".
 * Look-ups take no lock and answer "not mine" for any address whatever.
 * Invariant: a thread that rightly holds a block sees the window that has its entry, for it learnt of the block after
 * the window was published. Older windows stay mapped for readers that still look into them; together they are smaller
 * than the present one. A window shrinks by the page: OS pages whose entries have all been removed go back, and read as zero,
 * that is as "not mine", when a look-up comes by.
 * Threads: look-up any; changes take the registry's own lock.
 */
#ifndef HAK_REGISTRY_H
#define HAK_REGISTRY_H

#include "atomic.h"

#define HAK_REGISTRY_TAG_MASK ((uintptr_t)63)

/* log2 of the bytes of a piece. */
#define HAK_PIECE_SHIFT 26
#define HAK_PIECE_UNITS ((size_t)1 << (HAK_PIECE_SHIFT - HAK_UNIT_SHIFT))

typedef struct hak_registry_window {
  uintptr_t base; /* number of the unit, or piece, of entries[0] */
  size_t count;
  size_t bytes; /* of the mapping */
  uint16_t *filled; /* for each OS page of the mapping: how many entries are set in it, and whether it was ever written since
                       it went back; behind the entries; under the lock */
  _Atomic uintptr_t entries[];
} hak_registry_window_t;

/* Released by grow() when the new window is filled; pairs with the acquire in hak_registry_get. Never NULL. */
extern _Atomic(hak_registry_window_t *) hak_registry_window;

/* The entry of an address by its piece; what hak_registry_get asks where the unit has none. */
uintptr_t hak_registry_get_piece(const void *address);

/* The entry for any address. Relaxed entry: the slab behind it was written before its block was handed to the caller. */
HAK_INLINE uintptr_t hak_registry_get(const void *address) {
  hak_registry_window_t *window = hak_load_acquire(&hak_registry_window);
  uintptr_t at = ((uintptr_t)address >> HAK_UNIT_SHIFT) - window->base;
  uintptr_t entry = HAK_LIKELY(at < window->count) ? hak_load_relaxed(&window->entries[at]) : 0;
  return HAK_LIKELY(entry != 0) ? entry : hak_registry_get_piece(address);
}

/* Makes room for an address range, of a huge block or of slabs, so that hak_registry_set can't fail on it. @return false: no memory. */
bool hak_registry_cover(const void *start, size_t units, bool huge);

/* Enters, or with entry 0 removes, `units` units from `start` on; covered before. */
void hak_registry_set(const void *start, size_t units, uintptr_t entry);

/* The same for the whole of a huge block. */
void hak_registry_set_huge(const void *start, size_t units, uintptr_t entry);

/* Gives the pages back that have been emptied since the last time. */
void hak_registry_shrink(void);

typedef struct hak_registry_stats {
  uint64_t capacity, used, grown, shrunk; /* entries, entries, windows, pages */
} hak_registry_stats_t;
void hak_registry_stats_get(hak_registry_stats_t *stats);

/* Aborts where counts differ from the entries. */
void hak_registry_check(void);

/* Around fork: the child gets the lock open. */
void hak_registry_lock(void);
void hak_registry_unlock(void);

#endif
