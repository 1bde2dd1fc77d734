/*
 * Start and end of a process under the preload library. What the environment can ask for:
 *
 *     HAKMEM_STATS=1      a summary to standard error at exit
 *     HAKMEM_INHERIT=0    programs that this one starts run without the library
 *
 * Idea: many programs close standard error before the last destructor runs, so the summary goes to a copy of it that is
 * made at the start; and only if that still is the same file, for a program may close all files it did not open.
 *
 * The library is linked to be initialised before all others (-z initfirst), for its handlers of fork must be the innermost (thread.c in the
 * core): one that a library registers before them runs while they hold all locks. So the C library may not have its `environ` yet.
 *
 * Threads: the one that loads the program, and the one that ends it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "foreign.h"
#include "inherit.h"
#include "report.h"

/* Above what programs count up to when they open files. */
enum { LEAST_COPY = 64 };

static int copy = -1; /* of standard error; -1: no summary is wanted */
static struct stat copied;

/* By hand: for strcmp alone 64 KiB of the C library would become resident (layout.ld). */
static bool is_same(const char *one, const char *other) {
  while (*one == *other && *one != '\0') one++, other++;
  return *one == *other;
}

static bool asks_for(char *const variables[], const char *wanted) {
  while (*variables != NULL && !is_same(*variables, wanted)) variables++;
  return *variables != NULL;
}

/* fstat, which glibc has as a function of its own since 2.33 only. */
static bool look_at(int file, struct stat *found) {
  return syscall(SYS_fstat, file, found) == 0;
}

static void keep_standard_error(void) {
  copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, LEAST_COPY);
  if (copy >= 0 && !look_at(copy, &copied)) copy = -1;
}

/* glibc tells its constructors the environment; others have their `environ` by now. */
__attribute__((constructor(101))) static void start(int count, char **arguments, char **given) {
  (void)count, (void)arguments;
  char **variables = environ != NULL ? environ : given;
  hak_preload_foreign_start();
  if (asks_for(variables, "HAKMEM_STATS=1")) keep_standard_error();
  hak_preload_inherit_start(asks_for(variables, "HAKMEM_INHERIT=0") ? variables : NULL);
}

static bool is_still_standard_error(void) {
  struct stat now;
  return look_at(copy, &now) && now.st_dev == copied.st_dev && now.st_ino == copied.st_ino;
}

__attribute__((destructor(101))) static void end(void) {
  if (copy >= 0 && is_still_standard_error()) hak_preload_report(copy);
}
