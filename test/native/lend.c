/*
 * lend: a heap that would touch new pages gets a warm slab of one that does nothing; the slab is its own until it is empty, whoever frees
 * into it, and then goes home. It leaves while nobody is about to free into it, and what is pushed on the wrong stack is handed on.
 * Threads that work, sleep, come and go, with each other's blocks.
 */
#include "ticks.h"

#include "abandoned.h"
#include "chunk.h"
#include "heaps.h"
#include "lend.h"

enum { CLASS = 3, FEW = 32, MANY = 1000 }; /* of 64 bytes, 1024 to a slab */

static hak_heap_t *lender, *borrower, *third;
static void *of_lender[MANY], *of_borrower[FEW], *borrowed[FEW];
static hak_slab_t *slab;

static hak_heap_t *whose(void) {
  return hak_load_relaxed(&slab->heap);
}
static uint64_t live(hak_heap_t *heap) {
  CHECK(hak_counter_get(&heap->live_bytes) == 64 * hak_counter_get(&heap->classes[CLASS].live));
  return hak_counter_get(&heap->classes[CLASS].live);
}
static uint64_t units(hak_heap_t *heap) {
  return hak_counter_get(&heap->superslab.used);
}

static void take(hak_heap_t *heap, void **blocks, size_t count) {
  CHECK(hak_heap_take(heap, CLASS, count, blocks) == count);
  for (size_t i = 0; i < count; i++) memset(blocks[i], 0x5c, 64);
}
static void give(hak_heap_t *heap, void **blocks, size_t count) {
  CHECK(hak_heap_give(heap, blocks, count) == count);
}

static hak_heap_t *new_heap(void) {
  hak_heap_t *heap = hak_heap_create(false);
  CHECK(heap != NULL);
  hak_heaps_enter(heap);
  return heap;
}

static void work(hak_heap_t *heap) {
  void *block;
  take(heap, &block, 1);
  give(heap, &block, 1);
}

static void set_up(void) {
  lender = new_heap();
  borrower = new_heap();
  third = new_heap();
  take(lender, of_lender, MANY);
  slab = hak_heap_slab_of(of_lender[0]);
  take(borrower, of_borrower, FEW);
  CHECK(whose() == lender && live(lender) == MANY && live(borrower) == FEW);
}

static void who_has_little_lends_nothing(void) {
  give(borrower, of_lender + 1, FEW);
  CHECK(!hak_lend(borrower, CLASS) && !hak_lend(borrower, CLASS) && whose() == lender);
}

/* From now on all of the lender's blocks but the first are free, and the borrower has a slab that is not warm. */
static void who_works_lends_nothing(void) {
  give(borrower, of_lender + 1 + FEW, MANY - 1 - FEW);
  work(lender);
  CHECK(!hak_lend(borrower, CLASS) && whose() == lender);
}

static void nothing_is_lent_under_a_freers_feet(void) {
  hak_remote_enter(&lender->remote);
  CHECK(!hak_lend(borrower, CLASS) && whose() == lender);
  hak_remote_leave(&lender->remote);
}

static void no_other_class_is_lent(void) {
  CHECK(!hak_lend(borrower, CLASS + 1) && whose() == lender);
}

/* By the mark of whoever frees. */
static bool frees_as_own(hak_heap_t *heap, const void *block) {
  return hak_live_own_tag(&heap->tcache.own, block) == CLASS + 1;
}

static void warm_blocks_come_before_new_pages(void) {
  CHECK(frees_as_own(lender, of_lender[1]) && !frees_as_own(borrower, of_lender[1]));
  take(borrower, borrowed, FEW);
  CHECK(frees_as_own(borrower, of_lender[1]) && !frees_as_own(lender, of_lender[1]));
  for (size_t i = 0; i < FEW; i++) CHECK(hak_heap_slab_of(borrowed[i]) == slab);
  CHECK(whose() == borrower && slab->chunk->heap == lender);
  CHECK(live(lender) == 0 && live(borrower) == 2 * FEW + 1); /* with the one that the lender's thread holds */
  CHECK(units(lender) == 1 && units(borrower) == 1);
  hak_heap_check(lender);
  hak_heap_check(borrower);
}

