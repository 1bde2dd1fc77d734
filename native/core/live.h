/*
 * L2 live: which blocks callers hold, for the blocks that pass through threads' caches: a byte for every sixteen bytes
 * of their chunks.
 *
 *     root[address >> 28] -> leaf[address >> 4]     the tag of the block that starts here while a caller holds it; else 0
 *
 * malloc writes the byte, free reads it and clears it. So one load gives a free its bin, and the same load tells a live block
 * from everything that is none: NULL, another allocator's address, a pointer into a block, a block that was freed before.
 * The map is as exact as its callers' order: of two frees at the very same moment both may see the block alive; the flush
 * finds the second.
 *
 * It grows by the leaf and shrinks by the page: a leaf is mapped when a chunk lies under it and stays, untouched where nothing
 * is; the pages of chunks and units that go back go back too.
 * Invariant: the bytes of a unit that is on no slab are 0; the checked build looks when it purges.
 * Threads: any. The bytes are relaxed: whoever passes a block to another thread orders that himself, and with it the byte.
 * Source: the shadow memory of AddressSanitizer (Serebryany et al. 2012), holding the bin in place of poison.
 */
#ifndef HAK_LIVE_H
#define HAK_LIVE_H

#include "atomic.h"

/* User space ends here on every system we know, unless a program asks for more by hint. */
#define HAK_ADDRESS_BITS 48
#define HAK_LIVE_LEAF_SHIFT 28 /* log2 of the bytes of memory under a leaf */
#define HAK_LIVE_SHIFT 4       /* log2 of the bytes of memory under a byte of it */

/* Of each leaf its address, less the offset that the first address under it has in a map without leaves: so that a byte's
   place is one addition. 0: no leaf. Released by hak_live_cover; pairs with the acquire in hak_live_base. */
extern _Atomic uintptr_t hak_live_root[(size_t)1 << (HAK_ADDRESS_BITS - HAK_LIVE_LEAF_SHIFT)];

/* Where an address stands in the map, rotated and not shifted: an odd address lies beyond every leaf. */
HAK_INLINE uintptr_t hak_live_offset(const void *address) {
  uintptr_t bits = (uintptr_t)address;
  return bits >> HAK_LIVE_SHIFT | bits << (64 - HAK_LIVE_SHIFT);
}

/* The root's entry for an offset; 0: no chunk is near. */
HAK_INLINE uintptr_t hak_live_base(uintptr_t offset) {
  size_t leaf = offset >> (HAK_LIVE_LEAF_SHIFT - HAK_LIVE_SHIFT);
  bool inside = leaf < sizeof hak_live_root / sizeof hak_live_root[0];
  return HAK_LIKELY(inside) ? hak_load_acquire(&hak_live_root[leaf]) : 0;
}

/* The tag of a held block, which is held no longer; 0 for every other address. */
HAK_INLINE size_t hak_live_clear(const void *block) {
  uintptr_t offset = hak_live_offset(block);
  uintptr_t base = hak_live_base(offset);
  if (HAK_UNLIKELY(base == 0)) return 0;
  _Atomic uint8_t *byte = (_Atomic uint8_t *)(base + offset);
  size_t tag = hak_load_relaxed(byte);
  hak_store_relaxed(byte, 0);
  return tag;
}

/* The tag of a held block; 0 for every other address. */
HAK_INLINE size_t hak_live_get(const void *block) {
  uintptr_t offset = hak_live_offset(block);
  uintptr_t base = hak_live_base(offset);
  return base == 0 ? 0 : hak_load_relaxed((_Atomic uint8_t *)(base + offset));
}

/* Marks a block of a covered chunk as held. Relaxed root: the chunk was covered before the block was taken. */
HAK_INLINE void hak_live_set(const void *block, size_t tag) {
  uintptr_t offset = (uintptr_t)block >> HAK_LIVE_SHIFT;
  uintptr_t base = hak_load_relaxed(&hak_live_root[offset >> (HAK_LIVE_LEAF_SHIFT - HAK_LIVE_SHIFT)]);
  hak_store_relaxed((_Atomic uint8_t *)(base + offset), (uint8_t)tag);
}

/* Has bytes for a chunk. @return false: no memory. */
bool hak_live_cover(const void *start, size_t size);

/* Aborts where a block is held between the two addresses. Whole units; covered before. */
void hak_live_check(const void *start, size_t size);

/* Gives the bytes' memory back. They are all 0, and 0 they stay. Whole units; covered before. */
void hak_live_purge(const void *start, size_t size);

#endif
