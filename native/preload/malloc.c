/*
 * The preload library: malloc and its family over the core, for whole processes (LD_PRELOAD on Linux).
 *
 * Idea: every name that the C library exports for memory is defined here, so all of the process allocates from one place,
 * C++ included, because operator new and delete call malloc and free. What a function does at its edges is what glibc does:
 * the programs were written for that.
 *
 * Invariants: a pointer that one of these returned may go to any other, and one that glibc's returned too (foreign.h).
 * No function here calls what allocates.
 * Threads: any. May run before constructors and after destructors.
 * Source: malloc(3), posix_memalign(3), malloc_usable_size(3).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "foreign.h"
#include "hakmem.h"

#define EXPORT __attribute__((visibility("default")))

static bool is_power_of_two(size_t x) {
  return x != 0 && (x & (x - 1)) == 0;
}

static size_t page_size(void) {
  return (size_t)getpagesize();
}

EXPORT void *malloc(size_t size) {
  return hak_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size) {
  return hak_calloc(count, size);
}

EXPORT void free(void *block) {
  hak_free(block);
}

/* Not in glibc since 2.26; old binaries still call it. */
EXPORT void cfree(void *block);
EXPORT void cfree(void *block) {
  hak_free(block);
}

/* Size 0 frees, as in glibc. */
EXPORT void *realloc(void *block, size_t size) {
  if (size == 0 && block != NULL) {
    hak_free(block);
    return NULL;
  }
  return hak_realloc(block, size);
}

EXPORT void *reallocarray(void *block, size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total)) {
    errno = ENOMEM;
    return NULL;
  }
  return realloc(block, total);
}

/* Sets no errno: its result is the error. */
EXPORT int posix_memalign(void **result, size_t alignment, size_t size) {
  if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0) return EINVAL;
  const int before = errno;
  void *block = hak_aligned_alloc(alignment, size);
  errno = before;
  if (block == NULL) return ENOMEM;
  *result = block;
  return 0;
}

/* Refuses what is no power of two, as glibc does since 2.38. */
EXPORT void *aligned_alloc(size_t alignment, size_t size) {
  return hak_aligned_alloc(alignment, size);
}

/* An alignment that is no power of two is rounded up to one, as in glibc; beyond the last of them it comes to 0, which is refused. */
EXPORT void *memalign(size_t alignment, size_t size) {
  size_t rounded = HAK_MIN_ALIGNMENT;
  while (rounded != 0 && rounded < alignment) rounded *= 2;
  return hak_aligned_alloc(rounded, size);
}

EXPORT void *valloc(size_t size) {
  return hak_aligned_alloc(page_size(), size);
}

/* Whole pages. */
EXPORT void *pvalloc(size_t size) {
  const size_t page = page_size();
  if (size > SIZE_MAX - page) {
    errno = ENOMEM;
    return NULL;
  }
  return hak_aligned_alloc(page, (size + page - 1) / page * page);
}

EXPORT size_t malloc_usable_size(void *block) {
  const size_t usable = hak_usable_size(block);
  return usable != 0 || block == NULL ? usable : hak_preload_foreign_usable_size(block);
}

/* What is idle goes back whatever the caller wants kept: it is soon fetched again. @return whether anything went. */
EXPORT int malloc_trim(size_t kept) {
  (void)kept;
  const int before = errno;
  const size_t given = hak_trim();
  errno = before;
  return given != 0;
}

/* ---- the names under which glibc has them for itself, which some programs call too ---- */

EXPORT void *__libc_malloc(size_t size);
EXPORT void *__libc_malloc(size_t size) {
  return malloc(size);
}

EXPORT void *__libc_calloc(size_t count, size_t size);
EXPORT void *__libc_calloc(size_t count, size_t size) {
  return calloc(count, size);
}

EXPORT void *__libc_realloc(void *block, size_t size);
EXPORT void *__libc_realloc(void *block, size_t size) {
  return realloc(block, size);
}

EXPORT void __libc_free(void *block);
EXPORT void __libc_free(void *block) {
  free(block);
}

EXPORT void *__libc_memalign(size_t alignment, size_t size);
EXPORT void *__libc_memalign(size_t alignment, size_t size) {
  return memalign(alignment, size);
}

EXPORT void *__libc_valloc(size_t size);
EXPORT void *__libc_valloc(size_t size) {
  return valloc(size);
}

EXPORT void *__libc_pvalloc(size_t size);
EXPORT void *__libc_pvalloc(size_t size) {
  return pvalloc(size);
}

EXPORT int __posix_memalign(void **result, size_t alignment, size_t size);
EXPORT int __posix_memalign(void **result, size_t alignment, size_t size) {
  return posix_memalign(result, alignment, size);
}
