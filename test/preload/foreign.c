/*
 * Pointers that hakmem never handed out, freed under the preload library: those of glibc's own malloc go to glibc, those that
 * cannot be given back are left alone, and what nobody handed out is named. Returns 0, or names the line that does not hold.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <gnu/lib-names.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include "expect.h"

typedef struct functions {
  void *(*malloc)(size_t size);
  void *(*memalign)(size_t alignment, size_t size);
  size_t (*usable_size)(void *block);
  struct mallinfo2 (*mallinfo2)(void);
} functions_t;

static functions_t glibc;

static functions_t functions_of(void *libc) {
  functions_t found;
  *(void **)&found.malloc = dlsym(libc, "malloc");
  *(void **)&found.memalign = dlsym(libc, "memalign");
  *(void **)&found.usable_size = dlsym(libc, "malloc_usable_size");
  *(void **)&found.mallinfo2 = dlsym(libc, "mallinfo2");
  EXPECT(found.malloc != NULL && found.memalign != NULL && found.usable_size != NULL && found.mallinfo2 != NULL);
  EXPECT(found.malloc != malloc);
  return found;
}

static const size_t sizes[] = {1, 24, 25, 100, 1000, 5000, 100000, 1 << 20, 10 << 20};

/* realloc moves a block over to hakmem; what it held comes along. */
static void use(void *block, size_t size) {
  EXPECT(block != NULL);
  EXPECT(malloc_usable_size(block) == glibc.usable_size(block));
  memset(block, 0x5a, size);
  unsigned char *moved = realloc(block, 2 * size);
  EXPECT(moved != NULL && moved != block);
  for (size_t i = 0; i < size; i++) EXPECT(moved[i] == 0x5a);
  free(moved);
}

static void *use_glibcs(void *unused) {
  for (int round = 0; round < 3; round++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      errno = 77;
      free(glibc.malloc(sizes[i]));
      free(glibc.memalign(4096, sizes[i]));
      EXPECT(errno == 77);
      use(glibc.malloc(sizes[i]), sizes[i]);
      EXPECT(realloc(glibc.malloc(sizes[i]), 0) == NULL);
    }
  return unused;
}

static size_t glibc_holds(void) {
  const struct mallinfo2 info = glibc.mallinfo2();
  return info.uordblks + info.hblkhd;
}

static void glibc_gets_its_blocks_back(void) {
  const size_t before = glibc_holds();
  for (int i = 0; i < 1000; i++) free(glibc.malloc(1 << 20));
  for (int i = 0; i < 1000; i++) free(glibc.malloc(60000));
  EXPECT(glibc_holds() < before + 100000);
}

static void *use_in_thread(void *unused) {
  return use_glibcs(unused);
}

static void other_namespaces_are_left_alone(void) {
  void *libc = dlmopen(LM_ID_NEWLM, LIBC_SO, RTLD_NOW);
  EXPECT(libc != NULL);
  const functions_t other = functions_of(libc);
  EXPECT(other.malloc != glibc.malloc);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    free(other.malloc(sizes[i]));
    char *block = realloc(strcpy(other.malloc(sizes[i] + 3), "ab"), 5000);
    EXPECT(strcmp(block, "ab") == 0);
    free(block);
  }
}

static void the_loaders_are_left_alone(void) {
  for (struct link_map *map = _r_debug.r_map; map != NULL; map = map->l_next) {
    if (map->l_addr == _r_debug.r_ldbase) continue;
    EXPECT(malloc_usable_size(map) == 0);
    free(map);
  }
  EXPECT(dlsym(RTLD_DEFAULT, "printf") != NULL);
}

static void *nobodys;
static void free_it(void) {
  free(nobodys);
}
static void reallocate_it(void) {
  nobodys = realloc(nobodys, 100);
}

static void expect_named(void *pointer) {
  nobodys = pointer;
  EXPECT(malloc_usable_size(pointer) == 0);
  expect_abort(free_it, "free of a pointer that is none of ours");
  expect_abort(reallocate_it, "realloc of a pointer that is none of ours");
}

