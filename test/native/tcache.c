/* tcache: bins are stacks; they double, halve down to their first capacity and keep their blocks. See cache.c for who asks. */
#include "test.h"

#include "options.h"
#include "os.h"
#include "tcache.h"

enum { SIZE_CLASS = 5 };

static const size_t size = 96;
static hak_tcache_t tcache;
static hak_bin_t *const bin = &tcache.places[SIZE_CLASS + 1];

static uint32_t count(void) {
  return hak_bin_count(bin);
}
static uint32_t capacity(void) {
  return hak_bin_capacity(bin);
}

/* Nothing here looks at the blocks: they are mere numbers. */
static void *block_number(uintptr_t number) {
  return (void *)(number * 16);
}

static void check_books(void) {
  CHECK(hak_counter_get(&tcache.capacity) == capacity() && tcache.capacity_bytes == capacity() * size);
}

static void push_to(uintptr_t most) {
  for (uintptr_t n = count() + 1; n <= most; n++) CHECK(hak_bin_push(bin, block_number(n)));
}

static void expect_popped(uintptr_t from) {
  for (uintptr_t n = from; n > 0; n--) CHECK(hak_bin_pop(bin) == block_number(n));
  CHECK(hak_bin_pop(bin) == NULL);
}

static void bins_double(void) {
  CHECK(hak_bin_pop(bin) == NULL && !hak_bin_push(bin, block_number(1)));
  CHECK(hak_tcache_growth(&tcache, SIZE_CLASS) == 64 * size);
  hak_tcache_grow(&tcache, SIZE_CLASS);
  CHECK(capacity() == 64 && hak_tcache_idle(&tcache, SIZE_CLASS));
  while (capacity() < 8192) { /* past ten times 768 slots */
    uint32_t before = capacity();
    push_to(before);
    CHECK(!hak_bin_push(bin, block_number(0)));
    CHECK(hak_tcache_growth(&tcache, SIZE_CLASS) == before * size);
    hak_tcache_grow(&tcache, SIZE_CLASS);
    CHECK(capacity() == 2 * before && count() == before);
    check_books();
  }
  push_to(8192);
  expect_popped(8192);
  CHECK(hak_counter_get(&bin->allocs) == 8192 && !hak_tcache_idle(&tcache, SIZE_CLASS));
  CHECK(hak_counter_get(&tcache.grown) == 8);
}

static void bins_halve_to_their_first_capacity(void) {
  push_to(40);
  while (hak_tcache_half(&tcache, SIZE_CLASS) != capacity()) {
    uint32_t before = capacity();
    hak_tcache_shrink(&tcache, SIZE_CLASS);
    CHECK(capacity() == before / 2 && count() == 40);
    check_books();
  }
  CHECK(capacity() == 64 && hak_counter_get(&tcache.shrunk) == 7);
  hak_tcache_shrink(&tcache, SIZE_CLASS);
  CHECK(capacity() == 64 && hak_counter_get(&tcache.shrunk) == 7);
  expect_popped(40);
}

/* Who looks from afar while the row moves sees one end with the other row. */
static void a_count_seen_stays_within_the_room(void) {
  static void *elsewhere[1];
  push_to(40);
  CHECK(hak_bin_count_seen(bin) == 40);
  void **end = hak_load_relaxed(&bin->end);
  hak_store_relaxed(&bin->end, elsewhere);
  CHECK(hak_bin_count_seen(bin) <= capacity());
  hak_store_relaxed(&bin->end, hak_bin_row(bin) - 1);
  CHECK(hak_bin_count_seen(bin) == capacity());
  hak_store_relaxed(&bin->end, end);
  expect_popped(40);
}

/* From the oldest to the newest, and what is not in a row. */
static void expect_row(const uintptr_t *numbers, uint32_t length) {
  CHECK(count() == length && hak_bin_row(bin)[0] == NULL);
  for (uint32_t i = 0; i + 1 < length; i++) CHECK(hak_bin_row(bin)[i + 1] == block_number(numbers[i]));
  CHECK(bin->top == block_number(numbers[length - 1]));
}

