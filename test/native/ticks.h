/*
 * Time for the tests: what is idle goes back by ticks, and a tick is so many refills and flushes. Here a tiny class misses,
 * as a program's own would in the long run, and the count of the calling thread's heap is set to just before the next tick.
 */
#ifndef HAK_TEST_TICKS_H
#define HAK_TEST_TICKS_H

#include "test.h"

#include <stdlib.h>

#include "options.h"
#include "thread.h"

/* Ticks alone are this time: no test waits for a clock. */
__attribute__((constructor)) static void test_purge_at_every_tick(void) {
  setenv("HAKMEM_PURGE_DELAY_MS", "0", 1);
}

static inline void test_tick(void) {
  enum { MOST = 100000 };
  static _Thread_local void *tiny[MOST];
  hak_heap_t *heap = hak_thread_heap_get();
  uint64_t due = hak_option(hak_option_tick_operations);
  size_t count = 0;
  heap->operations = due;
  while (heap->operations >= due) {
    CHECK(count < MOST && (tiny[count] = hak_malloc(16)) != NULL);
    count++;
  }
  while (count > 0) hak_free(tiny[--count]);
}

static inline void test_ticks(int count) {
  for (; count > 0; count--) test_tick();
}

#endif
