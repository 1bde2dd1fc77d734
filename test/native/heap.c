/*
 * heap: heaps of their own. Lowest block first; an emptied slab goes back unless it is its class's last; what is no live
 * block is rejected and gathered at the front; destroying a heap gives everything back at once. Then random batches against
 * a model of what is live, with every number of the statistics compared.
 */
#include "test.h"

#include "guard.h"
#include "heap.h"
#include "registry.h"

static hak_stats_t stats_of(hak_heap_t *heap) {
  static hak_stats_t stats;
  hak_heap_stats_get(heap, &stats);
  return stats;
}

static uint64_t registry_used(void) {
  hak_registry_stats_t stats;
  hak_registry_stats_get(&stats);
  return stats.used;
}

static void lowest_blocks_first(void) {
  hak_heap_t *heap = hak_heap_new();
  char *blocks[1000];
  CHECK(hak_heap_malloc_batch(heap, 64, 1000, (void **)blocks) == 1000);
  for (size_t i = 1; i < 1000; i++) CHECK(blocks[i] == blocks[0] + i * 64);
  void *back[3] = {blocks[500], blocks[7], blocks[130]};
  CHECK(hak_heap_free_batch(heap, back, 3) == 3);
  CHECK(hak_heap_malloc(heap, 64) == blocks[7]);
  CHECK(hak_heap_malloc(heap, 64) == blocks[130]);
  CHECK(hak_heap_malloc(heap, 64) == blocks[500]);
  CHECK(hak_heap_malloc(heap, 64) == blocks[999] + 64);
  hak_heap_destroy(heap);
}

/* Three slabs of 64 KiB blocks, one block each. */
static void a_class_keeps_its_last_slab(void) {
  hak_heap_t *heap = hak_heap_new();
  void *blocks[3];
  CHECK(hak_heap_malloc_batch(heap, 65536, 3, blocks) == 3);
  CHECK(stats_of(heap).superslab.used == 3);
  CHECK(hak_heap_free_batch(heap, blocks, 3) == 3);
  CHECK(stats_of(heap).superslab.used == 1);
  hak_heap_check(heap);
  CHECK(hak_heap_trim(heap) == 3 * HAK_UNIT_SIZE);
  CHECK(stats_of(heap).superslab.used == 0 && stats_of(heap).bytes_reserved == 0);
  hak_heap_destroy(heap);
}

static void garbage_is_rejected(void) {
  hak_heap_t *heap = hak_heap_new();
  char *live[4], *freed = hak_heap_malloc(heap, 1000), *on_heap = malloc(10);
  int on_stack = 0;
  for (size_t i = 0; i < 4; i++) live[i] = hak_heap_malloc(heap, 1000);
  void *one = freed;
  CHECK(hak_heap_free_batch(heap, &one, 1) == 1);
  char *huge = hak_heap_malloc(heap, 3000000);
  void *beyond = live[0] + (65536 - 1024 * 5);
  void *blocks[] = {NULL, live[0], (void *)UINTPTR_MAX, live[1] + 16, &on_stack, live[1], freed, live[0], huge + 64,
                    live[2], on_heap, beyond, huge, huge, (void *)0xffff800000000000, live[3]};
  void *rejected[] = {NULL, (void *)UINTPTR_MAX, live[1] + 16, &on_stack, freed, live[0], huge + 64, on_heap,
                      beyond, huge, (void *)0xffff800000000000};
  CHECK(hak_heap_free_batch(heap, blocks, TEST_COUNT(blocks)) == TEST_COUNT(blocks) - TEST_COUNT(rejected));
  CHECK(memcmp(blocks, rejected, sizeof rejected) == 0);
  hak_heap_check(heap);
  CHECK(stats_of(heap).blocks_live == 0);
  free(on_heap);
  hak_heap_destroy(heap);
}

static void another_heaps_blocks_go_to_their_owner(void) {
  hak_heap_t *heap = hak_heap_new(), *other = hak_heap_new();
  void *blocks[200], *back[200];
  CHECK(hak_heap_malloc_batch(heap, 5000, 100, blocks) == 100);
  CHECK(hak_heap_malloc_batch(other, 5000, 100, blocks + 100) == 100);
  memcpy(back, blocks, sizeof back);
  CHECK(hak_heap_free_batch(heap, back, 200) == 200);
  CHECK(stats_of(heap).blocks_live == 0 && stats_of(heap).operations_remote_frees == 100);
  CHECK(stats_of(other).blocks_live == 0); /* reading collects */
  hak_heap_trim(other);
  CHECK(stats_of(other).blocks_live == 0 && stats_of(other).bytes_reserved == 0);
  hak_heap_destroy(other);
  hak_heap_destroy(heap);
}

