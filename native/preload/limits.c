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
#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hakmem.h"

#define EXPORT __attribute__((visibility("default")))

/* glibc's header has an enumeration for it under this name, others an int. */
#if defined(__GLIBC__)
typedef __rlimit_resource_t resource_t;
#else
typedef int resource_t;
#endif

static pid_t self; /* a child of vfork, which has its parent's memory, is another */

static void note_self(void) {
  self = getpid();
}

__attribute__((constructor)) static void start(void) {
  note_self();
  pthread_atfork(NULL, NULL, note_self);
}

EXPORT int prlimit(pid_t process, resource_t resource, const struct rlimit *limit, struct rlimit *before) {
  struct rlimit old;
  const int failed = (int)syscall(SYS_prlimit64, process, resource, limit, &old);
  if (failed != 0) return failed;
  if (before != NULL) *before = old;
  const bool lowers_own = limit != NULL && resource == RLIMIT_AS && limit->rlim_cur < old.rlim_cur && (process == 0 || process == self);
  if (!lowers_own || self != getpid()) return 0;
  const int error = errno;
  hak_trim();
  errno = error;
  return 0;
}

EXPORT int setrlimit(resource_t resource, const struct rlimit *limit) {
  return prlimit(0, resource, limit, NULL);
}

#if defined(__GLIBC__)
/* The names that programs have with _FILE_OFFSET_BITS=64: the same on 64-bit systems. */
EXPORT int prlimit64(pid_t process, resource_t resource, const struct rlimit64 *limit, struct rlimit64 *before)
    __attribute__((alias("prlimit")));
EXPORT int setrlimit64(resource_t resource, const struct rlimit64 *limit) __attribute__((alias("setrlimit")));
#endif
