/* malloc: the public functions, one promise after the other. */
#include "test.h"

#include "os.h"

#include "config.h"

static void expect_bytes(const void *block, size_t size, unsigned char byte) {
  const unsigned char *bytes = block;
  if (size != 0) CHECK(bytes[0] == byte && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static void version_is_one_number(void) {
  CHECK(hak_version() == HAK_VERSION_MAJOR * 10000 + HAK_VERSION_MINOR * 100 + HAK_VERSION_PATCH);
}

static void blocks_are_aligned_and_large_enough(void) {
  for (size_t size = 0; size <= 5 * HAK_MIB; size += 1 + size / 7) {
    char *block = hak_malloc(size);
    CHECK(block != NULL && (uintptr_t)block % HAK_MIN_ALIGNMENT == 0);
    CHECK(hak_usable_size(block) >= size && hak_usable_size(block) >= hak_good_size(size));
    memset(block, 0x5a, hak_usable_size(block));
    hak_free(block);
  }
  hak_free(NULL);
}

static void blocks_of_no_bytes_differ(void) {
  void *first = hak_malloc(0), *second = hak_malloc(0), *third = hak_calloc(0, 7);
  CHECK(first != NULL && second != NULL && third != NULL && first != second && second != third);
  hak_free(first);
  hak_free(second);
  hak_free(third);
}

static void foreign_memory_has_no_usable_size(void) {
  int on_stack = 0;
  void *on_heap = malloc(50);
  CHECK(hak_usable_size(NULL) == 0 && hak_usable_size(&on_stack) == 0 && hak_usable_size(on_heap) == 0);
  CHECK(hak_usable_size((void *)UINTPTR_MAX) == 0 && hak_usable_size((void *)0xffff800000000000) == 0);
  CHECK(hak_pin(on_heap) == NULL);
  hak_block_info_t info;
  CHECK(!hak_describe(on_heap, &info) && !hak_describe(NULL, &info));
  free(on_heap);
}

static void expect_no_memory(void *block) {
  CHECK(block == NULL && errno == ENOMEM);
  errno = 0;
}

static void sizes_beyond_all_memory_fail(void) {
  const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX - 65535, SIZE_MAX / 2, SIZE_MAX / 2 + 1,
                          (size_t)1 << 63, (size_t)1 << 48, HAK_MAX_SIZE + 1};
  void *block = hak_malloc(100);
  memset(block, 3, 100);
  errno = 0;
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    expect_no_memory(hak_malloc(sizes[i]));
    expect_no_memory(hak_calloc(1, sizes[i]));
    expect_no_memory(hak_calloc(sizes[i], 1));
    expect_no_memory(hak_realloc(block, sizes[i]));
    expect_no_memory(hak_aligned_alloc(4096, sizes[i]));
    void *none;
    CHECK(hak_malloc_batch(sizes[i], 1, &none) == 0 && errno == ENOMEM);
    CHECK(hak_good_size(sizes[i]) == 0);
  }
  expect_bytes(block, 100, 3); /* the failed reallocs left it alone */
  hak_free(block);
}

static void calloc_looks_out_for_overflow(void) {
  errno = 0;
  expect_no_memory(hak_calloc(SIZE_MAX, 2));
  expect_no_memory(hak_calloc((size_t)1 << 32, (size_t)1 << 32));
  expect_no_memory(hak_calloc(((size_t)1 << 32) + 1, ((size_t)1 << 32) + 1)); /* the product wraps to a small number */
  expect_no_memory(hak_calloc(SIZE_MAX / 16 + 2, 16));
}

/* Blocks from slabs, of recycled slabs, and huge ones, fresh and once used. */
static void calloc_is_zero_on_recycled_memory(void) {
  const size_t sizes[] = {1, 16, 100, 1000, 4096, 30000, 65536, 300000, 1 << 20, (1 << 20) + 1, 5000000};
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    for (int round = 0; round < 5; round++) {
      void *blocks[40];
      size_t count = sizes[i] > 100000 ? 3 : TEST_COUNT(blocks);
      for (size_t b = 0; b < count; b++) {
        blocks[b] = hak_calloc(1, sizes[i]);
        expect_bytes(blocks[b], sizes[i], 0);
        memset(blocks[b], 0xff, hak_usable_size(blocks[b]));
      }
      hak_free_batch(blocks, count);
      if (round == 3) hak_trim();
    }
  }
}

