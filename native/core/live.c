/* L2 live: see live.h. */
#include "live.h"

#include "assert.h"
#include "bits.h"
#include "os.h"

_Atomic uintptr_t hak_live_root[HAK_LIVE_LEAVES];

/* Behind the leaf's own bytes there is room for its start to have the low bits that the root's entry wants. */
static size_t leaf_bytes(unsigned shift) {
  return ((size_t)1 << (HAK_LIVE_LEAF_SHIFT - shift)) + hak_os_page_size();
}

static bool cover_leaf(size_t leaf, unsigned shift) {
  uintptr_t entry = hak_load_acquire(&hak_live_root[leaf]); /* pairs with the release below */
  if (entry != 0) return (entry & 63) == shift;
  void *bytes = hak_os_map(leaf_bytes(shift), hak_os_page_size());
  if (bytes == NULL) return false;
  uintptr_t made = (uintptr_t)bytes + shift - (leaf << (HAK_LIVE_LEAF_SHIFT - shift));
  /* Release: whoever sees the leaf sees it mapped; pairs with the acquire above and in hak_live_leaf. */
  if (hak_cas_strong_release(&hak_live_root[leaf], &entry, made)) return true;
  hak_os_unmap(bytes, leaf_bytes(shift)); /* another thread was faster */
  return (hak_load_acquire(&hak_live_root[leaf]) & 63) == shift;
}

static size_t last_leaf(const void *start, size_t size) {
  return ((uintptr_t)start + size - 1) >> HAK_LIVE_LEAF_SHIFT;
}

bool hak_live_fits(const void *start, size_t size, hak_grain_t grain) {
  size_t last = last_leaf(start, size);
  if (last >= HAK_LIVE_LEAVES) return false;
  for (size_t leaf = (uintptr_t)start >> HAK_LIVE_LEAF_SHIFT; leaf <= last; leaf++) {
    uintptr_t entry = hak_load_relaxed(&hak_live_root[leaf]);
    if (entry != 0 && (entry & 63) != hak_grain_shift(grain)) return false;
  }
  return true;
}

bool hak_live_cover(const void *start, size_t size, hak_grain_t grain) {
  size_t last = last_leaf(start, size);
  if (last >= HAK_LIVE_LEAVES) return false;
  for (size_t leaf = (uintptr_t)start >> HAK_LIVE_LEAF_SHIFT; leaf <= last; leaf++)
    if (!cover_leaf(leaf, hak_grain_shift(grain))) return false;
  return true;
}

static void check_clear(const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (bytes[i] != 0) hak_fatal("live: a block is held in memory that is free", bytes + i);
}

/* Of the bytes for addresses under one leaf. What does not fill OS pages stays. */
static void purge_in_leaf(uintptr_t from, size_t size) {
  uintptr_t page = hak_os_page_size();
  uintptr_t leaf = hak_live_leaf((void *)from);
  uint8_t *bytes = (uint8_t *)hak_live_byte(leaf, (void *)from);
  size_t count = size >> (leaf & 63);
  if (HAK_CHECKED) check_clear(bytes, count);
  uintptr_t first = hak_round_up((uintptr_t)bytes, page);
  uintptr_t behind = ((uintptr_t)bytes + count) & ~(page - 1);
  if (first < behind) hak_os_purge((void *)first, behind - first);
}

/* A chunk may lie under two leaves: they are mappings of their own. */
void hak_live_purge(const void *start, size_t size) {
  for (uintptr_t from = (uintptr_t)start, end = from + size, next; from < end; from = next) {
    next = hak_round_up(from + 1, (uintptr_t)1 << HAK_LIVE_LEAF_SHIFT);
    if (next > end) next = end;
    purge_in_leaf(from, next - from);
  }
}
