/*
 * remote: blocks freed by threads that do not own them. First the interleavings that matter, played by one thread with the
 * steps of a slow freer taken apart; then many freers against one owner that gives chunks back all the while.
 */
#include "test.h"

#include <sys/mman.h>

#include "heap_inside.h"
#include "registry.h"

static hak_slab_t *slab_of(void *block) {
  return (hak_slab_t *)(hak_registry_get(block) & ~HAK_REGISTRY_TAG_MASK);
}

static bool is_mapped(void *start) {
  unsigned char resident;
  return mincore((void *)((uintptr_t)start & ~(uintptr_t)0xffff), 4096, &resident) == 0;
}

static void expect_empty(hak_heap_t *heap) {
  static hak_stats_t stats;
  hak_heap_trim(heap);
  hak_heap_check(heap);
  hak_heap_stats_get(heap, &stats);
  CHECK(stats.blocks_live == 0 && stats.bytes_live == 0 && stats.bytes_reserved == 0 && stats.bytes_committed == 0);
  CHECK(heap->superslab.parked == NULL && hak_remote_is_quiet(&heap->remote));
}

/* ---- interleavings ---- */

static void count_as_returned(hak_heap_t *heap, const hak_slab_t *slab) {
  hak_counter_add(&heap->returned.blocks[slab->size_class], 1);
  hak_counter_add(&heap->returned.bytes, slab->block_size);
}

static void freed_remotely_and_collected(void) {
  hak_heap_t *owner = hak_heap_new(), *other = hak_heap_new();
  void *blocks[100], *again[100];
  CHECK(hak_heap_malloc_batch(owner, 500, 100, blocks) == 100);
  memcpy(again, blocks, sizeof blocks);
  CHECK(hak_heap_free_batch(other, again, 100) == 100);
  CHECK(hak_remote_pending(&owner->remote) && !hak_remote_is_quiet(&owner->remote));
  /* The next refill collects first and takes the same blocks, lowest first. */
  CHECK(hak_heap_malloc_batch(owner, 500, 100, again) == 100);
  CHECK(memcmp(again, blocks, sizeof blocks) == 0);
  CHECK(hak_heap_free_batch(other, again, 100) == 100);
  expect_empty(owner);
  hak_heap_destroy(other);
  hak_heap_destroy(owner);
}

static void a_second_remote_free_is_refused(void) {
  hak_heap_t *owner = hak_heap_new(), *other = hak_heap_new();
  void *block = hak_heap_malloc(owner, 500), *twice[2] = {block, block};
  CHECK(hak_heap_free_batch(other, twice, 2) == 1 && twice[0] == block);
  CHECK(hak_heap_free_batch(owner, &block, 1) == 0);
  expect_empty(owner);
  hak_heap_destroy(other);
  hak_heap_destroy(owner);
}

/* Nothing shows it to the freer; but it counts as come back once. */
static void a_second_remote_free_after_the_collection_counts_once(void) {
  hak_heap_t *owner = hak_heap_new(), *other = hak_heap_new();
  void *block = hak_heap_malloc(owner, 500), *again = block, *neighbour = hak_heap_malloc(owner, 500);
  CHECK(hak_heap_free_batch(other, &block, 1) == 1);
  hak_heap_collect(owner);
  CHECK(hak_heap_free_batch(other, &again, 1) == 1);
  hak_heap_collect(owner);
  CHECK(hak_heap_free_batch(owner, &neighbour, 1) == 1);
  expect_empty(owner);
  hak_heap_destroy(other);
  hak_heap_destroy(owner);
}

/*
 * slow freer: announces, sets its bit ................................ sets the summary, pushes, leaves
 * quick freer:                        frees the slab's other block
 * owner:                                                      collects both, closes slab and chunk
 */
