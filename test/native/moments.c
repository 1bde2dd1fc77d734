/*
 * moments: large blocks that all threads share age by the clock, however seldom a program does anything: the one look after a pause lets
 * pass all that passed.
 */
#include "test.h"

#include <stdlib.h>

#include "cache.h"
#include "options.h"

enum { DELAY_MS = 1, LARGE = 3000000 };

static uint64_t cached(void) {
  static hak_stats_t stats;
  hak_stats_get(&stats);
  return stats.bytes_cached;
}

int main(void) {
  setenv("HAKMEM_PURGE_DELAY_MS", "1", 1);
  setenv("HAKMEM_LARGE_CACHE_TICKS", "50", 1);
  hak_free(hak_malloc(100)); /* the thread's heap is there */
  hak_cache_look();
  uint64_t before = cached();
  hak_free(hak_malloc(LARGE));
  CHECK(cached() >= before + LARGE);
  usleep(1000 * (2 + (unsigned)hak_option(hak_option_large_cache_ticks)) * DELAY_MS);
  hak_cache_look();
  CHECK(cached() < before + LARGE);
  return 0;
}