/* The block's freer was announced at the lender before the slab was lent, as if it had been slow. */
static void what_is_pushed_at_the_lender_is_handed_on(void) {
  hak_store_relaxed(&slab->heap, lender);
  give(third, borrowed, 1);
  hak_store_relaxed(&slab->heap, borrower);
  CHECK(hak_remote_pending(&lender->remote) && !hak_remote_pending(&borrower->remote));
  hak_heap_collect(lender);
  CHECK(!hak_remote_pending(&lender->remote) && hak_remote_pending(&borrower->remote));
  hak_heap_collect(borrower);
  CHECK(live(borrower) == 2 * FEW && live(lender) == 0);
}

static void expect_it_freed(void) {
  CHECK(hak_remote_has_no_freers(&borrower->remote));
  CHECK(live(borrower) == 2 * FEW - 1);
  hak_heap_check(borrower);
}

static void *fork_and_expect_it_freed(void *unused) {
  test_expect_success(expect_it_freed);
  return unused;
}

/* The freer has marked its block, but another thread's fork leaves it behind before it pushes the slab. */
static void the_child_of_a_fork_frees_what_was_being_freed(void) {
  uint32_t index = hak_slab_index(slab, borrowed[1]);
  hak_batch_t batch = {.words = 0};
  hak_batch_set(&batch, index / 64, (uint64_t)1 << (index % 64));
  hak_remote_enter(&borrower->remote);
  CHECK(hak_slab_give_remote(slab, &batch));
  test_threads(1, fork_and_expect_it_freed, NULL, 0);
  hak_store_relaxed(&slab->remote[index / 64], 0); /* here it has not begun */
  hak_store_relaxed(&slab->remote_words, 0);
  hak_remote_leave(&borrower->remote);
}

static void it_goes_home_when_empty_and_left(void) {
  give(borrower, borrowed + 1, FEW - 1);
  hak_remote_enter(&borrower->remote);
  give(third, of_lender, 1);
  hak_heap_collect(borrower);
  hak_heap_give_idle(borrower);
  CHECK(slab->used == 0 && whose() == borrower); /* the freer may still look at it */
  hak_remote_leave(&borrower->remote);
  hak_heap_give_idle(borrower);
  CHECK(whose() == lender && hak_remote_pending(&lender->remote) && live(borrower) == FEW);
  CHECK(frees_as_own(lender, of_lender[1]));
  hak_heap_collect(lender);
  CHECK(live(lender) == 0 && units(lender) == 1 && slab->listed);
  hak_heap_give_idle(lender);
  CHECK(units(lender) == 0 && hak_counter_get(&lender->superslab.capacity) == 0);
}

static void abandon_all(void) {
  hak_heap_check(lender);
  hak_heap_check(borrower);
  hak_abandoned_add(third);
  hak_abandoned_add(borrower);
  hak_abandoned_add(lender);
  test_expect_quiet();
}

static void tear_down(void) {
  give(borrower, of_borrower, FEW);
  abandon_all();
}

/* ---- free units ---- */

enum { MID = HAK_MID_FIRST + 2, MIDS = 40 };

/* All of them were handed out before. */
static hak_heap_t *heap_with_free_units(void) {
  void *mids[MIDS];
  hak_heap_t *heap = new_heap();
  CHECK(hak_heap_take(heap, MID, MIDS, mids) == MIDS);
  give(heap, mids, MIDS);
  CHECK(hak_counter_get(&heap->superslab.committed) > units(heap) + MIDS / 2);
  return heap;
}

/* The slab that came to the front of the borrower's list. The search goes on where the last one ended, and so comes to the lender by the
   second. */
static hak_slab_t *lent(unsigned size_class) {
  hak_slab_t *before = borrower->classes[size_class].head;
  CHECK(hak_lend(borrower, size_class) || hak_lend(borrower, size_class));
  hak_slab_t *came = borrower->classes[size_class].head;
  CHECK(came != before && came->used == 0 && hak_load_relaxed(&came->heap) == borrower && came->chunk->heap == lender);
  CHECK(hak_live_own_tag(&borrower->tcache.own, came->base) == size_class + 1);
  return came;
}

static void units_are_lent_as_slabs_of_any_class(void) {
  lender = heap_with_free_units();
  borrower = new_heap();
  third = new_heap();
  uint64_t committed = hak_counter_get(&lender->superslab.committed);
  CHECK(!hak_lend(borrower, MID)); /* it had worked until now */
  hak_slab_t *empty = lent(MID), *opened = lent(MID), *small = lent(CLASS);
  CHECK(empty != opened && small->size_class == CLASS && hak_slab_is_warm(opened) && hak_slab_is_warm(small));
  CHECK(hak_counter_get(&lender->superslab.committed) == committed && units(borrower) == 0);
  hak_heap_check(lender);
  hak_heap_check(borrower);
}

