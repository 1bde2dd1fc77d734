/*
 * L2 live: which blocks callers hold, for the blocks that pass through threads' caches: a byte for every grain of their chunks,
 * which all lie in one region of addresses.
 *
 *     region   | ... coarse chunks <- | -> fine chunks ... |        addresses only; region.c gives them out
 *     tags     | two bytes a unit of 64 KiB                |        the tag of the slab that it is in, and the mark of the heap that
 *                                                                   owns the slab: eight bits, never 0; 0: in none
 *     bytes    | one a grain                               |        the same tag while a caller holds the block that starts in
 *                                                                   this grain; else 0
 *
 * malloc writes the byte, free compares it with the unit's tag and clears it: so a free tells a live block from everything that is
 * none: NULL, another allocator's address, a pointer into a block, a block that was freed before.
 * A free could have the tag from the byte alone, but a random block's byte is seldom in the first cache, and everything that the
 * thread does with its bins would wait for it. The units' tags are few and always there; the byte is only compared, and the
 * processor goes on meanwhile: a quarter of larson's time.
 * The mark tells free whether the block is likely the thread's own (tcache.h says what for). Two of 256 heaps have the same one, and a slab
 * may have been lent a moment ago: it is a hint. Each heap has the whereabouts of the tags at hand, and its mark (hak_live_own_t).
 * A pointer into the block's first grain finds the block: its bin knows that no block starts there (hak_size_class_odd).
 * The map is as exact as its callers' order: of two frees at the very same moment both may see the block alive; the flush
 * finds the second.
 *
 * A grain is as long as the start of a block needs: sixteen bytes for the small classes, 64 for the others and the multiples of 64. What
 * a random block's byte costs is a cache line, and a line of the coarse map has four times the blocks. Each grain has one half of the region,
 * so that a class tells where the bytes of its blocks are (the bins keep it as an entry), and so does an address.
 *
 * The region has four times as many addresses as the machine has memory, or as many as the process may have, for each grain; the
 * map over it is reserved at once, opened by the chunk, and given back by the page: the system gives memory to what was written.
 * Invariant: the bytes of a unit that is on no slab are 0; the checked build looks when it purges.
 * Threads: any. The bytes are relaxed: whoever passes a block to another thread orders that himself, and with it the byte.
 * Source: the shadow memory of AddressSanitizer (Serebryany et al. 2012), holding the bin in place of poison.
 */
#ifndef HAK_LIVE_H
#define HAK_LIVE_H

#include "atomic.h"

/* How a chunk's blocks stand in the map: not at all, or in grains of sixteen or of 64 bytes. */
typedef enum hak_grain { HAK_GRAIN_NONE, HAK_GRAIN_FINE, HAK_GRAIN_COARSE, HAK_GRAINS } hak_grain_t;

/* log2 of a grain's bytes. */
HAK_INLINE unsigned hak_grain_shift(hak_grain_t grain) {
  return 2 + 2 * (unsigned)grain;
}

/* Each free of another heap's block reads it: so nothing that is written lies on its line. */
typedef struct hak_live {
  _Atomic size_t units;  /* of the region; 0: there is none yet. Released when the rest is set; pairs with the acquires in hak_live_clear and
                            hak_live_tracks */
  _Atomic uintptr_t first_unit; /* the region's first address, in units. Relaxed: without `units` it says nothing */
  size_t half;           /* units of the coarse half, which comes first */
  _Atomic uint16_t *tags; /* of that unit */
  uintptr_t entries[HAK_GRAINS];
} __attribute__((aligned(HAK_CACHE_LINE))) hak_live_t;
extern hak_live_t hak_live;

/* Where the bytes of a grain are: the address of the first, less what the first address is when shifted, so that a byte's place is one
   addition. The low six bits are the shift, as the address is chosen to make them. */
HAK_INLINE uintptr_t hak_live_entry(hak_grain_t grain) {
  return hak_live.entries[grain];
}

HAK_INLINE _Atomic uint8_t *hak_live_byte(uintptr_t entry, const void *block) {
  return (_Atomic uint8_t *)(entry + ((uintptr_t)block >> (entry & 63)));
}

/* Any address's number in the region's units; what is not in the region has one that is not below `units`. */
HAK_INLINE size_t hak_live_unit(const void *address) {
  return ((uintptr_t)address >> HAK_UNIT_SHIFT) - hak_load_relaxed(&hak_live.first_unit);
}

/* The entry of the half that a unit lies in. */
HAK_INLINE uintptr_t hak_live_entry_of(size_t unit) {
  return hak_live.entries[unit < hak_live.half ? HAK_GRAIN_COARSE : HAK_GRAIN_FINE];
}

HAK_INLINE _Atomic uint8_t *hak_live_byte_in(size_t unit, const void *block) {
  return hak_live_byte(hak_live_entry_of(unit), block);
}

