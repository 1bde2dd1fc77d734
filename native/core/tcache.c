/* L4 tcache: see tcache.h. */
#include "tcache.h"

#include <string.h>

#include "assert.h"
#include "meta.h"
#include "options.h"
#include "registry.h"

/* A bin starts with a few KiB of blocks, in numbers between 1 and 64. */
static uint16_t first_capacity(unsigned size_class) {
  uint64_t count = hak_option(hak_option_tcache_bin_bytes) / hak_size_class_bytes(size_class);
  return count < 1 ? 1 : count > 64 ? 64 : (uint16_t)count;
}

void hak_tcache_init(hak_tcache_t *tcache) {
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++) {
    hak_bin_t *bin = hak_tcache_bin(tcache, c);
    bin->first = first_capacity(c);
    bin->live = hak_live_entry(hak_size_class_grain(c));
    bin->odd = (uint16_t)hak_size_class_odd(c);
  }
}

static void count_capacity(hak_tcache_t *tcache, unsigned size_class, uint32_t before, uint32_t after) {
  tcache->capacity_bytes += after * hak_size_class_bytes(size_class);
  tcache->capacity_bytes -= before * hak_size_class_bytes(size_class);
  hak_counter_add(&tcache->capacity, after);
  hak_counter_sub(&tcache->capacity, before);
  uint64_t bit = (uint64_t)1 << size_class;
  bool roomy = after > hak_tcache_bin(tcache, size_class)->first;
  tcache->roomy = roomy ? tcache->roomy | bit : tcache->roomy & ~bit;
}

static void set_count(hak_bin_t *bin, uint32_t count) {
  hak_store_relaxed(&bin->end, hak_bin_row(bin) + count);
}

static void set_row(hak_bin_t *bin, void **row, uint32_t capacity) {
  uint32_t count = hak_bin_count(bin);
  hak_store_relaxed(&bin->capacity, capacity);
  hak_store_relaxed(&bin->limit, row + capacity);
  set_count(bin, count);
}

static bool resize(hak_tcache_t *tcache, unsigned size_class, uint32_t capacity) {
  hak_bin_t *bin = hak_tcache_bin(tcache, size_class);
  uint32_t before = hak_bin_capacity(bin);
  HAK_ASSERT(hak_bin_count(bin) <= capacity);
  void **row = hak_meta_resize(hak_bin_row(bin), before * sizeof(void *), capacity * sizeof(void *));
  if (row == NULL) return false;
  set_row(bin, row, capacity);
  count_capacity(tcache, size_class, before, capacity);
  if (HAK_CHECKED) hak_tcache_check(tcache);
  return true;
}

static uint32_t doubled(hak_tcache_t *tcache, unsigned size_class) {
  hak_bin_t *bin = hak_tcache_bin(tcache, size_class);
  return hak_bin_capacity(bin) == 0 ? bin->first : 2 * hak_bin_capacity(bin);
}

size_t hak_tcache_growth(hak_tcache_t *tcache, unsigned size_class) {
  uint32_t more = doubled(tcache, size_class) - hak_bin_capacity(hak_tcache_bin(tcache, size_class));
  return more * hak_size_class_bytes(size_class);
}

void hak_tcache_grow(hak_tcache_t *tcache, unsigned size_class) {
  if (resize(tcache, size_class, doubled(tcache, size_class))) hak_counter_add(&tcache->grown, 1);
}

uint32_t hak_tcache_half(hak_tcache_t *tcache, unsigned size_class) {
  hak_bin_t *bin = hak_tcache_bin(tcache, size_class);
  return hak_bin_capacity(bin) <= bin->first ? hak_bin_capacity(bin) : hak_bin_capacity(bin) / 2;
}

bool hak_tcache_shrink(hak_tcache_t *tcache, unsigned size_class) {
  uint32_t half = hak_tcache_half(tcache, size_class);
  if (half == hak_bin_capacity(hak_tcache_bin(tcache, size_class)) || !resize(tcache, size_class, half)) return false;
  hak_counter_add(&tcache->shrunk, 1);
  return true;
}

void hak_tcache_release(hak_tcache_t *tcache) {
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++) {
    hak_bin_t *bin = hak_tcache_bin(tcache, c);
    uint32_t capacity = hak_bin_capacity(bin);
    HAK_ASSERT(hak_bin_count(bin) == 0);
    hak_meta_free(hak_bin_row(bin), capacity * sizeof(void *));
    set_row(bin, NULL, 0);
    count_capacity(tcache, c, capacity, 0);
    if (capacity != 0) hak_counter_add(&tcache->shrunk, 1);
  }
}

/* ---- the row ---- */

void **hak_bin_oldest(hak_bin_t *bin, uint32_t count) {
  void **row = hak_bin_row(bin);
  if (count < hak_bin_count(bin)) return row + 1;
  memmove(row, row + 1, (count - 1) * sizeof(void *));
  row[count - 1] = bin->top;
  return row;
}

void hak_bin_drop(hak_bin_t *bin, uint32_t count) {
  void **row = hak_bin_row(bin);
  uint32_t left = hak_bin_count(bin) - count;
  if (left == 0)
    bin->top = NULL;
  else
    memmove(row + 1, row + 1 + count, (left - 1) * sizeof(void *));
  bin->others = count < bin->others ? bin->others - count : 0;
  set_count(bin, left);
}

void hak_bin_fill(hak_bin_t *bin, uint32_t count) {
  void **row = hak_bin_row(bin);
  bin->others = 0;
  if (count == 0) return;
  bin->top = row[0];
  row[0] = NULL;
  for (size_t i = 1, j = count; i + 1 < j; i++) {
    void *block = row[i];
    row[i] = row[--j];
    row[j] = block;
  }
  set_count(bin, count);
}

/* ---- checks ---- */

void hak_tcache_check(hak_tcache_t *tcache) {
  size_t bytes = 0;
  uint64_t capacity = 0;
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++) {
    hak_bin_t *bin = hak_tcache_bin(tcache, c);
    uint32_t room = hak_bin_capacity(bin);
    if (hak_bin_count(bin) > room) hak_fatal("tcache: a bin holds more than it has room for", bin);
    if ((hak_bin_row(bin) == NULL) != (room == 0)) hak_fatal("tcache: a bin's room differs from its array", bin);
    if (((tcache->roomy >> c) & 1) != (room > bin->first)) hak_fatal("tcache: `roomy` differs from the bin", bin);
    bytes += room * hak_size_class_bytes(c);
    capacity += room;
  }
  bool same = bytes == tcache->capacity_bytes && capacity == hak_counter_get(&tcache->capacity);
  if (!same) hak_fatal("tcache: the capacity differs from the bins", tcache);
}

void hak_bin_check(hak_bin_t *bin, unsigned size_class) {
  uint32_t count = hak_bin_count(bin);
  void **row = hak_bin_row(bin);
  if ((bin->top == NULL) != (count == 0) || (count != 0 && row[0] != NULL))
    hak_fatal("tcache: the count differs from the row", bin);
  for (uint32_t i = 1; i <= count; i++) {
    void *block = i < count ? row[i] : bin->top;
    if (hak_live_get(block) != 0) hak_fatal("tcache: a cached block is held by a caller", block);
    if ((hak_registry_get(block) & HAK_REGISTRY_TAG_MASK) != size_class + 1)
      hak_fatal("tcache: a cached block is none of its class", block);
  }
}