static void destroying_gives_everything_back(void) {
  uint64_t before = registry_used();
  hak_heap_t *heap = hak_heap_new();
  static void *blocks[40][50];
  hak_block_info_t info;
  for (size_t i = 0; i < 40; i++) CHECK(hak_heap_malloc_batch(heap, (i + 1) * (i + 1) * 1000, 50, blocks[i]) == 50);
  void *pin = hak_pin(blocks[3][3]);
  *(int *)blocks[3][3] = 5;
  CHECK(registry_used() > before && hak_describe(blocks[5][5], &info) && info.heap == heap);
  hak_heap_destroy(heap);
  CHECK(registry_used() == before);
  for (size_t i = 0; i < 40; i++) CHECK(!hak_describe(blocks[i][i], &info) && hak_usable_size(blocks[i][i]) == 0);
  CHECK(*(int *)blocks[3][3] == 0); /* pinned: the addresses are still there, the memory is not */
  hak_unpin(pin);
}

static void wrong_requests_fail(void) {
  hak_heap_t *heap = hak_heap_new();
  void *block;
  errno = 0;
  CHECK(hak_heap_malloc(heap, SIZE_MAX) == NULL && errno == ENOMEM);
  errno = 0;
  CHECK(hak_heap_malloc_batch(heap, HAK_MAX_SIZE + 1, 1, &block) == 0 && errno == ENOMEM);
  errno = 0;
  CHECK(hak_heap_aligned_alloc(heap, 48, 100) == NULL && errno == EINVAL);
  errno = 0;
  CHECK(hak_heap_aligned_alloc(heap, (size_t)1 << 63, 100) == NULL && errno == ENOMEM);
  CHECK(hak_heap_malloc_batch(heap, 100, 0, &block) == 0);
  CHECK(hak_heap_free_batch(heap, &block, 0) == 0);
  hak_heap_destroy(heap);
}

/* ---- random batches against a model ---- */

enum { MOST_LIVE = 4000, STEPS = 4000 };

typedef struct model {
  hak_heap_t *heap;
  void *live[MOST_LIVE];
  size_t count, bytes;
  size_t of_class[HAK_SLAB_CLASSES + 1];
} model_t;

static unsigned row_of(size_t size) {
  unsigned size_class = hak_size_class_of(size);
  return size_class < HAK_SLAB_CLASSES ? size_class : HAK_SLAB_CLASSES;
}

static void count(model_t *model, const void *block, bool comes) {
  size_t size = hak_usable_size(block);
  size_t *row = &model->of_class[row_of(size)];
  *row = comes ? *row + 1 : *row - 1;
  model->bytes = comes ? model->bytes + size : model->bytes - size;
}

/* A block carries its own address at both ends, so overlaps show. */
static void take(model_t *model, test_random_t *random) {
  void *blocks[64];
  size_t most = test_below(random, 300) == 0 ? 5000000 : 100000, size = test_size(random, most);
  size_t wanted = 1 + test_below(random, size > 10000 ? 4 : 64);
  if (model->count + wanted > MOST_LIVE) return;
  CHECK(hak_heap_malloc_batch(model->heap, size, wanted, blocks) == wanted);
  for (size_t i = 0; i < wanted; i++) {
    size_t bytes = hak_usable_size(blocks[i]);
    CHECK(bytes == hak_good_size(size) && bytes >= size);
    memcpy((char *)blocks[i] + bytes - sizeof(void *), &blocks[i], sizeof(void *));
    memcpy(blocks[i], &blocks[i], sizeof(void *));
    count(model, blocks[i], true);
    model->live[model->count++] = blocks[i];
  }
}

static void give(model_t *model, test_random_t *random) {
  void *blocks[100];
  size_t wanted = test_below(random, TEST_COUNT(blocks));
  if (wanted > model->count) wanted = model->count;
  for (size_t i = 0; i < wanted; i++) {
    size_t which = test_below(random, model->count);
    blocks[i] = model->live[which];
    model->live[which] = model->live[--model->count];
    CHECK(memcmp(blocks[i], &blocks[i], sizeof(void *)) == 0);
    CHECK(memcmp((char *)blocks[i] + hak_usable_size(blocks[i]) - sizeof(void *), &blocks[i], sizeof(void *)) == 0);
    count(model, blocks[i], false);
  }
  CHECK(hak_heap_free_batch(model->heap, blocks, wanted) == wanted);
}

