/*
 * Start and end of a process under the preload library. What the environment can ask for:
 *
 *     HAKMEM_STATS=1      a summary to standard error at exit
 *     HAKMEM_INHERIT=0    programs that this one starts run without the library
 *
 * Idea: many programs close standard error before the last destructor runs, so the summary goes to a copy of it that is
 * made at the start; and only if that still is the same file, for a program may close all files it did not open.
 *
 * Threads: the one that loads the program, and the one that ends it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "foreign.h"
#include "inherit.h"
#include "report.h"

/* Above what programs count up to when they open files. */
enum { LEAST_COPY = 64 };

static int copy = -1; /* of standard error; -1: no summary is wanted */
static struct stat copied;

static bool is_set_to(const char *variable, const char *wanted) {
  const char *value = getenv(variable);
  return value != NULL && strcmp(value, wanted) == 0;
}

static void keep_standard_error(void) {
  copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, LEAST_COPY);
  if (copy >= 0 && fstat(copy, &copied) != 0) copy = -1;
}

__attribute__((constructor(101))) static void start(void) {
  hak_preload_foreign_start();
  if (is_set_to("HAKMEM_STATS", "1")) keep_standard_error();
  hak_preload_inherit_start();
}

static bool is_still_standard_error(void) {
  struct stat now;
  return fstat(copy, &now) == 0 && now.st_dev == copied.st_dev && now.st_ino == copied.st_ino;
}

__attribute__((destructor(101))) static void end(void) {
  if (copy >= 0 && is_still_standard_error()) hak_preload_report(copy);
}
