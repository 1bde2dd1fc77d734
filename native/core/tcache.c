/* L4 tcache: see tcache.h. */
#include "tcache.h"

#include <string.h>

#include "assert.h"
#include "meta.h"
#include "options.h"
#include "registry.h"

/* A bin starts with a few KiB of blocks, in numbers between 1 and 64. */
static uint32_t first_capacity(unsigned size_class) {
  uint64_t count = hak_option(hak_option_tcache_bin_bytes) / hak_size_class_bytes(size_class);
  return count < 1 ? 1 : count > 64 ? 64 : (uint32_t)count;
}

void hak_tcache_init(hak_tcache_t *tcache) {
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++) {
    hak_bin_t *bin = hak_tcache_bin(tcache, c);
    bin->first = first_capacity(c);
    bin->live = hak_live_entry(hak_size_class_grain(c));
    bin->odd = (uint32_t)hak_size_class_odd(c);
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

/* @return false: no memory. */
static bool resize_row(hak_bin_t *bin, uint32_t before, uint32_t capacity) {
  void **blocks = hak_meta_resize(bin->blocks, before * sizeof(void *), capacity * sizeof(void *));
  if (blocks != NULL) bin->blocks = blocks;
  return blocks != NULL;
}

static bool resize(hak_tcache_t *tcache, unsigned size_class, uint32_t capacity) {
  hak_bin_t *bin = hak_tcache_bin(tcache, size_class);
  uint32_t before = hak_bin_capacity(bin);
  HAK_ASSERT(hak_bin_count(bin) <= capacity);
  if (!resize_row(bin, before, capacity)) return false;
  hak_store_relaxed(&bin->capacity, capacity);
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
    hak_meta_free(bin->blocks, capacity * sizeof(void *));
    bin->blocks = NULL;
    hak_store_relaxed(&bin->capacity, 0);
    count_capacity(tcache, c, capacity, 0);
    if (capacity != 0) hak_counter_add(&tcache->shrunk, 1);
  }
}

/* ---- the row ---- */

void **hak_bin_oldest(hak_bin_t *bin, uint32_t count) {
  if (count < hak_bin_count(bin)) return bin->blocks + 1;
  memmove(bin->blocks, bin->blocks + 1, (count - 1) * sizeof(void *));
  bin->blocks[count - 1] = bin->top;
  return bin->blocks;
}

void hak_bin_drop(hak_bin_t *bin, uint32_t count) {
  uint32_t left = hak_bin_count(bin) - count;
  if (left == 0)
    bin->top = NULL;
  else
    memmove(bin->blocks + 1, bin->blocks + 1 + count, (left - 1) * sizeof(void *));
  bin->others = count < bin->others ? bin->others - count : 0;
  hak_store_relaxed(&bin->count, left);
}

void hak_bin_fill(hak_bin_t *bin, uint32_t count) {
  bin->others = 0;
  if (count == 0) return;
  bin->top = bin->blocks[0];
  bin->blocks[0] = NULL;
  for (size_t i = 1, j = count; i + 1 < j; i++) {
    void *block = bin->blocks[i];
    bin->blocks[i] = bin->blocks[--j];
    bin->blocks[j] = block;
  }
  hak_store_relaxed(&bin->count, count);
}

/* ---- checks ---- */

void hak_tcache_check(hak_tcache_t *tcache) {
  size_t bytes = 0;
  uint64_t capacity = 0;
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++) {
    hak_bin_t *bin = hak_tcache_bin(tcache, c);
    uint32_t room = hak_bin_capacity(bin);
    if (hak_bin_count(bin) > room) hak_fatal("tcache: a bin holds more than it has room for", bin);
    if ((bin->blocks == NULL) != (room == 0)) hak_fatal("tcache: a bin's room differs from its array", bin);
    if (((tcache->roomy >> c) & 1) != (room > bin->first)) hak_fatal("tcache: `roomy` differs from the bin", bin);
    bytes += room * hak_size_class_bytes(c);
    capacity += room;
  }
  bool same = bytes == tcache->capacity_bytes && capacity == hak_counter_get(&tcache->capacity);
  if (!same) hak_fatal("tcache: the capacity differs from the bins", tcache);
}

void hak_bin_check(hak_bin_t *bin, unsigned size_class) {
  uint32_t count = hak_bin_count(bin);
  if ((bin->top == NULL) != (count == 0) || (count != 0 && bin->blocks[0] != NULL))
    hak_fatal("tcache: the count differs from the row", bin);
  for (uint32_t i = 1; i <= count; i++) {
    void *block = i < count ? bin->blocks[i] : bin->top;
    if (hak_live_get(block) != 0) hak_fatal("tcache: a cached block is held by a caller", block);
    if ((hak_registry_get(block) & HAK_REGISTRY_TAG_MASK) != size_class + 1)
      hak_fatal("tcache: a cached block is none of its class", block);
  }
}
