/*
 * moments: large blocks that all threads share age by the clock, however seldom a program does anything: the one look after a pause lets
 * pass all that passed since they were freed, and nothing that passed before.
 */
#include "test.h"

#include <stdlib.h>

#include "cache.h"
#include "options.h"

enum { DELAY_MS = 10, LARGE = 3000000 };

static uint64_t cached(void) {
  static hak_stats_t stats;
  hak_stats_get(&stats);
  return stats.bytes_cached;
}

/* So long that what was cached before has gone at the next look. */
static void let_pass(void) {
  usleep(1000 * (2 + (unsigned)hak_option(hak_option_large_cache_ticks)) * DELAY_MS);
}

int main(void) {
  setenv("HAKMEM_PURGE_DELAY_MS", "10", 1);
  setenv("HAKMEM_LARGE_CACHE_TICKS", "50", 1);
  hak_free(hak_malloc(100)); /* the thread's heap is there */
  hak_cache_look();
  uint64_t before = cached();
  void *block = hak_malloc(LARGE);
  let_pass();
  hak_free(block);
  hak_cache_look();
  CHECK(cached() >= before + LARGE);
  let_pass();
  hak_cache_look();
  CHECK(cached() < before + LARGE);
  return 0;
}
