/*
 * A process that limits its own addresses after it has allocated: what it maps by itself, as for a thread's stack, gets its part, and the limit that
 * it set is the one that it reads.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "expect.h"

enum { LIMIT = 1 << 30, PART = 300 << 20 };

static void *allocate(void *unused) {
  for (int i = 0; i < 1000; i++) EXPECT(malloc(10000) != NULL); /* kept until the end of the process */
  return unused;
}

int main(void) {
  char *block = malloc(1000);
  struct rlimit limit, before;
  EXPECT(getrlimit(RLIMIT_AS, &before) == 0);
  limit = (struct rlimit){LIMIT, before.rlim_max};
  EXPECT(setrlimit(RLIMIT_AS, &limit) == 0);
  EXPECT(mmap(NULL, PART, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
  pthread_t thread;
  EXPECT(pthread_create(&thread, NULL, allocate, NULL) == 0 && pthread_join(thread, NULL) == 0);
  struct rlimit now;
  EXPECT(prlimit(0, RLIMIT_AS, NULL, &now) == 0 && now.rlim_cur == LIMIT);
  EXPECT(mmap(NULL, LIMIT, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
  EXPECT(setrlimit(RLIMIT_AS, &before) == 0 && prlimit(0, RLIMIT_NOFILE, NULL, &now) == 0);
  EXPECT(setrlimit((enum __rlimit_resource)-1, &before) == -1);
  free(block);
  puts("holds");
  return 0;
}
