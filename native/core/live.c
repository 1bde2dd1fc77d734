/* L2 live: see live.h. */
#include "live.h"

#include <string.h>

#include "assert.h"
#include "bits.h"
#include "os.h"

hak_live_t hak_live;
static _Atomic size_t half_size; /* what of a half is in use, from the middle. Relaxed: it changes under the region's lock */

/* Addresses that a grain's half has for each byte of memory: chunks leave gaps, and units without memory keep theirs. */
#define ADDRESSES_A_BYTE 4
#define HALF_MIN (64 * HAK_MIB)
#define HALF_MAX ((size_t)1 << 44) /* of 47 bits that processes have */

/* A power of two. */
static size_t half_wanted(void) {
  size_t memory = hak_os_memory(), half = HALF_MIN;
  while (half < HALF_MAX && half / ADDRESSES_A_BYTE < memory && half < hak_os_addresses()) half *= 2;
  return half;
}

/* The mapping: half a page | tags | bytes of the coarse half | room | bytes of the fine one | room. The room is for the low bits of the
   entries, by which the bytes lie behind where they would; the half page has the first tags of both halves lie in one. */
#define ROOM ((size_t)HAK_CACHE_LINE)

static size_t tags_size(size_t half) {
  return hak_round_up(hak_os_page_size() / 2 + 2 * half / HAK_UNIT_SIZE * sizeof *hak_live.tags, hak_os_page_size());
}
static size_t bytes_of(size_t memory, hak_grain_t grain) {
  return memory >> hak_grain_shift(grain);
}
static size_t map_size(size_t half) {
  size_t bytes = bytes_of(half, HAK_GRAIN_COARSE) + ROOM + bytes_of(half, HAK_GRAIN_FINE) + ROOM;
  return tags_size(half) + hak_round_up(bytes, hak_os_page_size());
}

static uintptr_t entry_of(const char *bytes, uintptr_t first_address, hak_grain_t grain) {
  return (uintptr_t)bytes - bytes_of(first_address, grain) + hak_grain_shift(grain);
}

/* The system maps downwards, and what it maps next shall not lie in the region. Not where addresses are few: the registry's window has to
   span the gap. */
static size_t gap_to(size_t half, uintptr_t below) {
  bool plenty = hak_os_addresses() == SIZE_MAX && below / 4 > half + HAK_REGION_GAP;
  return plenty ? HAK_REGION_GAP : 0;
}

/* Below the map, where there is room wherever the system maps downwards; else above it. */
static uintptr_t region_beside(const char *map, size_t half) {
  uintptr_t below = (uintptr_t)map & ~(HAK_CHUNK_ALIGNMENT - 1);
  if (below / 4 <= half) return hak_round_up((uintptr_t)map + map_size(half), HAK_CHUNK_ALIGNMENT);
  return below - gap_to(half, below) - 2 * half;
}

static void lay_out(char *map, size_t half) {
  uintptr_t start = region_beside(map, half);
  char *coarse = map + tags_size(half), *fine = coarse + bytes_of(half, HAK_GRAIN_COARSE) + ROOM;
  hak_store_relaxed(&hak_live.first_unit, start / HAK_UNIT_SIZE);
  hak_live.half = half / HAK_UNIT_SIZE;
  hak_store_relaxed(&half_size, half);
  hak_live.tags = (_Atomic uint16_t *)(map + hak_os_page_size() / 2);
  hak_live.entries[HAK_GRAIN_COARSE] = entry_of(coarse, start, HAK_GRAIN_COARSE);
  hak_live.entries[HAK_GRAIN_FINE] = entry_of(fine, start + half, HAK_GRAIN_FINE);
  hak_store_release(&hak_live.units, 2 * half / HAK_UNIT_SIZE); /* pairs with the acquires in live.h */
}

static bool reserve(size_t half) {
  char *map = hak_os_reserve(map_size(half));
  if (map == NULL) return false;
  bool opened = hak_os_open(map, tags_size(half));
  if (opened)
    lay_out(map, half);
  else
    hak_os_unmap(map, map_size(half));
  return opened;
}

