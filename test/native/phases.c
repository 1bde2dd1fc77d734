/*
 * phases: what a thread's cache holds follows what the thread does. A class that becomes hot gets its room within ten
 * refills, also where another one had all of the budget; the one that became cold decays to its least; what is cached
 * stays within the budget at every step.
 */
#include "ticks.h"

#include "guard.h"

enum { OLD_CAPACITY = 768, WAVE = 6000, A = 64, B = 80, MOST = 40000 };

static void *blocks[MOST];
static hak_heap_t *heap;

static uint64_t budget(uint64_t least) {
  uint64_t quarter = hak_counter_get(&heap->live_bytes) / 4;
  return quarter > least ? quarter : least;
}

/* Also the first room of a bin counts, which is granted to every class: so few classes are used here that it fits. */
static void check_budget(void) {
  uint64_t held = 0, room = 0;
  for (unsigned c = 0; c < HAK_TCACHE_CLASSES; c++) {
    hak_bin_t *bin = hak_tcache_bin(&heap->tcache, c);
    CHECK(hak_bin_count(bin) <= hak_bin_capacity(bin));
    held += hak_bin_count(bin) * hak_size_class_bytes(c);
    room += hak_bin_capacity(bin) * hak_size_class_bytes(c);
  }
  CHECK(room == heap->tcache.capacity_bytes);
  CHECK(held <= budget(hak_option(hak_option_tcache_bytes_min)));
}

static hak_bin_t *bin_of(size_t size) {
  return hak_tcache_bin(&heap->tcache, hak_size_class_of(size));
}
static uint32_t capacity_of(size_t size) {
  return hak_load_relaxed(&bin_of(size)->capacity);
}
static uint64_t refills_of(size_t size) {
  return hak_counter_get(&heap->classes[hak_size_class_of(size)].refills);
}

/* `count` blocks come, and go. */
static void wave(size_t size, size_t count) {
  for (size_t i = 0; i < count; i++) {
    CHECK((blocks[i] = hak_malloc(size)) != NULL);
    if (i % 16 == 0) check_budget();
  }
  for (size_t i = 0; i < count; i++) {
    hak_free(blocks[i]);
    if (i % 16 == 0) check_budget();
  }
}

/* Rolling use: a block in a random place goes and another comes, `count` of them held. */
static void roll(size_t size, size_t count, test_random_t *random) {
  for (size_t i = 0; i < count; i++) CHECK((blocks[i] = hak_malloc(size)) != NULL);
  for (size_t i = 0; i < 20000u / TEST_SLOWER; i++) {
    size_t burst = 1 + test_below(random, count);
    for (size_t b = 0; b < burst; b++) hak_free(blocks[b]);
    check_budget();
    for (size_t b = 0; b < burst; b++) CHECK((blocks[b] = hak_malloc(size)) != NULL);
    check_budget();
    i += burst;
  }
  hak_free_batch(blocks, count);
}

/* Ten refills of the class, and from then on less than one operation in a hundred misses. */
static void become_hot(size_t size) {
  uint64_t first = refills_of(size);
  for (uint64_t waves = 1; waves <= 6; waves++) {
    wave(size, WAVE);
    CHECK(refills_of(size) - first < 10 + waves * 2 * WAVE / 100);
  }
  uint64_t before = refills_of(size);
  wave(size, WAVE);
  CHECK((refills_of(size) - before) * 100 < 2 * WAVE);
}

/* A takes all of the budget; when B comes, A's room must go to B at once, not only after the next ticks. */
static void a_hot_class_takes_the_room_of_a_cold_one(void) {
  become_hot(A);
  CHECK(2 * capacity_of(A) * A > hak_option(hak_option_tcache_bytes_min)); /* nothing to grow into without A's */
  become_hot(B);
  CHECK(capacity_of(B) >= WAVE / 2);
  uint32_t hot = capacity_of(B);
  for (int tick = 0; tick < 10; tick++) {
    wave(B, WAVE);
    test_tick();
  }
  CHECK(capacity_of(A) == 64 && hak_bin_count(bin_of(A)) == 0 && capacity_of(B) == hot);
  become_hot(A); /* and back */
}

/* Past ten times 768 slots, then idle. */
static void a_bin_grows_far_and_decays(void) {
  static hak_stats_t before, after;
  hak_stats_get(&before);
  for (int i = 0; i < 3; i++) wave(32, 9000); /* what the first one gives back earns the room */
  CHECK(capacity_of(32) > 10 * OLD_CAPACITY);
  hak_stats_get(&after);
  CHECK(after.tcache.grown > before.tcache.grown && after.tcache.capacity > 10 * OLD_CAPACITY);
  CHECK(after.classes[hak_size_class_of(32)].capacity == capacity_of(32));
  uint32_t capacity = capacity_of(32);
  test_tick(); /* it was used since the last one */
  for (; capacity > 64; capacity /= 2) {
    CHECK(capacity_of(32) == capacity);
    test_tick();
  }
  test_ticks(8);
  CHECK(capacity_of(32) == 64 && hak_bin_count(bin_of(32)) == 0);
  hak_stats_get(&before);
  CHECK(before.tcache.shrunk >= after.tcache.shrunk + 7);
  check_budget();
}

