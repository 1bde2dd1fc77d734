/* mid: rings give their newest block and evict their oldest; the bytes are counted; what was not needed is known at a tick. */
#include "test.h"

#include "mid.h"

static hak_mid_t mid;

/* Nothing here looks at the blocks: they are mere numbers. */
static void *block_number(uintptr_t number) {
  return (void *)(number * 65536);
}

static uint64_t bytes(void) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < HAK_MID_CLASSES; i++)
    sum += hak_counter_get(&mid.rings[i].count) * hak_size_class_bytes(HAK_MID_FIRST + i);
  CHECK(hak_counter_get(&mid.bytes) == sum);
  return sum;
}

static void newest_out_oldest_evicted(void) {
  for (unsigned c = HAK_MID_FIRST; c < HAK_SLAB_CLASSES; c++) {
    uint64_t misses = hak_counter_get(&mid.misses), before = bytes();
    CHECK(hak_mid_pop(&mid, c) == NULL && hak_counter_get(&mid.misses) == misses + 1);
    CHECK(hak_mid_evict(&mid, c) == NULL && hak_counter_get(&mid.misses) == misses + 1);
    for (uintptr_t n = 1; n <= 10; n++) CHECK(hak_mid_push(&mid, c, block_number(n)));
    CHECK(bytes() == before + 10 * hak_size_class_bytes(c));
    CHECK(hak_mid_pop(&mid, c) == block_number(10) && hak_mid_evict(&mid, c) == block_number(1));
    CHECK(hak_mid_pop(&mid, c) == block_number(9) && hak_mid_evict(&mid, c) == block_number(2));
    CHECK(hak_counter_get(&mid.allocs) == 2 * (c - HAK_MID_FIRST + 1));
  }
}

/* Half, rounded up, of the fewest blocks that there were since the last time. */
static void idle_follows_the_low_water_mark(void) {
  const unsigned c = HAK_MID_FIRST + 3;
  while (hak_mid_evict(&mid, c) != NULL) continue;
  hak_mid_idle(&mid, c);
  CHECK(hak_mid_idle(&mid, c) == 0);
  for (uintptr_t n = 1; n <= 20; n++) CHECK(hak_mid_push(&mid, c, block_number(n)));
  CHECK(hak_mid_idle(&mid, c) == 0); /* it was empty at first */
  for (int i = 0; i < 13; i++) CHECK(hak_mid_pop(&mid, c) != NULL);
  for (uintptr_t n = 1; n <= 13; n++) CHECK(hak_mid_push(&mid, c, block_number(n)));
  CHECK(hak_mid_idle(&mid, c) == 4); /* seven were never touched */
  CHECK(hak_mid_idle(&mid, c) == 10);
}

static void an_idle_ring_decays_to_nothing(void) {
  const unsigned c = HAK_MID_FIRST + 5;
  for (uintptr_t n = 1; n <= 10000; n++) CHECK(hak_mid_push(&mid, c, block_number(n)));
  CHECK(hak_counter_get(&mid.rings[5].capacity) > 10 * 768);
  for (int tick = 0; tick < 20; tick++)
    for (uint64_t idle = hak_mid_idle(&mid, c); idle > 0; idle--) CHECK(hak_mid_evict(&mid, c) != NULL);
  hak_mid_idle(&mid, c);
  CHECK(hak_counter_get(&mid.rings[5].count) == 0 && hak_counter_get(&mid.rings[5].capacity) == 0);
  bytes();
}

int main(void) {
  newest_out_oldest_evicted();
  idle_follows_the_low_water_mark();
  an_idle_ring_decays_to_nothing();
  for (unsigned c = HAK_MID_FIRST; c < HAK_SLAB_CLASSES; c++)
    while (hak_mid_evict(&mid, c) != NULL) continue;
  CHECK(bytes() == 0);
  return 0;
}
