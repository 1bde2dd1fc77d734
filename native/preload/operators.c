/*
 * C++ operator new and delete, by default interposition, under the names that the Itanium ABI gives them.
 *
 * Idea: libstdc++'s call malloc and free through two more jumps each; here they are the core's functions at once. Where there
 * is no memory, the operators that were found without us take over: they know the program's new handler and how to throw,
 * so this library needs nothing of C++. An exception passes through it by its unwind tables, which C has too on these systems.
 *
 * A program with operators of its own keeps them: its symbols come before ours.
 * Threads: any.
 * Source: Itanium C++ ABI 5.1; [new.delete] of the C++ standard.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include "hakmem.h"

#define EXPORT __attribute__((visibility("default")))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define COLD __attribute__((noinline, cold))

/* A C program may have loaded its C++ library with a plugin, for that alone: then only those who ask for the library itself find it. */
static void *operator_of_loaded(const char *library, const char *name) {
  void *handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
  return handle == NULL ? NULL : dlsym(handle, name); /* the handle stays: its operator may be at work */
}

/* The operator of that name behind ours, or NULL. */
static void *find_operator(const char *name) {
  void *next = dlsym(RTLD_NEXT, name);
  if (next == NULL) next = operator_of_loaded("libstdc++.so.6", name);
  return next != NULL ? next : operator_of_loaded("libc++.so.1", name);
}

/* One that throws must not return, so without it the process ends. */
static void *next_operator(const char *name) {
  void *next = find_operator(name);
  if (next != NULL) return next;
  static const char message[] = "hakmem: no memory in operator new, and no C++ library to throw std::bad_alloc\n";
  ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
  (void)written; /* a closed standard error leaves nobody to tell */
  abort();
}

/* ---- new: of one object (nw) and of arrays (na); the rest of a name are the parameters ---- */

static COLD void *new_failed(size_t size) {
  return ((void *(*)(size_t))next_operator("_Znwm"))(size);
}
EXPORT void *_Znwm(size_t size) { return hak_malloc_or(size, new_failed); }
EXPORT void *_Znam(size_t size) { return hak_malloc_or(size, new_failed); }

static COLD void *new_aligned_failed(size_t size, size_t alignment) {
  return ((void *(*)(size_t, size_t))next_operator("_ZnwmSt11align_val_t"))(size, alignment);
}
static inline void *new_aligned(size_t size, size_t alignment) {
  void *block = hak_aligned_alloc(alignment, size);
  return LIKELY(block != NULL) ? block : new_aligned_failed(size, alignment);
}
EXPORT void *_ZnwmSt11align_val_t(size_t size, size_t alignment) { return new_aligned(size, alignment); }
EXPORT void *_ZnamSt11align_val_t(size_t size, size_t alignment) { return new_aligned(size, alignment); }

/* The new handler has its say here too, before there is no block. */
static COLD void *new_nothrow_failed(size_t size, const void *nothrow) {
  void *next = find_operator("_ZnwmRKSt9nothrow_t");
  return next == NULL ? NULL : ((void *(*)(size_t, const void *))next)(size, nothrow);
}
static inline void *new_nothrow(size_t size, const void *nothrow) {
  void *block = hak_malloc(size);
  return LIKELY(block != NULL) ? block : new_nothrow_failed(size, nothrow);
}
EXPORT void *_ZnwmRKSt9nothrow_t(size_t size, const void *nothrow) { return new_nothrow(size, nothrow); }
EXPORT void *_ZnamRKSt9nothrow_t(size_t size, const void *nothrow) { return new_nothrow(size, nothrow); }

static COLD void *new_aligned_nothrow_failed(size_t size, size_t alignment, const void *nothrow) {
  void *next = find_operator("_ZnwmSt11align_val_tRKSt9nothrow_t");
  return next == NULL ? NULL : ((void *(*)(size_t, size_t, const void *))next)(size, alignment, nothrow);
}
static inline void *new_aligned_nothrow(size_t size, size_t alignment, const void *nothrow) {
  void *block = hak_aligned_alloc(alignment, size);
  return LIKELY(block != NULL) ? block : new_aligned_nothrow_failed(size, alignment, nothrow);
}
EXPORT void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment, const void *nothrow) {
  return new_aligned_nothrow(size, alignment, nothrow);
}
EXPORT void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment, const void *nothrow) {
  return new_aligned_nothrow(size, alignment, nothrow);
}

/* ---- delete: sizes and alignments stand in the live map ---- */

EXPORT void _ZdlPv(void *block) { hak_free(block); }
EXPORT void _ZdaPv(void *block) { hak_free(block); }
EXPORT void _ZdlPvm(void *block, size_t size) {
  (void)size;
  hak_free(block);
}
EXPORT void _ZdaPvm(void *block, size_t size) {
  (void)size;
  hak_free(block);
}
EXPORT void _ZdlPvSt11align_val_t(void *block, size_t alignment) {
  (void)alignment;
  hak_free(block);
}
EXPORT void _ZdaPvSt11align_val_t(void *block, size_t alignment) {
  (void)alignment;
  hak_free(block);
}
EXPORT void _ZdlPvRKSt9nothrow_t(void *block, const void *nothrow) {
  (void)nothrow;
  hak_free(block);
}
EXPORT void _ZdaPvRKSt9nothrow_t(void *block, const void *nothrow) {
  (void)nothrow;
  hak_free(block);
}
EXPORT void _ZdlPvmSt11align_val_t(void *block, size_t size, size_t alignment) {
  (void)size, (void)alignment;
  hak_free(block);
}
EXPORT void _ZdaPvmSt11align_val_t(void *block, size_t size, size_t alignment) {
  (void)size, (void)alignment;
  hak_free(block);
}
EXPORT void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *block, size_t alignment, const void *nothrow) {
  (void)alignment, (void)nothrow;
  hak_free(block);
}
EXPORT void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *block, size_t alignment, const void *nothrow) {
  (void)alignment, (void)nothrow;
  hak_free(block);
}
