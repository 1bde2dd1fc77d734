/*
 * L1 options: the one table of tunables. A row: name, environment variable, default, least, most, what it does.
 * Read from the environment once, at first use. A value that is no number in its range is reported and the default used.
 * Threads: any; the first reader fills the table, and two first readers fill in the same values.
 */
#ifndef HAK_OPTIONS_H
#define HAK_OPTIONS_H

#include "config.h"

#define HAK_OPTIONS(X)                                                                                                   \
  X(chunk_units, "HAKMEM_CHUNK_UNITS", 32, 32, 32768, "units of 64 KiB in a heap's first chunk; a multiple of 32")       \
  X(tcache_bin_bytes, "HAKMEM_TCACHE_BIN_BYTES", 16384, 0, 1 << 30, "bytes that a bin of the thread cache starts with")  \
  X(tcache_bytes, "HAKMEM_TCACHE_BYTES", 4194304, 0, (uint64_t)1 << 40, "bytes that one thread's cache may grow to hold")

typedef enum hak_option {
#define HAK_X(name, variable, initial, least, most, doc) hak_option_##name,
  HAK_OPTIONS(HAK_X)
#undef HAK_X
      hak_option_count
} hak_option_t;

uint64_t hak_option(hak_option_t option);

#endif
