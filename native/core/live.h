/*
 * L2 live: which blocks callers hold, for the blocks that pass through threads' caches: a byte for every grain of their chunks.
 *
 *     root[address >> 28] -> tags[address >> 16]        the tag of the slab that this unit is in; 0: in none
 *                         -> bytes[address >> shift]    the same tag while a caller holds the block that starts in this grain;
 *                                                       else 0
 *
 * malloc writes the byte, free compares it with the unit's tag and clears it: so a free tells a live block from everything that is
 * none: NULL, another allocator's address, a pointer into a block, a block that was freed before.
 * A free could have the tag from the byte alone, but a random block's byte is seldom in the first cache, and everything that the
 * thread does with its bins would wait for it. The units' tags are few and always there; the byte is only compared, and the
 * processor goes on meanwhile: a quarter of larson's time.
 * A pointer into the block's first grain finds the block: its bin knows that no block starts there (hak_size_class_odd).
 * The map is as exact as its callers' order: of two frees at the very same moment both may see the block alive; the flush
 * finds the second.
 *
 * A grain is as long as the start of a block needs: sixteen bytes for the small classes, 64 for the others. What a random
 * block's byte costs is a cache line, and a line of the coarse map has four times the blocks. A leaf has one grain; a chunk
 * that does not find a leaf of its own grain at its address is mapped elsewhere (chunk.c).
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
#define HAK_LIVE_LEAVES ((size_t)1 << (HAK_ADDRESS_BITS - HAK_LIVE_LEAF_SHIFT))

/* How a chunk's blocks stand in the map: not at all, or in grains of sixteen or of 64 bytes. */
typedef enum hak_grain { HAK_GRAIN_NONE, HAK_GRAIN_FINE, HAK_GRAIN_COARSE, HAK_GRAINS } hak_grain_t;

/* log2 of a grain's bytes. */
HAK_INLINE unsigned hak_grain_shift(hak_grain_t grain) {
  return 2 + 2 * (unsigned)grain;
}

/* Addresses of a leaf's two tables, each less what the first address under the leaf is when shifted, so that an entry's place is
   one addition; their low six bits are the bytes' shift, as the tables' addresses are chosen to make them. 0: no leaf.
   Both are released by hak_live_cover, the tags first; `bytes` pairs with the acquire in hak_live_leaf. */
typedef struct hak_leaf {
  _Atomic uintptr_t bytes, tags;
} hak_leaf_t;
extern hak_leaf_t hak_live_root[HAK_LIVE_LEAVES];

/* The leaf's bytes for any address; 0: no chunk is near. */
HAK_INLINE uintptr_t hak_live_leaf(const void *address) {
  size_t leaf = (uintptr_t)address >> HAK_LIVE_LEAF_SHIFT;
  return HAK_LIKELY(leaf < HAK_LIVE_LEAVES) ? hak_load_acquire(&hak_live_root[leaf].bytes) : 0;
}

HAK_INLINE _Atomic uint8_t *hak_live_byte(uintptr_t bytes, const void *address) {
  return (_Atomic uint8_t *)(bytes + ((uintptr_t)address >> (bytes & 63)));
}

/* Of an address under a leaf. Relaxed tags: they were there before its bytes. */
HAK_INLINE _Atomic uint8_t *hak_live_tag(const void *address) {
  uintptr_t tags = hak_load_relaxed(&hak_live_root[(uintptr_t)address >> HAK_LIVE_LEAF_SHIFT].tags);
  return (_Atomic uint8_t *)(tags + ((uintptr_t)address >> HAK_UNIT_SHIFT));
}

/* The tag of the held block that starts in the address's grain, which is held no longer; 0 where none does. */
HAK_INLINE size_t hak_live_clear(const void *block) {
  uintptr_t bytes = hak_live_leaf(block);
  if (HAK_UNLIKELY(bytes == 0)) return 0;
  _Atomic uint8_t *byte = hak_live_byte(bytes, block);
  size_t tag = hak_load_relaxed(hak_live_tag(block));
  if (HAK_UNLIKELY(hak_load_relaxed(byte) != tag)) return 0;
  hak_store_relaxed(byte, 0);
  return tag;
}

/* The same, and it stays held. */
HAK_INLINE size_t hak_live_get(const void *block) {
  uintptr_t bytes = hak_live_leaf(block);
  return bytes == 0 ? 0 : hak_load_relaxed(hak_live_byte(bytes, block));
}

/* Marks a block of a covered chunk as held, in a slab of this tag. Relaxed root: the chunk was covered before the block was taken. */
HAK_INLINE void hak_live_set(const void *block, size_t tag) {
  uintptr_t bytes = hak_load_relaxed(&hak_live_root[(uintptr_t)block >> HAK_LIVE_LEAF_SHIFT].bytes);
  hak_store_relaxed(hak_live_byte(bytes, block), (uint8_t)tag);
}

/* Gives the units of a slab their tag, or takes it away by 0. Covered before. Relaxed: a thread that holds a block of the slab learnt
   of it after this, and before it ends no thread does. */
void hak_live_tag_units(const void *start, size_t units, size_t tag);

/* Whether no leaf over a chunk has another grain. */
bool hak_live_fits(const void *start, size_t size, hak_grain_t grain);

/* Has bytes for a chunk. @return false: no memory, or it does not fit. */
bool hak_live_cover(const void *start, size_t size, hak_grain_t grain);

/* Aborts where a block is held between the two addresses. Whole units; covered before. */
void hak_live_check(const void *start, size_t size);

/* Gives the bytes' memory back. They are all 0, and 0 they stay. Whole units; covered before. */
void hak_live_purge(const void *start, size_t size);

#endif
