/* What a program can ask of its malloc besides memory: malloc_trim, mallinfo and its relations, malloc_stats. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>

#include "expect.h"

enum { BLOCKS = 2000, BYTES = 20000 };

static void *blocks[BLOCKS];

static void hold(void) {
  for (int i = 0; i < BLOCKS; i++) EXPECT((blocks[i] = malloc(BYTES)) != NULL && memset(blocks[i], i, BYTES) != NULL);
}

static void let_go(void) {
  for (int i = 0; i < BLOCKS; i++) free(blocks[i]);
}

static size_t resident(void) {
  size_t size = 0, pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  EXPECT(file != NULL && fscanf(file, "%zu %zu", &size, &pages) == 2);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* By its name, for the header calls it deprecated. */
static struct mallinfo old_mallinfo(void) {
  struct mallinfo (*function)(void);
  *(void **)&function = dlsym(RTLD_DEFAULT, "mallinfo");
  EXPECT(function != NULL);
  return function();
}

static void mallinfo_counts_bytes(void) {
  const struct mallinfo2 before = mallinfo2();
  hold();
  const struct mallinfo2 held = mallinfo2();
  EXPECT(held.uordblks >= before.uordblks + (size_t)BLOCKS * BYTES);
  EXPECT(held.uordblks < before.uordblks + (size_t)BLOCKS * BYTES * 5 / 4);
  EXPECT(held.arena >= held.uordblks && held.fordblks == held.arena - held.uordblks);
  EXPECT((size_t)old_mallinfo().uordblks == mallinfo2().uordblks);
  let_go();
  EXPECT(mallinfo2().uordblks <= before.uordblks + 10000);
}

static void large_numbers_are_told_as_the_most(void) {
  void *block = malloc((size_t)3 << 30);
  if (block == NULL) return;
  EXPECT(mallinfo2().uordblks >= (size_t)3 << 30 && old_mallinfo().uordblks == INT32_MAX);
  free(block);
}

static void trim_gives_back(void) {
  hold();
  const size_t held = resident();
  let_go();
  errno = 77;
  EXPECT(malloc_trim(0) == 1 && errno == 77);
  EXPECT(malloc_trim(0) == 0); /* nothing is left to be given */
  EXPECT(resident() < held - (size_t)BLOCKS * BYTES * 9 / 10);
}

static void info_is_xml(void) {
  char *text = NULL;
  size_t length = 0;
  FILE *file = open_memstream(&text, &length);
  EXPECT(file != NULL && malloc_info(1, file) == EINVAL && malloc_info(0, file) == 0 && fclose(file) == 0);
  EXPECT(strncmp(text, "<malloc version=\"1\">", 20) == 0 && strstr(text, "</malloc>") != NULL);
  free(text);
}

static void stats_are_told(void) {
  const int file = memfd_create("stats", 0);
  const int before = dup(STDERR_FILENO);
  char text[4096] = "";
  EXPECT(file >= 0 && dup2(file, STDERR_FILENO) >= 0);
  malloc_stats();
  dup2(before, STDERR_FILENO);
  EXPECT(pread(file, text, sizeof text - 1, 0) > 0);
  EXPECT(strncmp(text, "hakmem ", 7) == 0 && strstr(text, "live") != NULL && strstr(text, "bigcache") != NULL);
  EXPECT(text[strlen(text) - 1] == '\n');
}

int main(void) {
  mallinfo_counts_bytes();
  large_numbers_are_told_as_the_most();
  trim_gives_back();
  info_is_xml();
  stats_are_told();
  puts("holds");
  return 0;
}