/* Whatever is held: blocks that never come back want no bin. One half bin of them goes back, and that much room is earned. */
static void who_only_allocates_gets_a_few_kib(void) {
  enum { SIZE = 112, FEW = 128 };
  CHECK(FEW * SIZE <= hak_option(hak_option_tcache_bin_bytes));
  CHECK(hak_malloc_batch(SIZE, MOST, blocks) == MOST && capacity_of(SIZE) == FEW);
  for (size_t i = 0; i < 2 * FEW + 1; i++) hak_free(blocks[i]);
  CHECK(bin_of(SIZE)->spilled >= FEW && capacity_of(SIZE) == FEW);
  for (size_t i = 0; i < 2 * FEW + 1; i++) CHECK((blocks[i] = hak_malloc(SIZE)) != NULL);
  CHECK(bin_of(SIZE)->spilled < FEW && capacity_of(SIZE) == 2 * FEW);
  hak_free_batch(blocks, MOST);
}

/* Each flush tells the owners of the slabs, so they become fewer: up to a few times what a bin starts with. */
static void who_only_frees_gets_more_room(void) {
  enum { SIZE = 32 };
  uint64_t most = 4 * hak_option(hak_option_tcache_bin_bytes), before = 0;
  CHECK(hak_malloc_batch(SIZE, MOST, blocks) == MOST);
  test_ticks(12); /* the other bins take little of the budget */
  for (size_t i = 0; i < MOST; i++) {
    hak_free(blocks[i]);
    CHECK(capacity_of(SIZE) * SIZE < 2 * most);
    if (i == MOST / 2) before = hak_counter_get(&heap->flushes);
  }
  CHECK(capacity_of(SIZE) * SIZE >= most);
  CHECK(hak_counter_get(&heap->flushes) - before < 2 * MOST / capacity_of(SIZE));
  check_budget();
}

/* Of all classes together a part of the budget: what nobody allocates here is wanted elsewhere. The first room counts apart. */
static void who_frees_many_classes_gets_little_for_each(void) {
  enum { CLASSES = 12, EACH = MOST / CLASSES };
  uint64_t first = 0;
  for (unsigned c = 0; c < CLASSES; c++) {
    CHECK(hak_malloc_batch(hak_size_class_bytes(c), EACH, blocks + c * EACH) == EACH);
    first += 64 * hak_size_class_bytes(c);
  }
  test_ticks(8);
  for (size_t i = 0; i < (size_t)CLASSES * EACH; i++) hak_free(blocks[i % CLASSES * EACH + i / CLASSES]);
  CHECK(heap->tcache.capacity_bytes <= budget(hak_option(hak_option_tcache_bytes_min)) / 4 + first);
  check_budget();
}

/* It works, though it hands nothing out. */
static void who_only_frees_keeps_it_from_tick_to_tick(void) {
  enum { SIZE = 32 };
  CHECK(hak_malloc_batch(SIZE, MOST, blocks) == MOST);
  test_ticks(8);
  uint64_t shrunk = hak_counter_get(&heap->tcache.shrunk);
  for (size_t i = 0; i < MOST; i++) {
    hak_free(blocks[i]);
    if (i % (MOST / 8) == MOST / 8 - 1) test_ticks(1);
  }
  CHECK(hak_counter_get(&heap->tcache.shrunk) == shrunk);
  test_ticks(16);
  CHECK(capacity_of(SIZE) == 64);
}

/* What goes back takes of the budget too: the bin that is flushed gives room back, also long before the next tick. */
static void the_budget_falls_with_each_flush(void) {
  static void *held[20000];
  CHECK(hak_malloc_batch(1024, TEST_COUNT(held), held) == TEST_COUNT(held));
  for (int i = 0; i < 3; i++) wave(1024, 8000);
  CHECK(capacity_of(1024) * 1024 > 4 * hak_option(hak_option_tcache_bytes_min));
  for (size_t i = 0; i < TEST_COUNT(held); i++) {
    hak_free(held[i]);
    check_budget();
  }
  hak_heap_check(heap);
}