static void a_slow_freer_finds_its_header(void) {
  hak_heap_t *owner = hak_heap_new(), *other = hak_heap_new();
  void *slow = hak_heap_malloc(owner, 20000), *quick = hak_heap_malloc(owner, 20000);
  hak_slab_t *slab = slab_of(slow);
  CHECK(slab == slab_of(quick));
  uint32_t index = hak_slab_index(slab, slow);
  hak_remote_enter(&owner->remote);
  hak_fetch_or_release(&slab->remote[0], (uint64_t)1 << index);
  count_as_returned(other, slab); /* the slow one's numbers, which it writes last */

  void *given = quick;
  CHECK(hak_heap_free_batch(other, &given, 1) == 1);
  hak_heap_trim(owner);
  CHECK(slab_of(slow) == NULL && is_mapped(slow)); /* closed, and parked for the slow freer's sake */
  CHECK(owner->superslab.parked != NULL);

  uint64_t before = hak_fetch_or_acq_rel(&slab->remote_words, 1);
  CHECK(before == 0); /* so the slow freer pushes a slab that is no more */
  slab->remote_next = hak_load_relaxed(&owner->remote.stack);
  hak_slab_t *top = slab->remote_next;
  while (!hak_cas_release(&owner->remote.stack, &top, slab)) slab->remote_next = top;
  hak_fetch_sub_release(&owner->remote.freers, 1);
  expect_empty(owner);
  CHECK(!is_mapped(slow));
  hak_heap_destroy(other);
  hak_heap_destroy(owner);
}

/* A freer that a fork leaves behind: it was between the bits and the summary, or between that and the push. */
static void what_a_lost_freer_marked_comes_back(void) {
  hak_heap_t *owner = hak_heap_new();
  void *first = hak_heap_malloc(owner, 20000), *second = hak_heap_malloc(owner, 60000);
  hak_slab_t *marked = slab_of(first), *announced = slab_of(second);
  hak_remote_enter(&owner->remote);
  hak_fetch_or_release(&marked->remote[0], (uint64_t)1 << hak_slab_index(marked, first));
  hak_fetch_or_release(&announced->remote[0], (uint64_t)1 << hak_slab_index(announced, second));
  hak_fetch_or_acq_rel(&announced->remote_words, 1);
  hak_heap_collect(owner);
  CHECK(marked->used == 1 && announced->used == 1);
  hak_heap_enter(owner);
  hak_heap_push_marked(owner, owner);
  hak_heap_collect_inside(owner);
  hak_remote_forget_freers(&owner->remote);
  hak_heap_leave(owner);
  CHECK(marked->used == 0 && announced->used == 0 && hak_remote_is_quiet(&owner->remote));
  count_as_returned(owner, marked); /* what the lost freers would have counted */
  count_as_returned(owner, announced);
  expect_empty(owner);
  hak_heap_destroy(owner);
}

/* As above, but the slab's place serves another class when the slow freer pushes it. */
static void a_slow_freer_pushes_a_slab_of_another_class(void) {
  hak_heap_t *owner = hak_heap_new(), *other = hak_heap_new();
  void *kept = hak_heap_malloc(owner, 100), *slow = hak_heap_malloc(owner, 60000);
  hak_slab_t *slab = slab_of(slow);
  hak_remote_enter(&owner->remote);
  hak_batch_t batch = {0};
  hak_batch_set(&batch, 0, 1);
  CHECK(hak_slab_give_remote(slab, &batch));
  /* The owner's own view of the bit, as if another freer's push had brought the slab. */
  hak_batch_t twice;
  CHECK(hak_slab_collect(slab, &twice) == 1 && twice.words == 0);
  slab->used++; /* undone, for the heap has not counted the block back */
  slab->free[0] = 0;
  CHECK(hak_heap_free_batch(owner, &slow, 1) == 1);
  hak_heap_trim(owner);
  void *block = hak_heap_malloc(owner, 5000);
  CHECK(slab_of(block) == slab); /* first fit: the same place */
  slab->remote_next = NULL;
  hak_store_release(&owner->remote.stack, slab);
  hak_fetch_sub_release(&owner->remote.freers, 1);
  hak_heap_collect(owner);
  CHECK(slab->used == 1);
  CHECK(hak_heap_free_batch(other, &block, 1) == 1 && hak_heap_free_batch(owner, &kept, 1) == 1);
  expect_empty(owner);
  hak_heap_destroy(other);
  hak_heap_destroy(owner);
}

