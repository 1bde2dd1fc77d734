/* L4 mid: see mid.h. */
#include "mid.h"

#include "assert.h"

static hak_ring_t *ring_of(hak_mid_t *mid, unsigned size_class) {
  return &mid->rings[size_class - HAK_MID_FIRST];
}

static void *leave(hak_mid_t *mid, unsigned size_class, void *block) {
  if (block == NULL) return NULL;
  uint64_t count = hak_counter_get(&ring_of(mid, size_class)->count);
  uint64_t *low = &mid->low[size_class - HAK_MID_FIRST];
  if (count < *low) *low = count;
  hak_counter_sub(&mid->bytes, hak_size_class_bytes(size_class));
  if (HAK_CHECKED) hak_mid_check(mid);
  return block;
}

void *hak_mid_pop(hak_mid_t *mid, unsigned size_class) {
  void *block = mid->used ? leave(mid, size_class, hak_ring_pop_newest(ring_of(mid, size_class))) : NULL;
  if (block != NULL)
    hak_counter_add(&mid->allocs, 1);
  else
    hak_counter_add(&mid->misses, 1);
  return block;
}

bool hak_mid_push(hak_mid_t *mid, unsigned size_class, void *block) {
  mid->used = true;
  if (!hak_ring_push(ring_of(mid, size_class), block)) return false;
  hak_counter_add(&mid->bytes, hak_size_class_bytes(size_class));
  if (HAK_CHECKED) hak_mid_check(mid);
  return true;
}

void *hak_mid_evict(hak_mid_t *mid, unsigned size_class) {
  return mid->used ? leave(mid, size_class, hak_ring_pop_oldest(ring_of(mid, size_class))) : NULL;
}

uint64_t hak_mid_idle(hak_mid_t *mid, unsigned size_class) {
  if (!mid->used) return 0;
  hak_ring_t *ring = ring_of(mid, size_class);
  uint64_t *low = &mid->low[size_class - HAK_MID_FIRST];
  uint64_t idle = (*low + 1) / 2;
  hak_ring_shrink(ring);
  *low = hak_counter_get(&ring->count);
  return idle;
}

void hak_mid_check(hak_mid_t *mid) {
  uint64_t bytes = 0;
  for (unsigned i = 0; i < HAK_MID_CLASSES; i++) {
    uint64_t count = hak_counter_get(&mid->rings[i].count);
    if (mid->low[i] > count) hak_fatal("mid: `low` is above the count", mid);
    bytes += count * hak_size_class_bytes(HAK_MID_FIRST + i);
  }
  if (bytes != hak_counter_get(&mid->bytes)) hak_fatal("mid: `bytes` differs from the rings", mid);
}
