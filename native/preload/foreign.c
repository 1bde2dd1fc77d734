/* Pointers from elsewhere: see foreign.h. */
#define _GNU_SOURCE
#include "foreign.h"

#include <stdbool.h>
#include <stdint.h>

#include "hakmem.h"

#if defined(__GLIBC__)
#include <dlfcn.h>
#include <errno.h>
#include <gnu/lib-names.h>
#include <link.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The two words before a block of glibc's. */
typedef struct chunk {
  size_t before; /* bytes of the chunk before this one if that is free; of a mapping: bytes before this chunk */
  size_t size;   /* of this chunk, both words included; the flags in its low bits */
} chunk_t;

enum { PREVIOUS_IN_USE = 1, IS_MAPPING = 2, IS_ARENAS = 4, FLAGS = 7 };

#define CHUNK_LEAST ((size_t)32)
#define CHUNK_MOST ((size_t)1 << 46)
#define ARENA_ALIGNMENT ((uintptr_t)64 << 20)

typedef enum owner { NOBODY, LOADER, GLIBC, GLIBC_OUT_OF_REACH } owner_t;

/* ---- looking ---- */

/* The kernel reads a signal set from there, and only then finds that it is told to do nothing known with it. */
static bool readable(const void *address) {
  return syscall(SYS_rt_sigprocmask, ~0, address, NULL, (size_t)8) == -1 && errno == EINVAL;
}

static const chunk_t *chunk_before(const void *block) {
  const bool aligned = (uintptr_t)block % HAK_MIN_ALIGNMENT == 0 && (uintptr_t)block > sizeof(chunk_t);
  const chunk_t *chunk = (const chunk_t *)block - 1;
  return aligned && readable(chunk) ? chunk : NULL;
}

static size_t bytes_of(const chunk_t *chunk) {
  return chunk->size & ~(size_t)FLAGS;
}

static bool size_is_sound(const chunk_t *chunk) {
  const size_t bytes = bytes_of(chunk);
  return bytes >= CHUNK_LEAST && bytes <= CHUNK_MOST && bytes % HAK_MIN_ALIGNMENT == 0;
}

/* As glibc itself tests before it unmaps. */
static bool mapping_is_sound(const chunk_t *chunk) {
  const size_t page = (size_t)getpagesize();
  const uintptr_t start = (uintptr_t)chunk - chunk->before;
  return chunk->before < (uintptr_t)chunk && start % page == 0 && (chunk->before + bytes_of(chunk)) % page == 0;
}

/* The chunk that follows says that this one is in use. */
static bool next_agrees(const chunk_t *chunk) {
  const chunk_t *next = (const chunk_t *)((uintptr_t)chunk + bytes_of(chunk));
  return readable(next) && (next->size & PREVIOUS_IN_USE) != 0 && size_is_sound(next);
}

/* An arena's memory starts with the address of the arena. */
static bool arena_is_there(const chunk_t *chunk) {
  const void *const *heap = (const void *const *)((uintptr_t)chunk & ~(ARENA_ALIGNMENT - 1));
  return readable(heap) && *heap != NULL && readable(*heap);
}

static bool is_ours(uintptr_t address) {
  return hak_usable_size((const void *)address) != 0;
}

/* No chunk of glibc's has a byte in a block of ours, nor has the chunk that follows. What lies before a pointer may be a neighbour's
   data that looks like one. */
static bool reaches_ours(const chunk_t *chunk) {
  const uintptr_t start = (uintptr_t)chunk, end = start + bytes_of(chunk);
  return is_ours(start) || (chunk->size & IS_MAPPING ? is_ours(start - chunk->before) || is_ours(end - 1) : is_ours(end));
}

/* ---- places ---- */

static uintptr_t break_at_start;

static bool in_break(const void *address) {
  return (uintptr_t)address >= break_at_start && (uintptr_t)address < (uintptr_t)sbrk(0);
}

/* The loader's blocks fill the end of its own data, where it keeps what it knows of the program, and then whole pages, where
   it keeps what it knows of the libraries that the program starts with. */
typedef struct range {
  uintptr_t first, end;
} range_t;

static range_t in_loader, in_pages;

static void include_page(range_t *range, const void *address) {
  const uintptr_t page = (uintptr_t)getpagesize();
  const uintptr_t first = (uintptr_t)address / page * page;
  if (range->end == 0 || first < range->first) range->first = first;
  if (first + page > range->end) range->end = first + page;
}

static bool is_in(const range_t *range, const void *address) {
  return (uintptr_t)address >= range->first && (uintptr_t)address < range->end;
}

static void find_loaders(void) {
  const struct link_map *map = _r_debug.r_map;
  if (map == NULL) return;
  include_page(&in_loader, map);
  while ((map = map->l_next) != NULL)
    if (map->l_addr != _r_debug.r_ldbase && !is_in(&in_loader, map)) include_page(&in_pages, map);
}

static owner_t owner_of(const void *block) {
  if (is_in(&in_loader, block) || is_in(&in_pages, block)) return LOADER;
  const chunk_t *chunk = chunk_before(block);
  if (chunk == NULL || !size_is_sound(chunk) || reaches_ours(chunk)) return NOBODY;
  if (chunk->size & IS_MAPPING) return mapping_is_sound(chunk) ? GLIBC : NOBODY;
  if (!next_agrees(chunk)) return NOBODY;
  if (chunk->size & IS_ARENAS) return arena_is_there(chunk) ? GLIBC : NOBODY;
  return in_break(block) ? GLIBC : GLIBC_OUT_OF_REACH;
}

/* ---- glibc's functions ---- */

typedef void free_function_t(void *block);

/* By the library and not by RTLD_NEXT: the next may be another library that stands in for malloc. */
static free_function_t *find_free(void) {
  void *libc = dlopen(LIBC_SO, RTLD_LAZY | RTLD_NOLOAD);
  return libc == NULL ? NULL : (free_function_t *)(uintptr_t)dlsym(libc, "free");
}

/* Found at first use, since few programs need it. Where it cannot be found the block is left alone. */
static void pass_on(void *block) {
  static _Atomic(free_function_t *) known; /* every thread finds the same */
  free_function_t *function = __atomic_load_n((free_function_t **)&known, __ATOMIC_RELAXED);
  if (function == NULL) function = find_free();
  __atomic_store_n((free_function_t **)&known, function, __ATOMIC_RELAXED);
  if (function != NULL) function(block);
}

static bool foreign_free(void *block) {
  const int before = errno;
  const owner_t owner = owner_of(block);
  if (owner == GLIBC) pass_on(block);
  errno = before;
  return owner != NOBODY;
}

/* A mapping's last word is its own; any other chunk also has the first word of the next. */
size_t hak_preload_foreign_usable_size(const void *block) {
  const int before = errno;
  const owner_t owner = owner_of(block);
  errno = before;
  if (owner != GLIBC && owner != GLIBC_OUT_OF_REACH) return 0;
  const chunk_t *chunk = (const chunk_t *)block - 1;
  return bytes_of(chunk) - (chunk->size & IS_MAPPING ? sizeof(chunk_t) : sizeof(size_t));
}

static const hak_foreign_t glibc = {hak_preload_foreign_usable_size, foreign_free};

void hak_preload_foreign_start(void) {
  break_at_start = (uintptr_t)sbrk(0);
  find_loaders();
  hak_set_foreign(&glibc);
}

#else
/* Other C libraries: what lies before their blocks is not known here, so every foreign pointer is nobody's. */
void hak_preload_foreign_start(void) {}

size_t hak_preload_foreign_usable_size(const void *block) {
  (void)block;
  return 0;
}
#endif