/* Marks a block of a covered chunk as held, in a slab of this tag, by its class's entry. */
HAK_INLINE void hak_live_set(uintptr_t entry, const void *block, size_t tag) {
  hak_store_relaxed(hak_live_byte(entry, block), (uint8_t)tag);
}

#define HAK_LIVE_TAG_MASK ((size_t)0xff)

/* What a unit's tag has beside the slab's: of the heap with this number. Never 0, which is of units in no slab. */
HAK_INLINE size_t hak_live_mark(uint32_t number) {
  return (size_t)(1 + number % 255) << 8;
}

/* The block that starts in an address's grain is held no longer, if it was one of the tag. @return whether it was. */
HAK_INLINE bool hak_live_clear_tagged(uintptr_t entry, const void *address, size_t tag) {
  _Atomic uint8_t *byte = hak_live_byte(entry, address);
  if (HAK_UNLIKELY(hak_load_relaxed(byte) != (uint8_t)tag)) return false;
  hak_store_relaxed(byte, 0);
  return true;
}

/* The tag of the held block that starts in any address's grain, which is held no longer; 0 where none does. */
HAK_INLINE size_t hak_live_clear(const void *address) {
  size_t units = hak_load_acquire(&hak_live.units), unit = hak_live_unit(address);
  if (HAK_UNLIKELY(unit >= units)) return 0;
  size_t tag = hak_load_relaxed(&hak_live.tags[unit]) & HAK_LIVE_TAG_MASK;
  if (HAK_UNLIKELY(tag == 0)) return 0; /* maybe not covered: no memory */
  return hak_live_clear_tagged(hak_live_entry_of(unit), address, tag) ? tag : 0;
}

/* Whether an address lies in a slab whose blocks are here while they are held; elsewhere the map may have no memory. */
HAK_INLINE bool hak_live_tracks(const void *address) {
  size_t units = hak_load_acquire(&hak_live.units), unit = hak_live_unit(address);
  return unit < units && hak_load_relaxed(&hak_live.tags[unit]) != 0;
}

/* As hak_live_clear, and it stays held. */
HAK_INLINE size_t hak_live_get(const void *address) {
  return hak_live_tracks(address) ? hak_load_relaxed(hak_live_byte_in(hak_live_unit(address), address)) : 0;
}

/* What a heap has at hand to know its own blocks by: the same as in hak_live, and its mark. Zero bytes know none. */
typedef struct hak_live_own {
  uintptr_t first_unit;
  size_t units;
  _Atomic uint16_t *tags;
  size_t mark;
  size_t half;
  uintptr_t coarse, fine; /* entries */
} hak_live_own_t;

/* Of the heap with this number; the map is there. */
hak_live_own_t hak_live_own(uint32_t number);

/* hak_live_unit. */
HAK_INLINE size_t hak_live_own_unit(const hak_live_own_t *own, const void *address) {
  return ((uintptr_t)address >> HAK_UNIT_SHIFT) - own->first_unit;
}

/* The tag of the slab that any address lies in; more than HAK_LIVE_TAG_MASK where it is none, or not the heap's. */
HAK_INLINE size_t hak_live_own_tag(const hak_live_own_t *own, const void *address) {
  size_t unit = hak_live_own_unit(own, address);
  return HAK_LIKELY(unit < own->units) ? hak_load_relaxed(&own->tags[unit]) ^ own->mark : SIZE_MAX;
}

/* The entry of the half that an address of the region lies in. The bin has it too, but a free writes to the byte, and until its address is
   known the processor holds the loads of the next free back: by the bin glibc-simple took 1.6 times as long. */
HAK_INLINE uintptr_t hak_live_own_entry(const hak_live_own_t *own, const void *address) {
  return hak_live_own_unit(own, address) < own->half ? own->coarse : own->fine;
}

/* Reserves the region's map. @return false: no memory. Again, or by one thread at a time: region.c. */
bool hak_live_start(void);

/* The first address of a grain's half of the region; and how many bytes of each half are in use, counted from the middle. */
uintptr_t hak_live_half(hak_grain_t grain);
size_t hak_live_half_size(void);

/* Where the process may have fewer addresses than before, as by a limit that it set itself, the halves shrink to what that leaves them,
   but not below `used` bytes from the middle. Under the region's lock. */
void hak_live_fit(size_t used);

/* Has bytes for a chunk in its grain's half. @return false: no memory. */
bool hak_live_cover(const void *start, size_t size, hak_grain_t grain);

/* Gives the units of a slab their tag, mark included, or takes it away by 0. Covered before. Relaxed: a thread that holds a block of the
   slab learnt of it after this, and before it ends no thread does; the mark is a hint. */
void hak_live_tag_units(const void *start, size_t units, size_t tag);

/* Aborts where a block is held between the two addresses. Whole units; covered before. */
void hak_live_check(const void *start, size_t size);

/* Gives the bytes' memory back. They are all 0, and 0 they stay. Whole units; covered before. */
void hak_live_purge(const void *start, size_t size);

#endif