typedef struct seen {
  size_t used, bytes, units, chunk_units;
  uint64_t chunk_seq;
} seen_t;

static void see(const hak_slab_view_t *slab, void *argument) {
  seen_t *seen = argument;
  seen->used += slab->used;
  seen->bytes += slab->used * slab->block_size;
  seen->units += slab->units;
  if (seen->chunk_seq != slab->chunk_seq) seen->chunk_units += slab->chunk_units;
  seen->chunk_seq = slab->chunk_seq;
}

static void compare(const model_t *model) {
  hak_stats_t stats = stats_of(model->heap);
  CHECK(stats.blocks_live == model->count && stats.bytes_live == model->bytes);
  for (size_t c = 0; c <= HAK_SLAB_CLASSES; c++) CHECK(stats.classes[c].live == model->of_class[c]);
  seen_t seen = {.chunk_seq = UINT64_MAX};
  hak_heap_visit(model->heap, see, &seen);
  CHECK(seen.used == model->count && seen.bytes == model->bytes);
  CHECK(seen.units == stats.superslab.used && seen.chunk_units == stats.superslab.capacity);
  CHECK(stats.bytes_reserved == seen.chunk_units * HAK_UNIT_SIZE + stats.bytes_cached); /* of large blocks */
  CHECK(stats.bytes_committed >= stats.superslab.used * HAK_UNIT_SIZE && stats.bytes_committed <= stats.bytes_reserved);
  hak_heap_check(model->heap);
}

static void blocks_describe_themselves(const model_t *model) {
  for (size_t i = 0; i < model->count; i++) {
    hak_block_info_t info;
    char *block = model->live[i];
    CHECK(hak_describe(block, &info) && info.heap == model->heap);
    CHECK((char *)info.slab + info.block_index * info.block_size == block && (uintptr_t)info.slab % HAK_UNIT_SIZE == 0);
    CHECK(info.block_size == hak_usable_size(block) && info.slab_size >= (info.block_index + 1) * info.block_size);
    CHECK(!hak_describe(block + 1, &info));
  }
}

/* The checked build looks into the live map when their slabs close. */
static void a_threads_blocks_leave_the_live_map(void) {
  enum { COUNT = 2000 };
  static void *blocks[COUNT], *given[COUNT];
  hak_heap_t *heap = hak_heap_new();
  CHECK(hak_malloc_batch(64, COUNT, blocks) == COUNT);
  void *inside = (char *)blocks[0] + 1;
  CHECK(hak_heap_free_batch(heap, &inside, 1) == 0 && hak_live_get(blocks[0]) != 0);
  for (int turn = 0; turn < 2; turn++) {
    memcpy(given, blocks, sizeof blocks);
    CHECK(hak_heap_free_batch(heap, given, COUNT) == (turn == 0 ? COUNT : 0));
    for (size_t i = 0; i < COUNT; i++) CHECK(hak_live_get(blocks[i]) == 0);
  }
  hak_heap_destroy(heap);
  test_expect_quiet();
}

static void random_batches(test_random_t *random) {
  static model_t model;
  model.heap = hak_heap_new();
  for (int step = 0; step < STEPS / TEST_SLOWER; step++) {
    if (test_below(random, 1000) < (step / 500 % 2 == 0 ? 600u : 400u)) /* by turns growing and shrinking */
      take(&model, random);
    else
      give(&model, random);
    if (step % 16 == 0) compare(&model);
    if (step % 256 == 0) hak_heap_trim(model.heap);
    if (step % 512 == 0) blocks_describe_themselves(&model);
  }
  while (model.count > 0) give(&model, random);
  compare(&model);
  hak_heap_trim(model.heap);
  CHECK(stats_of(model.heap).bytes_reserved == 0 && stats_of(model.heap).bytes_committed == 0);
  hak_heap_destroy(model.heap);
}

int main(void) {
  hak_guard_off();
  test_random_t random = test_random();
  lowest_blocks_first();
  a_class_keeps_its_last_slab();
  garbage_is_rejected();
  another_heaps_blocks_go_to_their_owner();
  destroying_gives_everything_back();
  wrong_requests_fail();
  a_threads_blocks_leave_the_live_map();
  random_batches(&random);
  test_expect_quiet();
  return 0;
}