/* A huge block whose chunk was parked under a pin, and written to through the pin meanwhile. */
static void calloc_is_zero_on_parked_memory(void) {
  size_t size = 3000000;
  hak_trim(); /* so that no cached block of another length serves */
  unsigned char *block = hak_malloc(size);
  void *pin = hak_pin(block);
  memset(block, 0xff, size);
  hak_free(block);
  hak_trim();
  memset(block, 0xee, size); /* a stale view's right: the pin keeps the addresses */
  unsigned char *again = hak_calloc(1, size);
  CHECK(again == block);
  expect_bytes(again, size, 0);
  hak_unpin(pin);
  hak_free(again);
}

static void realloc_keeps_contents(void) {
  const size_t sizes[] = {0, 1, 15, 16, 17, 100, 500, 4000, 4096, 20000, 65536, 100000, 1 << 20, (1 << 20) + 1, 3000000};
  static unsigned char pattern[3000000];
  for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (unsigned char)(i * 131 + i / 251);
  for (size_t from = 0; from < TEST_COUNT(sizes); from++) {
    for (size_t to = 0; to < TEST_COUNT(sizes); to++) {
      unsigned char *block = hak_realloc(NULL, sizes[from]);
      memcpy(block, pattern, sizes[from]);
      unsigned char *moved = hak_realloc(block, sizes[to]);
      CHECK(moved != NULL && hak_usable_size(moved) >= sizes[to]);
      CHECK(memcmp(moved, pattern, sizes[from] < sizes[to] ? sizes[from] : sizes[to]) == 0);
      hak_free(moved);
    }
  }
  void *block = hak_malloc(1000);
  CHECK(hak_realloc(block, hak_usable_size(block)) == block); /* in place where the block allows */
  hak_free(block);
}

/* Step by step up to 60 MiB and down again: large blocks may move by their page tables. */
static void realloc_in_many_steps(void) {
  size_t size = 5000;
  char *block = hak_malloc(size);
  memset(block, 1, size);
  while (size < 60 * HAK_MIB) {
    size_t larger = size * 5 / 3 + 12345;
    CHECK((block = hak_realloc(block, larger)) != NULL);
    expect_bytes(block, size, 1);
    memset(block + size, 1, larger - size);
    size = larger;
  }
  while (size > 5000) {
    size = size * 2 / 5;
    CHECK((block = hak_realloc(block, size)) != NULL);
    expect_bytes(block, size, 1);
  }
  hak_free(block);
}

#if HAK_CHECKED
/* A block that could be shorter is long enough. */
static void shrinking_needs_no_memory(void) {
  for (size_t size = 64; size <= 64 * HAK_MIB; size *= 4) {
    char *block = hak_malloc(size);
    memset(block, 9, size);
    hak_trim();
    hak_os_fail_from(1);
    CHECK((block = hak_realloc(block, size / 4)) != NULL);
    hak_os_fail_from(0);
    expect_bytes(block, size / 4, 9);
    hak_free(block);
  }
}

/* Also where the allocator can get no memory for itself, as for rows of bins. */
static void frees_leave_errno_alone(void) {
  enum { COUNT = 20000 };
  static void *blocks[COUNT];
  for (size_t i = 0; i < COUNT; i++) CHECK((blocks[i] = hak_malloc(16 << (i % 12))) != NULL);
  hak_trim();
  hak_os_fail_from(1);
  errno = EDOM;
  hak_free_batch(blocks, COUNT);
  CHECK(errno == EDOM);
  hak_os_fail_from(0);
}
#endif