/* Others lie beneath, in the order in which they came, until half of the room is theirs. */
static void others_lie_beneath(void) {
  CHECK(capacity() == 64 && count() == 0 && bin->others == 0);
  push_to(3);
  CHECK(hak_bin_push_other(bin, block_number(101)) && hak_bin_push_other(bin, block_number(102)));
  expect_row((uintptr_t[]){101, 102, 3, 1, 2}, 5);
  CHECK(bin->others == 2);
  hak_bin_drop(bin, 1);
  CHECK(bin->others == 1);
  expect_row((uintptr_t[]){102, 3, 1, 2}, 4);
  for (uintptr_t n = 103; n < 103 + 31; n++) CHECK(hak_bin_push_other(bin, block_number(n)));
  CHECK(bin->others == 32 && !hak_bin_push_other(bin, block_number(200)) && count() == 35);
  hak_bin_drop(bin, 32);
  expect_row((uintptr_t[]){1, 2, 3}, 3);
  expect_popped(3);
}

/* A thread that has none of its own fills the bin with them. Of others that were handed out the bin need not know. */
static void others_alone_fill_it(void) {
  for (uintptr_t n = 1; n <= 64; n++) CHECK(hak_bin_push_other(bin, block_number(n)));
  CHECK(!hak_bin_push_other(bin, block_number(65)) && bin->others == 64);
  for (uintptr_t n = 64; n > 2; n--) CHECK(hak_bin_pop(bin) == block_number(n));
  CHECK(hak_bin_push_other(bin, block_number(3)) && bin->others == 3);
  expect_popped(3);
  CHECK(hak_bin_push_other(bin, block_number(1)) && bin->others == 1);
  hak_bin_drop(bin, 1);
  CHECK(bin->others == 0 && count() == 0);
}

#if HAK_CHECKED
static void without_memory_a_bin_stays(void) {
  while (capacity() * sizeof(void *) < 65536) hak_tcache_grow(&tcache, SIZE_CLASS); /* beyond: a mapping each */
  hak_tcache_grow(&tcache, SIZE_CLASS);
  uint32_t before = capacity();
  push_to(before);
  hak_os_fail_from(1);
  hak_tcache_grow(&tcache, SIZE_CLASS);
  hak_os_fail_from(0);
  CHECK(capacity() == before && count() == before);
  check_books();
  expect_popped(before);
}
#endif

/* A class that is too large for the first bytes starts with one block. */
static void every_class_starts(void) {
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++) {
    static hak_tcache_t fresh;
    hak_tcache_init(&fresh);
    hak_tcache_grow(&fresh, c);
    uint64_t fitting = hak_option(hak_option_tcache_bin_bytes) / hak_size_class_bytes(c);
    uint64_t first = hak_bin_capacity(hak_tcache_bin(&fresh, c));
    CHECK(first >= 1 && first <= 64 && (first == fitting || first == 1 || first == 64));
    hak_tcache_release(&fresh);
  }
}

/* A small array has the room for twice the blocks already; so a bin that breathes asks nobody for memory. */
static void small_arrays_stay(void) {
  static hak_tcache_t fresh;
  enum { CLASS = HAK_TCACHE_CLASSES - 1 };
  hak_bin_t *small = hak_tcache_bin(&fresh, CLASS);
  hak_tcache_init(&fresh);
  hak_tcache_grow(&fresh, CLASS);
  void **blocks = hak_bin_row(small);
  CHECK(hak_bin_capacity(small) == 1);
  for (uint32_t room = 2; room <= 64 / sizeof(void *); room *= 2) {
    hak_tcache_grow(&fresh, CLASS);
    CHECK(hak_bin_row(small) == blocks && hak_bin_capacity(small) == room);
  }
  hak_tcache_grow(&fresh, CLASS);
  CHECK(hak_bin_row(small) != blocks && hak_bin_capacity(small) == 128 / sizeof(void *));
  hak_tcache_release(&fresh);
}

int main(void) {
  hak_tcache_init(&tcache);
  bins_double();
  bins_halve_to_their_first_capacity();
  a_count_seen_stays_within_the_room();
  others_lie_beneath();
  others_alone_fill_it();
#if HAK_CHECKED
  without_memory_a_bin_stays();
#endif
  hak_tcache_release(&tcache);
  CHECK(capacity() == 0);
  check_books();
  every_class_starts();
  small_arrays_stay();
  return 0;
}
