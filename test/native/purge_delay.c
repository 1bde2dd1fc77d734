/*
 * purge_delay: however many ticks pass, idle memory stays until the clock has moved on; then it goes, by the look after the next. A freed
 * large block ages by the clock too: a busy thread has many ticks in the time in which it is wanted again.
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
  for (uint64_t i = 0; i <= age + 1; i++) let_time_pass();
  CHECK(cached() < before + LARGE);
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
  return 0;
}
