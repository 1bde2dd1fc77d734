/* L4 tcache: see tcache.h. */
#include "tcache.h"

#include <string.h>

#include "assert.h"
#include "meta.h"
#include "options.h"

/* A bin starts with a few KiB of blocks, in numbers between 1 and 64. */
static uint32_t first_capacity(size_t block_size) {
  uint64_t count = hak_option(hak_option_tcache_bin_bytes) / block_size;
  return count < 1 ? 1 : count > 64 ? 64 : (uint32_t)count;
}

static bool resize(hak_bin_t *bin, uint32_t capacity) {
  void **blocks = hak_meta_alloc(capacity * sizeof(void *));
  if (blocks == NULL) return false;
  uint32_t count = hak_load_relaxed(&bin->count);
  if (count != 0) memcpy(blocks, bin->blocks, count * sizeof(void *));
  hak_meta_free(bin->blocks, bin->capacity * sizeof(void *));
  bin->blocks = blocks;
  bin->capacity = capacity;
  return true;
}

void hak_tcache_grow(hak_tcache_t *tcache, unsigned size_class) {
  hak_bin_t *bin = &tcache->bins[size_class];
  size_t block_size = hak_size_class_bytes(size_class);
  uint32_t capacity = bin->capacity == 0 ? first_capacity(block_size) : 2 * bin->capacity;
  size_t more = (capacity - bin->capacity) * block_size;
  if (tcache->capacity_bytes + more > hak_option(hak_option_tcache_bytes) && bin->capacity != 0) return;
  uint32_t before = bin->capacity;
  if (!resize(bin, capacity)) return;
  tcache->capacity_bytes += more;
  hak_counter_add(&tcache->capacity, capacity - before);
  hak_counter_add(&tcache->grown, 1);
}

void hak_tcache_release(hak_tcache_t *tcache) {
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) {
    hak_bin_t *bin = &tcache->bins[c];
    HAK_ASSERT(hak_load_relaxed(&bin->count) == 0);
    hak_meta_free(bin->blocks, bin->capacity * sizeof(void *));
    bin->blocks = NULL;
    bin->capacity = 0;
  }
  tcache->capacity_bytes = 0;
  hak_counter_sub(&tcache->capacity, hak_counter_get(&tcache->capacity));
}
