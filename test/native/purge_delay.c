/*
 * purge_delay: however many ticks pass, idle memory stays until the clock has moved on; then it goes, by the look after the next. Freed
 * large blocks, which all threads share, age by the clock too, and of them a quarter more is kept than was held of late.
 */
#include "ticks.h"

#include "os.h"

/* Within one chunk. */
enum { COUNT = 1500, SIZE = 1000 };

static const uint64_t delay = 1000000000; /* no test takes so long */

static uint64_t committed(void) {
  static hak_stats_t stats;
  hak_stats_get(&stats);
  return stats.bytes_committed;
}

static void leave_idle_memory(void) {
  static void *blocks[COUNT];
  CHECK(hak_malloc_batch(SIZE, COUNT, blocks) == COUNT);
  hak_free_batch(blocks, COUNT);
}

static void let_time_pass(void) {
  hak_thread_heap_get()->purged_ms = hak_os_now_ms() - delay;
  test_tick();
}

static uint64_t cached(void) {
  static hak_stats_t stats;
  hak_stats_get(&stats);
  return stats.bytes_cached;
}

static void large_blocks_age_by_the_clock(void) {
  enum { LARGE = 3000000 };
  uint64_t before = cached();
  hak_free(hak_malloc(LARGE));
  test_ticks(20);
  CHECK(cached() >= before + LARGE);
  uint64_t age = hak_option(hak_option_large_cache_ticks);
  for (uint64_t i = 0; i < age; i++) hak_heap_tick_shared();
  CHECK(cached() >= before + LARGE);
  hak_heap_tick_shared();
  CHECK(cached() < before + LARGE);
}

enum { HELD = 20, HELD_SIZE = 8 << 20, OTHER_SIZE = 24 << 20 };

static void hold(size_t size, size_t count, void **blocks) {
  CHECK(hak_malloc_batch(size, count, blocks) == count);
}

/* All comes back at once, as from a garbage collector, and is kept; but no more than brings what is held a quarter beyond the most of late. */
static void large_blocks_are_kept_up_to_what_was_held(void) {
  void *blocks[HELD], *others[3];
  uint64_t before = cached();
  hold(HELD_SIZE, HELD, blocks);
  hak_free_batch(blocks, HELD);
  uint64_t all = cached() - before, most = all + all / 4;
  CHECK(all >= (uint64_t)HELD * HELD_SIZE);
  hold(OTHER_SIZE, 3, others);
  hold(HELD_SIZE, 1, blocks);
  hak_free_batch(blocks, 1);
  CHECK(cached() <= before + most - 3 * OTHER_SIZE && cached() > before + most - 4 * OTHER_SIZE);
  hak_free_batch(others, 3);
  for (int moment = 1; moment <= 3; moment++) hak_heap_tick_shared();
  CHECK(cached() < before + most / 8 * 7);
  while (cached() > before) hak_heap_tick_shared();
}

int main(void) {
  setenv("HAKMEM_PURGE_DELAY_MS", "1000000000", 1); /* ahead of the first look at the options */
  setenv("HAKMEM_TCACHE_BYTES_MIN", "65536", 1); /* the cache keeps little of it */
  leave_idle_memory();
  test_ticks(10); /* the cache lets go, slabs close */
  uint64_t idle = committed();
  CHECK(idle > COUNT * SIZE / 2);
  test_ticks(10);
  CHECK(committed() == idle);
  let_time_pass(); /* finds it idle for the first time */
  CHECK(committed() == idle);
  test_ticks(10);
  CHECK(committed() == idle);
  let_time_pass();
  CHECK(committed() < idle / 8);
  large_blocks_age_by_the_clock();
  large_blocks_are_kept_up_to_what_was_held();
  return 0;
}