/* ---- many freers, one owner ---- */

enum { FREERS = 4, SLOTS = 64, BLOCKS = 60000 };

static _Atomic(void *) slots[FREERS][SLOTS]; /* released by the owner, acquired by the freer */
static _Atomic bool over;

/* The mark at both ends of a block: its own address. */
static void mark(void *block, size_t size) {
  *(void **)block = block;
  memcpy((char *)block + size - sizeof block, &block, sizeof block);
}

static void expect_mark(void *block) {
  size_t size = hak_usable_size(block);
  CHECK(*(void **)block == block && memcmp((char *)block + size - sizeof block, &block, sizeof block) == 0);
}

static size_t gather(_Atomic(void *) *from, void **blocks) {
  size_t count = 0;
  for (size_t i = 0; i < SLOTS; i++)
    if ((blocks[count] = hak_exchange_acquire(&from[i], NULL)) != NULL) expect_mark(blocks[count++]);
  return count;
}

static void *free_all(void *argument) {
  size_t which = *(size_t *)argument;
  hak_heap_t *heap = which % 2 == 0 ? hak_heap_new() : NULL;
  bool last = false;
  while (!last) {
    last = hak_load_acquire(&over);
    void *blocks[SLOTS];
    size_t count = gather(slots[which], blocks);
    if (heap != NULL)
      CHECK(hak_heap_free_batch(heap, blocks, count) == count);
    else
      hak_free_batch(blocks, count);
  }
  if (heap != NULL) hak_heap_destroy(heap);
  return NULL;
}

static void hand_out(hak_heap_t *heap, void *block, test_random_t *random) {
  mark(block, hak_usable_size(block));
  _Atomic(void *) *slot = &slots[test_below(random, FREERS)][test_below(random, SLOTS)];
  void *full = NULL;
  if (atomic_compare_exchange_strong_explicit(slot, &full, block, memory_order_release, memory_order_relaxed)) return;
  CHECK(hak_heap_free_batch(heap, &block, 1) == 1);
}

/* Few blocks a slab and few slabs a chunk, so that chunks come and go; now and then a huge block. */
static size_t block_size(test_random_t *random) {
  size_t what = test_below(random, 100);
  return what < 2 ? (size_t)1300000 : what < 30 ? test_size(random, 2000) : 8000 + test_below(random, 500000);
}

typedef struct role {
  size_t freer; /* FREERS: the owner */
  hak_heap_t *heap;
  test_random_t random;
} role_t;

static void own(role_t *role) {
  for (int i = 0; i < BLOCKS / TEST_SLOWER; i++) {
    void *block = hak_heap_malloc(role->heap, block_size(&role->random) + 16);
    CHECK(block != NULL);
    hand_out(role->heap, block, &role->random);
    if (i % 50 == 0) hak_heap_trim(role->heap);
    if (i % 512 == 0) hak_heap_check(role->heap);
  }
  hak_store_release(&over, true);
}

static void *play(void *argument) {
  role_t *role = argument;
  if (role->freer < FREERS) return free_all(&role->freer);
  own(role);
  return NULL;
}

static void many_freers_one_owner(test_random_t *random) {
  role_t roles[FREERS + 1];
  hak_heap_t *heap = hak_heap_new();
  for (size_t i = 0; i <= FREERS; i++) roles[i] = (role_t){i, heap, {test_next(random)}};
  test_threads(FREERS + 1, play, roles, sizeof roles[0]);
  expect_empty(heap);
  hak_heap_destroy(heap);
}

int main(void) {
  test_random_t random = test_random();
  freed_remotely_and_collected();
  a_second_remote_free_is_refused();
  a_second_remote_free_after_the_collection_counts_once();
  a_slow_freer_finds_its_header();
  what_a_lost_freer_marked_comes_back();
  a_slow_freer_pushes_a_slab_of_another_class();
  many_freers_one_owner(&random);
  test_expect_quiet();
  return 0;
}