bool hak_live_start(void) {
  if (hak_load_acquire(&hak_live.units) != 0) return true;
  size_t half = half_wanted();
  while (!reserve(half))
    if ((half /= 2) < HALF_MIN) return false;
  return true;
}

hak_live_own_t hak_live_own(uint32_t number) {
  size_t units = hak_load_acquire(&hak_live.units);
  uintptr_t coarse = hak_live_entry(HAK_GRAIN_COARSE), fine = hak_live_entry(HAK_GRAIN_FINE);
  return (hak_live_own_t){hak_load_relaxed(&hak_live.first_unit), units, hak_live.tags, hak_live_mark(number), hak_live.half, coarse, fine};
}

size_t hak_live_half_size(void) {
  return hak_load_relaxed(&half_size);
}

/* The bytes of the addresses from `first` to `end`, as far as they fill OS pages. */
static void unmap_bytes(hak_grain_t grain, uintptr_t first, uintptr_t end) {
  uintptr_t page = hak_os_page_size(), entry = hak_live_entry(grain);
  uintptr_t from = hak_round_up((uintptr_t)hak_live_byte(entry, (void *)first), page);
  uintptr_t to = (uintptr_t)hak_live_byte(entry, (void *)end) & ~(page - 1);
  if (from < to) hak_os_unmap((void *)from, to - from);
}

void hak_live_fit(size_t used) {
  size_t half = hak_live_half_size(), wanted = half_wanted();
  while (wanted < used) wanted *= 2;
  if (wanted >= half) return;
  hak_store_relaxed(&half_size, wanted);
  uintptr_t middle = hak_live_half(HAK_GRAIN_FINE);
  unmap_bytes(HAK_GRAIN_COARSE, middle - half, middle - wanted);
  unmap_bytes(HAK_GRAIN_FINE, middle + wanted, middle + half);
}

uintptr_t hak_live_half(hak_grain_t grain) {
  return hak_load_relaxed(&hak_live.first_unit) * HAK_UNIT_SIZE + (grain == HAK_GRAIN_FINE ? hak_live.half * HAK_UNIT_SIZE : 0);
}

static hak_grain_t grain_at(const void *address) {
  return hak_live_unit(address) < hak_live.half ? HAK_GRAIN_COARSE : HAK_GRAIN_FINE;
}

static char *bytes_at(const void *address) {
  return (char *)hak_live_byte_in(hak_live_unit(address), address);
}

bool hak_live_cover(const void *start, size_t size, hak_grain_t grain) {
  uintptr_t page = hak_os_page_size(), bytes = (uintptr_t)bytes_at(start), first = bytes & ~(page - 1);
  HAK_ASSERT(grain_at(start) == grain);
  return hak_os_open((void *)first, hak_round_up(bytes + bytes_of(size, grain) - first, page));
}

void hak_live_tag_units(const void *start, size_t units, size_t tag) {
  _Atomic uint16_t *tags = hak_live.tags + hak_live_unit(start);
  for (size_t unit = 0; unit < units; unit++) hak_store_relaxed(&tags[unit], (uint16_t)tag);
}

void hak_live_check(const void *start, size_t size) {
  const char *bytes = bytes_at(start);
  /* All are 0: the first one is, and each is as the one before. */
  if (bytes[0] != 0 || memcmp(bytes, bytes + 1, bytes_of(size, grain_at(start)) - 1) != 0)
    hak_fatal("live: a block is held in memory that is free", start);
}

/* What does not fill OS pages stays. */
void hak_live_purge(const void *start, size_t size) {
  uintptr_t page = hak_os_page_size(), bytes = (uintptr_t)bytes_at(start);
  if (HAK_CHECKED) hak_live_check(start, size);
  uintptr_t first = hak_round_up(bytes, page), behind = (bytes + bytes_of(size, grain_at(start))) & ~(page - 1);
  if (first < behind) hak_os_purge((void *)first, behind - first);
}