static void every_alignment_is_served(void) {
  const size_t sizes[] = {0, 1, 24, 1000, 5000, 65537, 1 << 20, 3000000};
  for (size_t alignment = 1; alignment <= HAK_CHUNK_ALIGNMENT; alignment *= 2) {
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
      void *blocks[3];
      for (size_t b = 0; b < 3; b++) {
        blocks[b] = hak_aligned_alloc(alignment, sizes[i]);
        CHECK(blocks[b] != NULL && (uintptr_t)blocks[b] % alignment == 0 && (uintptr_t)blocks[b] % 16 == 0);
        CHECK(hak_usable_size(blocks[b]) >= sizes[i]);
        memset(blocks[b], (int)b, sizes[i]);
      }
      for (size_t b = 0; b < 3; b++) expect_bytes(blocks[b], sizes[i], (unsigned char)b);
      hak_free_batch(blocks, 3);
    }
  }
}

static void other_alignments_are_invalid(void) {
  const size_t alignments[] = {0, 3, 24, 48, 65537, 4194305, 6 << 20, ((size_t)1 << 63) + 1, SIZE_MAX};
  for (size_t i = 0; i < TEST_COUNT(alignments); i++) {
    errno = 0;
    CHECK(hak_aligned_alloc(alignments[i], 64) == NULL && errno == EINVAL);
  }
}

static bool is_aligned(const void *block, size_t alignment) {
  return ((uintptr_t)block & (alignment - 1)) == 0;
}

static void grow_and_free(char *block, size_t size) {
  block[0] = 7;
  block[hak_usable_size(block) - 1] = 8;
  block = hak_realloc(block, 3 * size + 1);
  CHECK(block != NULL && block[0] == 7 && hak_usable_size(block) >= 3 * size + 1);
  hak_free(block);
}

/* What chunks of slabs and most huge blocks are aligned to is no limit. */
static void far_alignments_are_served(void) {
  const size_t sizes[] = {0, 1, 65537, 3000000, 5000000, 40000000};
  hak_heap_t *heap = hak_heap_new();
  for (size_t alignment = 2 * HAK_CHUNK_ALIGNMENT; alignment <= (size_t)4 << 30; alignment *= 2)
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
      void *blocks[4];
      for (size_t b = 0; b < 4; b++) {
        blocks[b] = b % 2 == 0 ? hak_aligned_alloc(alignment, sizes[i]) : hak_heap_aligned_alloc(heap, alignment, sizes[i]);
        CHECK(blocks[b] != NULL && is_aligned(blocks[b], alignment) && hak_usable_size(blocks[b]) >= sizes[i]);
      }
      for (size_t b = 0; b < 4; b++) grow_and_free(blocks[b], sizes[i]);
    }
  hak_heap_destroy(heap);
}

/* The newest chunk in cache lies elsewhere, or one that is parked: neither serves, and both stay where they are. */
static void what_lies_elsewhere_does_not_serve(bool parked) {
  size_t size = 3000000;
  hak_trim();
  char *odd = hak_malloc(size);
  size_t alignment = 2 * ((uintptr_t)odd & -(uintptr_t)odd); /* the least that it lacks */
  void *pin = parked ? hak_pin(odd) : NULL;
  hak_free(odd);
  if (parked) hak_trim();
  void *block = hak_aligned_alloc(alignment, size);
  CHECK(block != NULL && block != odd && is_aligned(block, alignment));
  CHECK(hak_malloc(size) == odd);
  hak_free(odd);
  hak_free(block);
  if (parked) hak_unpin(pin);
}

/* Freed, it is a chunk as any other: who asks for its like gets it again, and so does who asks for no alignment. */
static void what_was_aligned_serves_again(void) {
  size_t alignment = 64 * HAK_CHUNK_ALIGNMENT, size = 3000000;
  hak_trim();
  void *block = hak_aligned_alloc(alignment, size);
  for (int round = 0; round < 3; round++) {
    hak_free(block);
    CHECK(hak_aligned_alloc(alignment, size) == block);
    hak_free(block);
    CHECK(hak_malloc(size) == block);
  }
  hak_free(block);
}

