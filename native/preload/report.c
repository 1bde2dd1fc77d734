/* The summary: see report.h. mallinfo and its relations stand here too, being the same numbers in glibc's words. */
#define _GNU_SOURCE
#include "report.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hakmem.h"

#define EXPORT __attribute__((visibility("default")))
#define PRINTF __attribute__((format(printf, 2, 3)))

/* ---- the summary ---- */

enum { TEXT_BYTES = 4096 };

typedef struct text {
  size_t length;
  char bytes[TEXT_BYTES];
} text_t;

/* What does not fit is cut off. */
PRINTF static void add(text_t *text, const char *format, ...) {
  const size_t room = TEXT_BYTES - text->length;
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(text->bytes + text->length, room, format, arguments);
  va_end(arguments);
  if (length > 0) text->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* Three figures that count, in whole numbers: printing a float may allocate. */
static void add_bytes(text_t *text, uint64_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  unsigned unit = 0;
  uint64_t tenths = bytes * 10;
  for (; tenths >= 10240 && unit < 4; unit++) tenths /= 1024;
  if (unit == 0 || tenths >= 1000)
    add(text, "%llu %s", (unsigned long long)tenths / 10, units[unit]);
  else
    add(text, "%llu.%llu %s", (unsigned long long)tenths / 10, (unsigned long long)tenths % 10, units[unit]);
}

static void add_size(text_t *text, const char *label, uint64_t bytes, const char *meaning) {
  text_t size = {0, {0}};
  add_bytes(&size, bytes);
  add(text, "  %-12s %10s  %s\n", label, size.bytes, meaning);
}

static uint64_t peak_resident_bytes(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static void add_component(text_t *text, const char *name, const hak_component_stats_t *row) {
  add(text, "  %-12s %10llu %10llu %10llu %10llu %10llu\n", name, (unsigned long long)row->capacity,
      (unsigned long long)row->used, (unsigned long long)row->grown, (unsigned long long)row->shrunk,
      (unsigned long long)row->misses);
}

static void add_operations(text_t *text, const hak_stats_t *stats) {
  add(text, "  %llu blocks allocated, %llu freed, %llu live\n", (unsigned long long)stats->operations_allocs,
      (unsigned long long)stats->operations_frees, (unsigned long long)stats->blocks_live);
  add(text, "  %llu refills and %llu flushes of caches, %llu blocks freed by other threads\n",
      (unsigned long long)stats->operations_refills, (unsigned long long)stats->operations_flushes,
      (unsigned long long)stats->operations_remote_frees);
}

static void summarize(text_t *text, const hak_stats_t *stats) {
  add(text, "hakmem %d.%d.%d: %s, process %d\n", HAK_VERSION_MAJOR, HAK_VERSION_MINOR, HAK_VERSION_PATCH,
      program_invocation_short_name, (int)getpid());
  add_size(text, "live", stats->bytes_live, "in blocks that the program holds");
  add_size(text, "cached", stats->bytes_cached, "in freed blocks that are kept to be handed out again");
  add_size(text, "committed", stats->bytes_committed, "that blocks of all kinds lie in");
  add_size(text, "reserved", stats->bytes_reserved, "of addresses");
  add_size(text, "purged", stats->bytes_purged, "given back to the system so far");
  add_size(text, "peak", peak_resident_bytes(), "resident in all, the program and its libraries included");
  add_operations(text, stats);
  add(text, "  %-12s %10s %10s %10s %10s %10s\n", "", "capacity", "used", "grown", "shrunk", "misses");
#define HAK_X(name, path) add_component(text, path, &stats->name);
  HAK_STATS_COMPONENTS(HAK_X)
#undef HAK_X
}

void hak_preload_report(int file) {
  hak_stats_t stats;
  text_t text = {0, {0}};
  const int before = errno;
  hak_stats_get(&stats);
  summarize(&text, &stats);
  const ssize_t written = write(file, text.bytes, text.length);
  (void)written; /* a closed standard error leaves nobody to tell */
  errno = before;
}

EXPORT void malloc_stats(void) {
  hak_preload_report(STDERR_FILENO);
}

/* ---- mallinfo ---- */

#if defined(__GLIBC__)
/* The numbers that mallinfo's readers look at, in bytes and blocks. */
typedef struct info {
  size_t committed, live, kept, cached, cached_blocks;
} info_t;

static info_t look(void) {
  hak_stats_t stats;
  const int before = errno;
  hak_stats_get(&stats);
  errno = before;
  const size_t kept = stats.bytes_committed > stats.bytes_live ? stats.bytes_committed - stats.bytes_live : 0;
  const info_t info = {stats.bytes_committed, stats.bytes_live, kept, stats.bytes_cached, stats.blocks_cached};
  return info;
}

#if __GLIBC_PREREQ(2, 33)
/* Large blocks count as all others: to glibc's readers it matters what is held and what is idle. */
EXPORT struct mallinfo2 mallinfo2(void) {
  const info_t info = look();
  struct mallinfo2 result = {0};
  result.arena = info.committed;
  result.ordblks = info.cached_blocks;
  result.uordblks = info.live;
  result.fordblks = info.kept;
  result.keepcost = info.cached;
  return result;
}
#endif

/* Its fields are too small: what does not fit is told as the most that does. */
static int small(size_t value) {
  return value > INT_MAX ? INT_MAX : (int)value;
}

EXPORT struct mallinfo mallinfo(void) {
  const info_t info = look();
  struct mallinfo result = {0};
  result.arena = small(info.committed);
  result.ordblks = small(info.cached_blocks);
  result.uordblks = small(info.live);
  result.fordblks = small(info.kept);
  result.keepcost = small(info.cached);
  return result;
}

/* In glibc's format, one heap for all. */
EXPORT int malloc_info(int options, FILE *file) {
  if (options != 0) return EINVAL;
  const info_t info = look();
  fprintf(file,
          "<malloc version=\"1\">\n<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n"
          "<system type=\"current\" size=\"%zu\"/>\n</malloc>\n",
          info.cached_blocks, info.kept, info.committed);
  return 0;
}
#endif
