/*
 * Each function of the malloc family at its edges, as glibc's manual pages have them. Run under the preload library;
 * returns 0, or names the line that does not hold.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "expect.h"

/* Sizes that the compiler must not see through. */
static volatile size_t enormous = (size_t)PTRDIFF_MAX + 1;

static bool aligned(const void *block, size_t alignment) {
  return (uintptr_t)block % alignment == 0;
}

static void test_is_preloaded(void) {
  Dl_info info;
  EXPECT(dladdr((void *)(uintptr_t)&malloc_usable_size, &info) != 0);
  EXPECT(strstr(info.dli_fname, "hakmem-preload") != NULL);
}

static void test_malloc(void) {
  void *a = malloc(0);
  void *b = malloc(0);
  EXPECT(a != NULL && b != NULL && a != b);
  free(a);
  free(b);
  free(NULL);
  errno = 0;
  EXPECT(malloc(enormous) == NULL && errno == ENOMEM);
  errno = 0;
  EXPECT(malloc(enormous / 2) == NULL && errno == ENOMEM);
  EXPECT(malloc_usable_size(NULL) == 0);
  for (size_t size = 1; size < 100000; size = size * 5 / 3 + 1) {
    char *block = malloc(size);
    EXPECT(block != NULL && aligned(block, 16) && malloc_usable_size(block) >= size);
    memset(block, 0xee, malloc_usable_size(block));
    free(block);
  }
}

static void test_calloc(void) {
  for (size_t size = 1; size < 5000000; size = size * 2 + 1) {
    unsigned char *block = calloc(size, 1);
    EXPECT(block != NULL);
    for (size_t i = 0; i < size; i++) EXPECT(block[i] == 0);
    memset(block, 0xff, size);
    free(block);
  }
  errno = 0;
  EXPECT(calloc(enormous, 3) == NULL && errno == ENOMEM);
  EXPECT(calloc(0, 10) != NULL);
}

static void test_realloc(void) {
  char *block = realloc(NULL, 10);
  EXPECT(block != NULL);
  memcpy(block, "123456789", 10);
  for (size_t size = 10; size < 4000000; size = size * 3 + 1) {
    block = realloc(block, size);
    EXPECT(block != NULL && strcmp(block, "123456789") == 0);
  }
  block = realloc(block, 10);
  EXPECT(block != NULL && strcmp(block, "123456789") == 0);
  errno = 0;
  EXPECT(realloc(block, enormous) == NULL && errno == ENOMEM && strcmp(block, "123456789") == 0);
  errno = 0;
  EXPECT(reallocarray(block, enormous, 2) == NULL && errno == ENOMEM && strcmp(block, "123456789") == 0);
  block = reallocarray(block, 100, 100);
  EXPECT(block != NULL && malloc_usable_size(block) >= 10000 && strcmp(block, "123456789") == 0);
  EXPECT(realloc(block, 0) == NULL);
}

static void test_aligned(void) {
  for (size_t alignment = 1; alignment <= (size_t)2 << 20; alignment *= 2) {
    void *block = aligned_alloc(alignment, 100);
    EXPECT(block != NULL && aligned(block, alignment) && malloc_usable_size(block) >= 100);
    memset(block, 1, 100);
    free(block);
    block = memalign(alignment, 3 * alignment + 1);
    EXPECT(block != NULL && aligned(block, alignment) && malloc_usable_size(block) >= 3 * alignment + 1);
    free(block);
  }
  void *block = memalign(48, 10);
  EXPECT(block != NULL && aligned(block, 64));
  free(block);
  errno = 0;
  EXPECT(aligned_alloc(64, enormous) == NULL && errno == ENOMEM);
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  block = valloc(1);
  EXPECT(block != NULL && aligned(block, page));
  free(block);
  block = pvalloc(page + 1);
  EXPECT(block != NULL && aligned(block, page) && malloc_usable_size(block) >= 2 * page);
  free(block);
}

/* Beyond what chunks are aligned to. */
static void test_far_aligned(void) {
  for (size_t alignment = (size_t)4 << 20; alignment <= (size_t)1 << 30; alignment *= 2) {
    void *blocks[3] = {NULL, aligned_alloc(alignment, alignment), memalign(alignment - 1, 10)};
    EXPECT(posix_memalign(&blocks[0], alignment, 1000) == 0);
    for (int i = 0; i < 3; i++) {
      EXPECT(blocks[i] != NULL && aligned(blocks[i], alignment) && malloc_usable_size(blocks[i]) >= 10);
      strcpy(blocks[i], "kept");
      blocks[i] = realloc(blocks[i], 5000000);
      EXPECT(blocks[i] != NULL && strcmp(blocks[i], "kept") == 0);
      free(blocks[i]);
    }
  }
  const size_t beyond = enormous; /* the last power of two */
  errno = 0;
  EXPECT(aligned_alloc(beyond, 10) == NULL && errno == ENOMEM);
  errno = 0;
  EXPECT(memalign(beyond - 1, 10) == NULL && errno == ENOMEM);
  errno = 0;
  EXPECT(memalign(beyond + 1, 10) == NULL && errno == EINVAL);
}

static void test_posix_memalign(void) {
  void *const before = (void *)(uintptr_t)12345;
  void *block = before;
  errno = 77;
  EXPECT(posix_memalign(&block, 0, 10) == EINVAL);
  EXPECT(posix_memalign(&block, 4, 10) == EINVAL);
  EXPECT(posix_memalign(&block, 24, 10) == EINVAL);
  EXPECT(posix_memalign(&block, 16, enormous) == ENOMEM);
  EXPECT(posix_memalign(&block, enormous, 10) == ENOMEM);
  EXPECT(block == before && errno == 77);
  EXPECT(posix_memalign(&block, 8, 10) == 0 && aligned(block, 8));
  free(block);
  EXPECT(posix_memalign(&block, 4096, 100000) == 0 && aligned(block, 4096));
  free(block);
}

static void test_free_keeps_errno(void) {
  for (size_t size = 1; size < (size_t)64 << 20; size = size * 4 + 1) {
    void *block = malloc(size);
    errno = 77;
    free(block);
    EXPECT(errno == 77);
  }
}

static void *churn(void *stop) {
  while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)) free(malloc(100 + (size_t)rand() % 100000));
  return NULL;
}

/* The child of a process with busy threads allocates and frees at once. */
static void test_fork(void) {
  bool stop = false;
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) EXPECT(pthread_create(&threads[i], NULL, churn, &stop) == 0);
  for (int i = 0; i < 100; i++) {
    const pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
      alarm(20);
      for (size_t size = 1; size < 3000000; size = size * 3 + 1) {
        char *block = malloc(size);
        if (block == NULL) _exit(2);
        block[size - 1] = 1;
        free(block);
      }
      _exit(0);
    }
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
  }
  __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

int main(void) {
  test_is_preloaded();
  test_malloc();
  test_calloc();
  test_realloc();
  test_aligned();
  test_far_aligned();
  test_posix_memalign();
  test_free_keeps_errno();
  test_fork();
  puts("holds");
  return 0;
}