/* Large blocks go back through the door of whoever has the slab. */
static void who_frees_finds_the_borrower(void) {
  void *blocks[2];
  CHECK(hak_heap_take(borrower, MID, 2, blocks) == 2);
  CHECK(hak_heap_slab_of(blocks[0])->chunk->heap == lender && hak_counter_get(&borrower->classes[MID].live) == 2);
  give(third, blocks, 2);
  CHECK(hak_counter_get(&borrower->classes[MID].live) == 0 && hak_counter_get(&lender->classes[MID].live) == 0);
}

static void units_go_home(void) {
  hak_heap_give_idle(borrower);
  hak_heap_give_idle(lender);
  CHECK(units(lender) == 0 && hak_counter_get(&lender->superslab.capacity) == 0);
}

static void who_has_units_borrows_none(void) {
  lender = heap_with_free_units();
  hak_abandoned_add(borrower);
  hak_heap_enter(lender); /* or it would lend these */
  borrower = heap_with_free_units();
  hak_heap_leave(lender);
  CHECK(!hak_lend(borrower, MID) && !hak_lend(borrower, MID));
  hak_heap_give_idle(borrower);
  CHECK(hak_lend(borrower, MID) || hak_lend(borrower, MID));
}

/* ---- all at once ---- */

enum { THREADS = 8, ROUNDS = 1500, BATCH = 40, SLOTS = 20000, MID_BATCH = 4, MID_SLOTS = 100 };
static _Atomic(uintptr_t *) slots[SLOTS], mid_slots[MID_SLOTS];

/* A block that two threads hold has lost its mark. */
static void put(_Atomic(uintptr_t *) *slot, uintptr_t *block) {
  if (block != NULL) block[0] = (uintptr_t)block;
  block = hak_exchange_acq_rel(slot, block);
  if (block == NULL) return;
  CHECK(block[0] == (uintptr_t)block);
  block[0] = 0;
  hak_free(block);
}

/* Whoever had it before has left his mark in it, but for the first word. */
static uintptr_t *cleared(size_t size) {
  uintptr_t *block = hak_calloc(1, size);
  CHECK(block != NULL && block[1] == 0);
  block[1] = 1;
  return block;
}

static void *work_and_sleep(void *seed) {
  test_random_t random = *(test_random_t *)seed;
  for (int round = 0; round < ROUNDS / TEST_SLOWER; round++) {
    size_t size = 16 * (1 + test_below(&random, 16)), start = test_below(&random, SLOTS);
    bool more = test_below(&random, 3) != 0;
    for (size_t i = 0; i < BATCH; i++) put(&slots[(start + i) % SLOTS], more ? hak_malloc(size) : NULL);
    for (size_t i = 0; i < MID_BATCH && round % 16 == 0; i++)
      put(&mid_slots[(start + i) % MID_SLOTS], more ? cleared(1000 * size) : NULL);
    if (round % 64 == 0) hak_heap_check(hak_thread_heap_get());
    if (test_below(&random, 40) == 0) usleep(2000);
  }
  return NULL;
}

static void workers_and_sleepers(test_random_t *random) {
  test_random_t seeds[THREADS];
  for (int round = 0; round < 6; round++) {
    for (size_t i = 0; i < THREADS; i++) seeds[i].state = test_next(random);
    test_threads(THREADS, work_and_sleep, seeds, sizeof seeds[0]);
  }
  for (size_t i = 0; i < SLOTS; i++) put(&slots[i], NULL);
  for (size_t i = 0; i < MID_SLOTS; i++) put(&mid_slots[i], NULL);
}

int main(void) {
  test_random_t random = test_random();
  set_up();
  who_has_little_lends_nothing();
  who_works_lends_nothing();
  nothing_is_lent_under_a_freers_feet();
  no_other_class_is_lent();
  warm_blocks_come_before_new_pages();
  what_is_pushed_at_the_lender_is_handed_on();
  the_child_of_a_fork_frees_what_was_being_freed();
  it_goes_home_when_empty_and_left();
  tear_down();
  units_are_lent_as_slabs_of_any_class();
  who_frees_finds_the_borrower();
  units_go_home();
  who_has_units_borrows_none();
  abandon_all();
  workers_and_sleepers(&random);
  test_expect_quiet();
  return 0;
}