/* With more in use the budget is a quarter of that: the bin outgrows the least budget, and falls with what is live. */
static void the_budget_follows_what_is_live(void) {
  static void *held[20000];
  CHECK(hak_malloc_batch(1024, TEST_COUNT(held), held) == TEST_COUNT(held));
  check_budget();
  for (int i = 0; i < 3; i++) wave(512, 8000);
  CHECK(capacity_of(512) * 512 > 2 * hak_option(hak_option_tcache_bytes_min));
  for (size_t i = 0; i < TEST_COUNT(held); i++) {
    hak_free(held[i]);
    check_budget();
  }
  test_ticks(12);
  CHECK(heap->tcache.capacity_bytes <= budget(hak_option(hak_option_tcache_bytes_min)));
  CHECK(capacity_of(512) * 512 <= hak_option(hak_option_tcache_bin_bytes));
}

/* ---- mid rings ---- */

static void check_mid_budget(void) {
  CHECK(hak_counter_get(&heap->mid.bytes) <= budget(hak_option(hak_option_mid_bytes_min)));
}

static hak_ring_t *ring_of(size_t size) {
  return &heap->mid.rings[hak_size_class_of(size) - HAK_MID_FIRST];
}

/* Far more than 48 blocks of 40 KiB come back newest first, and the heap is not asked. */
static void freed_mid_blocks_come_back(void) {
  enum { FREED = 600, KEPT = 2000, SIZE = 40000 };
  static void *kept[KEPT];
  CHECK(hak_malloc_batch(SIZE, KEPT, kept) == KEPT && hak_malloc_batch(SIZE, FREED, blocks) == FREED);
  uint64_t flushes = hak_counter_get(&heap->flushes), refills = hak_counter_get(&heap->refills);
  hak_free_batch(blocks, FREED);
  CHECK(hak_counter_get(&ring_of(SIZE)->count) == FREED && FREED > 10 * 48);
  uint64_t misses = hak_counter_get(&heap->mid.misses);
  for (size_t i = FREED; i-- > 0;) CHECK(hak_malloc(SIZE) == blocks[i]);
  CHECK(hak_counter_get(&heap->flushes) == flushes && hak_counter_get(&heap->refills) == refills);
  CHECK(hak_counter_get(&heap->mid.misses) == misses);
  for (size_t i = 0; i < FREED; i++) {
    hak_free(blocks[i]);
    check_mid_budget();
  }
  for (size_t i = 0; i < KEPT; i++) {
    hak_free(kept[i]);
    check_mid_budget();
  }
}

/* From one tick to the next half of what was not needed, rounded up, leaves. */
static void idle_mid_blocks_go_back(void) {
  enum { IDLE = 64, SIZE = 50000 };
  test_ticks(12);
  CHECK(hak_counter_get(&heap->mid.bytes) == 0);
  CHECK(hak_malloc_batch(SIZE, IDLE, blocks) == IDLE);
  hak_free_batch(blocks, IDLE);
  test_tick(); /* what came since the last tick is not idle yet */
  uint64_t expected = IDLE;
  for (int tick = 0; expected > 0; tick++) {
    CHECK(hak_counter_get(&ring_of(SIZE)->count) == expected && tick < 8);
    test_tick();
    expected /= 2;
  }
  test_tick();
  CHECK(hak_counter_get(&ring_of(SIZE)->capacity) == 0 && hak_counter_get(&heap->mid.bytes) == 0);
  CHECK(hak_counter_get(&ring_of(SIZE)->shrunk) == hak_counter_get(&ring_of(SIZE)->grown));
}

static void the_mid_budget_falls_with_what_is_live(test_random_t *random) {
  enum { COUNT = 500 };
  CHECK(hak_malloc_batch(700000, COUNT / 5, blocks) == COUNT / 5);
  CHECK(hak_malloc_batch(33000, COUNT - COUNT / 5, blocks + COUNT / 5) == COUNT - COUNT / 5);
  for (size_t count = COUNT; count > 0; count--) {
    size_t which = test_below(random, count);
    hak_free(blocks[which]);
    blocks[which] = blocks[count - 1];
    check_mid_budget();
  }
  hak_heap_check(heap);
}

int main(void) {
  hak_guard_off();
  setenv("HAKMEM_TCACHE_BYTES_MIN", "524288", 1); /* the budgets that the waves and the ring are made for */
  setenv("HAKMEM_MID_BYTES_MIN", "4194304", 1);
  test_random_t random = test_random();
  heap = hak_thread_heap_get();
  a_hot_class_takes_the_room_of_a_cold_one();
  a_bin_grows_far_and_decays();
  who_only_allocates_gets_a_few_kib();
  who_only_frees_gets_more_room();
  who_frees_many_classes_gets_little_for_each();
  who_only_frees_keeps_it_from_tick_to_tick();
  the_budget_falls_with_each_flush();
  the_budget_follows_what_is_live();
  roll(200, 3000, &random);
  freed_mid_blocks_come_back();
  idle_mid_blocks_go_back();
  the_mid_budget_falls_with_what_is_live(&random);
  test_expect_quiet();
  return 0;
}
