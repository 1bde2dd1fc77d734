/*
 * A process that limits its own addresses. The core has reserved some by the limit of its start, and gives back what it has too many of when a
 * request of its own fails; but whatever else maps memory, for the stack of a thread maybe, would fail before that.
 *
 * Threads: any.
 * Source: setrlimit(2), prlimit(2).
 */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* else the header gives these functions the other names, which stand below */
#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hakmem.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int prlimit(pid_t process, __rlimit_resource_t resource, const struct rlimit *limit, struct rlimit *before) {
  const int failed = (int)syscall(SYS_prlimit64, process, resource, limit, before);
  if (failed != 0 || resource != RLIMIT_AS || limit == NULL) return failed;
  const int error = errno;
  hak_trim();
  errno = error;
  return 0;
}

EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit) {
  return prlimit(0, resource, limit, NULL);
}

/* The names that programs have with _FILE_OFFSET_BITS=64: the same on 64-bit systems. */
EXPORT int prlimit64(pid_t process, __rlimit_resource_t resource, const struct rlimit64 *limit, struct rlimit64 *before)
    __attribute__((alias("prlimit")));
EXPORT int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit) __attribute__((alias("setrlimit")));
