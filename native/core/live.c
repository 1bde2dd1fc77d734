/* L2 live: see live.h. */
#include "live.h"

#include "assert.h"
#include "bits.h"
#include "os.h"

_Atomic uintptr_t hak_live_root[(size_t)1 << (HAK_ADDRESS_BITS - HAK_LIVE_LEAF_SHIFT)];

enum { LEAF_BYTES = 1 << (HAK_LIVE_LEAF_SHIFT - HAK_LIVE_SHIFT) };

static bool cover_leaf(size_t leaf) {
  if (hak_load_acquire(&hak_live_root[leaf]) != 0) return true; /* pairs with the release below */
  void *bytes = hak_os_map(LEAF_BYTES, hak_os_page_size());
  if (bytes == NULL) return false;
  uintptr_t none = 0;
  /* Release: whoever sees the leaf sees it mapped; pairs with the acquire above and in hak_live_base. */
  if (!hak_cas_strong_release(&hak_live_root[leaf], &none, (uintptr_t)bytes - leaf * LEAF_BYTES))
    hak_os_unmap(bytes, LEAF_BYTES); /* another thread was faster */
  return true;
}

bool hak_live_cover(const void *start, size_t size) {
  size_t last = ((uintptr_t)start + size - 1) >> HAK_LIVE_LEAF_SHIFT;
  if (last >= sizeof hak_live_root / sizeof hak_live_root[0]) return false;
  for (size_t leaf = (uintptr_t)start >> HAK_LIVE_LEAF_SHIFT; leaf <= last; leaf++)
    if (!cover_leaf(leaf)) return false;
  return true;
}

static void check_clear(const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (bytes[i] != 0) hak_fatal("live: a block is held in memory that is free", bytes + i);
}

/* A chunk may lie under two leaves: they are mappings of their own. What does not fill OS pages stays. */
void hak_live_purge(const void *start, size_t size) {
  uintptr_t page = hak_os_page_size();
  for (uintptr_t from = (uintptr_t)start, end = from + size, next; from < end; from = next) {
    next = hak_round_up(from + 1, (uintptr_t)1 << HAK_LIVE_LEAF_SHIFT);
    if (next > end) next = end;
    uint8_t *bytes = (uint8_t *)(hak_live_base(from >> HAK_LIVE_SHIFT) + (from >> HAK_LIVE_SHIFT));
    size_t count = (next - from) >> HAK_LIVE_SHIFT;
    if (HAK_CHECKED) check_clear(bytes, count);
    uintptr_t first = hak_round_up((uintptr_t)bytes, page);
    uintptr_t behind = ((uintptr_t)bytes + count) & ~(page - 1);
    if (first < behind) hak_os_purge((void *)first, behind - first);
  }
}