static void alignments_beyond_all_addresses_are_no_memory(void) {
  void *block = hak_malloc(100);
  errno = 0;
  for (unsigned shift = 50; shift < 64; shift++) {
    expect_no_memory(hak_aligned_alloc((size_t)1 << shift, 0));
    expect_no_memory(hak_aligned_alloc((size_t)1 << shift, HAK_MAX_SIZE));
  }
  hak_free(block);
}

/* Rounding up to the alignment must not come round to something small. */
static void aligned_sizes_beyond_all_memory_fail(void) {
  const size_t sizes[] = {HAK_MAX_SIZE + 1, SIZE_MAX / 2, (size_t)1 << 63, SIZE_MAX - HAK_CHUNK_ALIGNMENT, SIZE_MAX - 15, SIZE_MAX};
  hak_heap_t *heap = hak_heap_new();
  errno = 0;
  for (size_t alignment = 1; alignment <= HAK_CHUNK_ALIGNMENT; alignment *= 2)
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
      void *block;
      expect_no_memory(hak_aligned_alloc(alignment, sizes[i]));
      expect_no_memory(hak_heap_aligned_alloc(heap, alignment, sizes[i]));
      CHECK(hak_malloc_batch(sizes[i], 1, &block) == 0 && errno == ENOMEM);
      CHECK(hak_heap_malloc_batch(heap, sizes[i], 1, &block) == 0);
      errno = 0;
    }
  hak_heap_destroy(heap);
}

static void batches_are_many_blocks(void) {
  enum { COUNT = 3000 };
  static void *blocks[COUNT];
  const size_t sizes[] = {8, 333, 5000, 70000};
  for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
    size_t count = sizes[i] > 10000 ? 100 : COUNT;
    CHECK(hak_malloc_batch(sizes[i], count, blocks) == count);
    for (size_t b = 0; b < count; b++) memcpy(blocks[b], &b, sizeof b);
    for (size_t b = 0; b < count; b++) CHECK(memcmp(blocks[b], &b, sizeof b) == 0);
    hak_free_batch(blocks, count);
  }
  CHECK(hak_malloc_batch(8, 0, NULL) == 0);
  hak_free_batch(NULL, 0);
}

static size_t asked_otherwise;
static void *otherwise(size_t size) {
  asked_otherwise = size;
  return &asked_otherwise;
}

static void where_there_is_no_memory_another_has_its_say(void) {
  const size_t sizes[] = {0, 1, 24, 1024, 1025, 40000, 3000000};
  for (int round = 0; round < 2; round++) /* from the slabs, then from the bins */
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
      void *block = hak_malloc_or(sizes[i], otherwise);
      CHECK(block != NULL && hak_usable_size(block) >= sizes[i]);
      hak_free(block);
    }
  CHECK(asked_otherwise == 0);
  CHECK(hak_malloc_or(SIZE_MAX - 100, otherwise) == &asked_otherwise && asked_otherwise == SIZE_MAX - 100);
#if HAK_CHECKED
  hak_os_fail_from(1);
  CHECK(hak_malloc_or(900000000, otherwise) == &asked_otherwise && asked_otherwise == 900000000);
  hak_os_fail_from(0);
#endif
}

int main(void) {
  version_is_one_number();
  foreign_memory_has_no_usable_size();
  blocks_are_aligned_and_large_enough();
  blocks_of_no_bytes_differ();
  sizes_beyond_all_memory_fail();
  calloc_looks_out_for_overflow();
  calloc_is_zero_on_recycled_memory();
  calloc_is_zero_on_parked_memory();
  realloc_keeps_contents();
  realloc_in_many_steps();
#if HAK_CHECKED
  shrinking_needs_no_memory();
  frees_leave_errno_alone();
#endif
  every_alignment_is_served();
  other_alignments_are_invalid();
  far_alignments_are_served();
  what_lies_elsewhere_does_not_serve(false);
  what_lies_elsewhere_does_not_serve(true);
  what_was_aligned_serves_again();
  alignments_beyond_all_addresses_are_no_memory();
  aligned_sizes_beyond_all_memory_fail();
  batches_are_many_blocks();
  where_there_is_no_memory_another_has_its_say();
  test_expect_quiet();
  return 0;
}