static void nobodys_are_named(void) {
  char on_stack[4096] __attribute__((aligned(64))) = {0};
  static char in_data[4096] __attribute__((aligned(64)));
  char *unreadable = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *zero = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect_named(on_stack + 64);
  memset(on_stack, 0x31, sizeof on_stack);
  expect_named(on_stack + 64);
  expect_named(in_data + 128);
  expect_named((void *)(uintptr_t)&free_it);
  expect_named((void *)(uintptr_t)16);
  expect_named((void *)UINTPTR_MAX);
  expect_named((void *)(uintptr_t)0xffff800000000000);
  expect_named(unreadable + 4096);
  expect_named(zero);
  expect_named(zero + 4096);
  expect_named((char *)glibc.malloc(1000) + 1);
  expect_named((char *)glibc.malloc(1000) + 16);
}

/* ---- what looks like a chunk of glibc's, and reaches into a block of hakmem's ---- */

enum { PREVIOUS_IN_USE = 1, IS_MAPPING = 2, IS_ARENAS = 4, PAGE = 4096 };
#define ARENA ((size_t)64 << 20)

/* @return NULL: something lies there. */
static size_t *page_at(char *where) {
  void *page = mmap(where, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  return page == where ? page : NULL;
}

static bool has_room(char *where) {
  return page_at(where) != NULL && munmap(where, PAGE) == 0;
}

/* Aligned to an arena, so its mapping was cut out of a longer one. */
static char *block_with_room(void) {
  for (int i = 0; i < 10; i++) {
    char *block = aligned_alloc(ARENA, 3 << 20);
    EXPECT(block != NULL);
    if (has_room(block - PAGE) && has_room(block + malloc_usable_size(block))) return block;
  }
  EXPECT(!"room");
  return NULL;
}

/* Nobody's page lies behind the block, as a block does that was freed: the two words before it are data of the block. */
static void data_before_is_no_chunk(char *block, const size_t layouts[][2], size_t count) {
  const size_t usable = malloc_usable_size(block);
  size_t *words = (size_t *)(void *)(block + usable);
  EXPECT(page_at(block + usable) == words);
  words[PAGE / 2 / sizeof(size_t) - 1] = 64 | PREVIOUS_IN_USE; /* what would be the next one's size */
  *(void **)(void *)block = block; /* what would be an arena's first word */
  for (size_t i = 0; i < count; i++) {
    words[-2] = layouts[i][0];
    words[-1] = layouts[i][1];
    expect_named(words);
  }
  munmap(words, PAGE);
}

/* Nobody's page lies before the block, and what looks like a chunk in it ends in the block. */
static void data_behind_is_no_chunk(char *block, const size_t layouts[][2], size_t count) {
  size_t *words = page_at(block - PAGE);
  EXPECT(words != NULL);
  ((size_t *)(void *)block)[1] = 64 | PREVIOUS_IN_USE;
  for (size_t i = 0; i < count; i++) {
    words[0] = layouts[i][0];
    words[1] = layouts[i][1];
    expect_named(words + 2);
  }
  munmap(words, PAGE);
}

static void what_reaches_into_a_block_is_nobodys(void) {
  static const size_t before[][2] = {
      {PAGE - 16, (PAGE + 16) | IS_MAPPING},                   /* from the block's last page to the one behind it */
      {2 * ARENA - 16, (PAGE + 16) | IS_MAPPING},              /* from far before the block */
      {0, PAGE / 2 | PREVIOUS_IN_USE},                         /* the main arena's */
      {0, PAGE / 2 | PREVIOUS_IN_USE | IS_ARENAS},
  };
  static const size_t behind[][2] = {
      {0, 2 * PAGE | IS_MAPPING},
      {0, PAGE | PREVIOUS_IN_USE}, /* the next one's words are the block's */
  };
  char *block = block_with_room();
  data_before_is_no_chunk(block, before, sizeof before / sizeof *before);
  data_behind_is_no_chunk(block, behind, sizeof behind / sizeof *behind);
  free(block);
}

int main(void) {
  the_loaders_are_left_alone();
  other_namespaces_are_left_alone(); /* before glibc's own malloc has been used, and after */
  glibc = functions_of(dlopen(LIBC_SO, RTLD_LAZY | RTLD_NOLOAD));
  use_glibcs(NULL);
  pthread_t thread;
  EXPECT(pthread_create(&thread, NULL, use_in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
  glibc_gets_its_blocks_back();
  other_namespaces_are_left_alone();
  nobodys_are_named();
  what_reaches_into_a_block_is_nobodys();
  puts("holds");
  return 0;
}
