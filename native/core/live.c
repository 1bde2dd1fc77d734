/* L2 live: see live.h. */
#include "live.h"

#include <string.h>

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

/* The bytes of `size` bytes of memory, up to the end of the leaf that they start in: leaves are mappings of their own. */
typedef struct piece {
  uint8_t *bytes;
  size_t count;
} piece_t;

static piece_t piece_at(uintptr_t from, size_t size) {
  uintptr_t next = hak_round_up(from + 1, (uintptr_t)1 << HAK_LIVE_LEAF_SHIFT);
  if (next > from + size) next = from + size;
  uintptr_t offset = from >> HAK_LIVE_SHIFT;
  piece_t piece = {(uint8_t *)(hak_live_base(offset) + offset), (next - from) >> HAK_LIVE_SHIFT};
  return piece;
}

void hak_live_check(const void *start, size_t size) {
  for (uintptr_t from = (uintptr_t)start, end = from + size; from < end;) {
    piece_t piece = piece_at(from, end - from);
    /* All are 0: the first one is, and each is as the one before. */
    if (piece.bytes[0] != 0 || memcmp(piece.bytes, piece.bytes + 1, piece.count - 1) != 0)
      hak_fatal("live: a block is held in memory that is free", (const void *)from);
    from += piece.count << HAK_LIVE_SHIFT;
  }
}

/* What does not fill OS pages stays. */
void hak_live_purge(const void *start, size_t size) {
  uintptr_t page = hak_os_page_size();
  if (HAK_CHECKED) hak_live_check(start, size);
  for (uintptr_t from = (uintptr_t)start, end = from + size; from < end;) {
    piece_t piece = piece_at(from, end - from);
    uintptr_t first = hak_round_up((uintptr_t)piece.bytes, page);
    uintptr_t behind = ((uintptr_t)piece.bytes + piece.count) & ~(page - 1);
    if (first < behind) hak_os_purge((void *)first, behind - first);
    from += piece.count << HAK_LIVE_SHIFT;
  }
}
