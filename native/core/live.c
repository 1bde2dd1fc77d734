/* L2 live: see live.h. */
#include "live.h"

#include <string.h>

#include "assert.h"
#include "bits.h"
#include "os.h"

hak_leaf_t hak_live_root[HAK_LIVE_LEAVES];

/* A leaf: tags, then bytes; behind them there is room for both to have the low bits that the root's entries want. */
#define TAGS_BYTES ((size_t)1 << (HAK_LIVE_LEAF_SHIFT - HAK_UNIT_SHIFT))

static size_t leaf_bytes(unsigned shift) {
  return hak_round_up(TAGS_BYTES + ((size_t)1 << (HAK_LIVE_LEAF_SHIFT - shift)) + 64, hak_os_page_size());
}

/* The entry of the tags says where the leaf is, and its shift: whoever sees it can make the other, and all make the same. */
static uintptr_t bytes_entry(size_t leaf, uintptr_t tags) {
  return tags + (leaf << (HAK_LIVE_LEAF_SHIFT - HAK_UNIT_SHIFT)) + TAGS_BYTES - (leaf << (HAK_LIVE_LEAF_SHIFT - (tags & 63)));
}

/* @return the entry of the leaf's tags; 0: no memory. */
static uintptr_t make_leaf(size_t leaf, unsigned shift) {
  void *start = hak_os_map(leaf_bytes(shift), hak_os_page_size());
  if (start == NULL) return 0;
  uintptr_t entry = 0, made = (uintptr_t)start + shift - (leaf << (HAK_LIVE_LEAF_SHIFT - HAK_UNIT_SHIFT));
  /* Release: whoever sees the leaf sees it mapped; pairs with the acquires here and in cover_leaf. */
  if (hak_cas_strong_release(&hak_live_root[leaf].tags, &entry, made)) return made;
  hak_os_unmap(start, leaf_bytes(shift)); /* another thread was faster */
  return hak_load_acquire(&hak_live_root[leaf].tags);
}

static bool cover_leaf(size_t leaf, unsigned shift) {
  uintptr_t tags = hak_load_acquire(&hak_live_root[leaf].tags);
  if (tags == 0) tags = make_leaf(leaf, shift);
  if (tags == 0) return false;
  hak_store_release(&hak_live_root[leaf].bytes, bytes_entry(leaf, tags)); /* pairs with the acquire in hak_live_leaf */
  return (tags & 63) == shift;
}

static size_t last_leaf(const void *start, size_t size) {
  return ((uintptr_t)start + size - 1) >> HAK_LIVE_LEAF_SHIFT;
}

bool hak_live_fits(const void *start, size_t size, hak_grain_t grain) {
  size_t last = last_leaf(start, size);
  if (last >= HAK_LIVE_LEAVES) return false;
  for (size_t leaf = (uintptr_t)start >> HAK_LIVE_LEAF_SHIFT; leaf <= last; leaf++) {
    uintptr_t entry = hak_load_relaxed(&hak_live_root[leaf].tags);
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

void hak_live_tag_units(const void *start, size_t units, size_t tag) {
  for (size_t unit = 0; unit < units; unit++)
    hak_store_relaxed(hak_live_tag((const char *)start + unit * HAK_UNIT_SIZE), (uint8_t)tag);
}

/* The bytes of `size` bytes of memory, up to the end of the leaf that they start in: leaves are mappings of their own. */
typedef struct piece {
  uint8_t *bytes;
  size_t count;
  uintptr_t end; /* where the memory ends that they are for */
} piece_t;

static piece_t piece_at(uintptr_t from, size_t size) {
  uintptr_t next = hak_round_up(from + 1, (uintptr_t)1 << HAK_LIVE_LEAF_SHIFT);
  if (next > from + size) next = from + size;
  uintptr_t leaf = hak_live_leaf((const void *)from);
  piece_t piece = {(uint8_t *)hak_live_byte(leaf, (const void *)from), (next - from) >> (leaf & 63), next};
  return piece;
}

void hak_live_check(const void *start, size_t size) {
  for (uintptr_t from = (uintptr_t)start, end = from + size; from < end;) {
    piece_t piece = piece_at(from, end - from);
    /* All are 0: the first one is, and each is as the one before. */
    if (piece.bytes[0] != 0 || memcmp(piece.bytes, piece.bytes + 1, piece.count - 1) != 0)
      hak_fatal("live: a block is held in memory that is free", (const void *)from);
    from = piece.end;
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
    from = piece.end;
  }
}
