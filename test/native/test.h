/*
 * What the native tests share: CHECK, seeded random numbers, threads, children, and the accounting at the end.
 *
 * A test is one program: it exits with 0, or prints what failed, where, and the seed, and aborts.
 * A random test prints its seed at the start; HAKMEM_SEED=<seed> replays it.
 */
#ifndef HAK_TEST_H
#define HAK_TEST_H

/* Included first, so that this counts for every system header. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hakmem.h"
#include "thread.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

/* How much less a sanitizer's run does, and whether the address space is the program's own to limit and measure. */
#if defined(__SANITIZE_THREAD__)
enum { TEST_SLOWER = 10, TEST_SANITIZED = 1 };
#elif defined(__SANITIZE_ADDRESS__)
enum { TEST_SLOWER = 4, TEST_SANITIZED = 1 };
#else
enum { TEST_SLOWER = 1, TEST_SANITIZED = 0 };
#endif

#define CHECK(condition) ((condition) ? (void)0 : test_fail(#condition, __FILE__, __LINE__))
#define TEST_COUNT(array) (sizeof(array) / sizeof((array)[0]))

_Noreturn static inline void test_fail(const char *what, const char *file, int line) {
  fprintf(stderr, "FAILED: %s (%s:%d)\n", what, file, line);
  abort();
}

/* ---- random numbers: splitmix64 (Steele, Lea, Flood 2014) ---- */

typedef struct test_random {
  uint64_t state;
} test_random_t;

static inline uint64_t test_next(test_random_t *random) {
  uint64_t z = random->state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* 0 to limit - 1. */
static inline size_t test_below(test_random_t *random, size_t limit) {
  return (size_t)(test_next(random) % limit);
}

/* Small sizes far more often than large ones: every doubling up to `most` is as likely as every other. */
static inline size_t test_size(test_random_t *random, size_t most) {
  size_t octave = test_below(random, (size_t)(64 - __builtin_clzll(most)));
  size_t size = ((size_t)1 << octave) + test_below(random, (size_t)1 << octave);
  return size > most ? most : size;
}

static inline test_random_t test_random(void) {
  const char *given = getenv("HAKMEM_SEED");
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)now.tv_sec * 1000003u + (uint64_t)now.tv_nsec;
  fprintf(stderr, "replay with HAKMEM_SEED=%llu\n", (unsigned long long)seed);
  test_random_t random = {seed};
  return random;
}

/* ---- threads ---- */

/* Runs `body` on `count` threads at once, each with its own element of `arguments`, until all have ended. */
static inline void test_threads(size_t count, void *(*body)(void *), void *arguments, size_t element_size) {
  pthread_t threads[64];
  CHECK(count <= TEST_COUNT(threads));
  for (size_t i = 0; i < count; i++)
    CHECK(pthread_create(&threads[i], NULL, body, (char *)arguments + i * element_size) == 0);
  for (size_t i = 0; i < count; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* ---- children ---- */

typedef struct test_outcome {
  int status;       /* as waitpid tells it */
  char error[1024]; /* the beginning of what the child wrote to standard error */
} test_outcome_t;

static inline void test_read_all(int from, test_outcome_t *outcome) {
  size_t length = 0;
  char byte;
  while (read(from, &byte, 1) == 1)
    if (length + 1 < sizeof outcome->error) outcome->error[length++] = byte;
  outcome->error[length] = '\0';
}

/* Runs `body` in a forked child, which a minute ends at the latest. */
static inline test_outcome_t test_in_child(void (*body)(void)) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(60);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    body();
    syscall(SYS_exit_group, 0); /* not _exit: ThreadSanitizer would report the parent's threads as leaked */
  }
  close(ends[1]);
  test_outcome_t outcome;
  test_read_all(ends[0], &outcome);
  close(ends[0]);
  CHECK(waitpid(child, &outcome.status, 0) == child);
  return outcome;
}

/* The child came to its end and had nothing to say; what it said is shown. */
static inline void test_expect_success(void (*body)(void)) {
  test_outcome_t outcome = test_in_child(body);
  fputs(outcome.error, stderr);
  CHECK(WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 0 && outcome.error[0] == '\0');
}

/* The child was ended by abort() and said exactly "hakmem: <message> (<the block's address>)". */
static inline void test_expect_abort(void (*body)(void), const char *message) {
  test_outcome_t outcome = test_in_child(body);
  char expected[256];
  int length = snprintf(expected, sizeof expected, "hakmem: %s (0x", message);
  bool same = strncmp(outcome.error, expected, (size_t)length) == 0;
  bool whole = same && strspn(outcome.error + length, "0123456789abcdef") == 16 &&
               strcmp(outcome.error + length + 16, ")\n") == 0;
  if (!whole) fprintf(stderr, "expected: %s...)\ngot: %s\n", expected, outcome.error);
  CHECK(whole);
  CHECK(WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) == SIGABRT);
}

/* ---- the accounting at the end ---- */

/* Nobody holds a block, and no other thread runs: after a trim no memory is left with the allocator. */
static inline void test_expect_quiet(void) {
  hak_trim();
  hak_trim(); /* the first may have flushed into heaps that were trimmed before */
  static hak_stats_t stats;
  hak_stats_get(&stats);
  CHECK(stats.blocks_live == 0 && stats.bytes_live == 0);
  CHECK(stats.blocks_cached == 0 && stats.bytes_cached == 0);
  CHECK(stats.superslab.used == 0 && stats.superslab.capacity == 0);
  CHECK(stats.bytes_committed == 0 && stats.bytes_reserved == 0);
  CHECK(stats.registry.used == 0);
  for (size_t c = 0; c <= HAK_SLAB_CLASSES; c++) CHECK(stats.classes[c].live == 0 && stats.classes[c].cached == 0);
  memset(&stats, 0, sizeof stats);
  hak_thread_add_stats(&stats); /* before anything below 0 is taken for 0 */
  CHECK(stats.blocks_live == 0 && stats.bytes_live == 0);
  for (size_t c = 0; c <= HAK_SLAB_CLASSES; c++) CHECK(stats.classes[c].live == 0);
}

/* Bytes of this process that are in memory. */
static inline size_t test_resident(void) {
  size_t whole = 0, pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%zu %zu", &whole, &pages) == 2);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

#endif
