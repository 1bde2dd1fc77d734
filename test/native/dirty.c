/*
 * dirty: free memory that is no more than what is used stays, whoever frees in bursts: it is wanted again soon. More than that goes at
 * once, for there may be no operation after the burst. No tick and no clock gives anything back here.
 */
#include "test.h"

#include "guard.h"
#include "options.h"

/* Some 80 MiB; of each hundred one is held, so that no chunk empties. */
enum { COUNT = 4000, SIZE = 20000, HELD = 100 };

static void *blocks[COUNT];

static hak_stats_t stats_now(void) {
  hak_stats_t stats;
  hak_stats_get(&stats);
  return stats;
}

static void fill(void) {
  for (size_t i = 0; i < COUNT; i++)
    if (blocks[i] == NULL) CHECK((blocks[i] = hak_malloc(SIZE)) != NULL);
}

static void free_up_to(size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (i % HELD == 0) continue;
    hak_free(blocks[i]);
    blocks[i] = NULL;
  }
}

/* A little less than half, for of the rest some lies between blocks. What comes again lies where it lay, but for what a bin holds. */
static void halves_stay(void) {
  fill();
  uint64_t committed = stats_now().bytes_committed, most = committed + 512 * HAK_KIB;
  for (int round = 0; round < 5; round++) {
    free_up_to(COUNT * 9 / 20);
    CHECK(stats_now().bytes_committed == committed);
    fill();
    CHECK(stats_now().bytes_committed <= most);
    committed = stats_now().bytes_committed;
  }
}

/* What is cached counts as used. */
static void more_goes_at_once(void) {
  free_up_to(COUNT);
  hak_stats_t stats = stats_now();
  uint64_t used = stats.bytes_live + stats.bytes_cached, slack = 4 * HAK_MIB; /* of slabs with one block */
  CHECK(stats.bytes_committed <= used + hak_option(hak_option_dirty_bytes) + slack);
}

int main(void) {
  hak_guard_off();
  setenv("HAKMEM_PURGE_DELAY_MS", "1000000000", 1);
  setenv("HAKMEM_TICK_OPERATIONS", "1000000000", 1);
  setenv("HAKMEM_DIRTY_BYTES", "16777216", 1);
  halves_stay();
  more_goes_at_once();
  for (size_t i = 0; i < COUNT; i += HELD) hak_free(blocks[i]);
  hak_trim();
  test_expect_quiet();
  return 0;
}
