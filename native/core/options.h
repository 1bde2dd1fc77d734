/*
 * L1 options: the one table of tunables. A row: name, environment variable, default, least, most; above it what it does.
 * Read from the environment once, at first use. A value that is no number in its range is reported and the default used.
 * Threads: any; the first reader fills the table, and two first readers fill in the same values.
 */
#ifndef HAK_OPTIONS_H
#define HAK_OPTIONS_H

#include "atomic.h"

#define HAK_OPTIONS(X)                                                                                    \
  /* The largest chunk, in bytes. */                                                                      \
  X(chunk_bytes_max, "HAKMEM_CHUNK_BYTES_MAX", 32 << 20, 2 << 20, (uint64_t)1 << 36)                      \
  /* Free memory that a heap keeps between ticks however little it uses. */                               \
  X(dirty_bytes, "HAKMEM_DIRTY_BYTES", 64 << 20, 0, (uint64_t)1 << 46)                                    \
  /* Refills and flushes of a heap between looks for idle memory. */                                      \
  X(tick_operations, "HAKMEM_TICK_OPERATIONS", 512, 1, 1 << 30)                                           \
  /* How long memory lies idle, or a thread does nothing, before it is looked for. */                     \
  X(purge_delay_ms, "HAKMEM_PURGE_DELAY_MS", 100, 0, 1 << 30)                                             \
  /* Bytes that a bin of the thread cache starts with. */                                                 \
  X(tcache_bin_bytes, "HAKMEM_TCACHE_BIN_BYTES", 16384, 16, 1 << 30)                                      \
  /* Bytes that a thread's bins may hold however little it uses. */                                       \
  X(tcache_bytes_min, "HAKMEM_TCACHE_BYTES_MIN", 1 << 20, 0, (uint64_t)1 << 40)                           \
  /* Ceiling of the same, however much it uses. */                                                        \
  X(tcache_bytes_max, "HAKMEM_TCACHE_BYTES_MAX", (uint64_t)1 << 40, 0, (uint64_t)1 << 40)                 \
  /* Bytes that a thread's mid rings may hold however little it uses. */                                  \
  X(mid_bytes_min, "HAKMEM_MID_BYTES_MIN", 1 << 20, 0, (uint64_t)1 << 40)                                 \
  /* Bytes of freed blocks above 1 MiB that are kept however little is used. */                           \
  X(large_cache_bytes, "HAKMEM_LARGE_CACHE_BYTES", 16 << 20, 0, (uint64_t)1 << 46)                        \
  /* Ticks after which an unused one of them goes; of what threads share, times HAKMEM_PURGE_DELAY_MS. */ \
  X(large_cache_ticks, "HAKMEM_LARGE_CACHE_TICKS", 4, 0, 1 << 30)                                         \
  /* The longest block or chunk of a heap for which the system may use huge pages. */                     \
  X(huge_page_bytes_max, "HAKMEM_HUGE_PAGE_BYTES_MAX", 64 << 20, 0, (uint64_t)1 << 46)

typedef enum hak_option {
#define HAK_X(name, variable, initial, least, most) hak_option_##name,
  HAK_OPTIONS(HAK_X)
#undef HAK_X
      hak_option_count
} hak_option_t;

extern _Atomic uint64_t hak_option_values[hak_option_count];
/* Released once the values are filled in; pairs with the acquire in hak_option. */
extern _Atomic bool hak_options_filled;

void hak_options_fill(void);

HAK_INLINE uint64_t hak_option(hak_option_t option) {
  if (HAK_UNLIKELY(!hak_load_acquire(&hak_options_filled))) hak_options_fill();
  return hak_load_relaxed(&hak_option_values[option]);
}

#endif
