/*
 * superslab: chunks without a heap's lists above them. The chain grows far past 32 slabs, in ever longer chunks; a run comes
 * from the chunk whose longest run fits best, first fit inside; emptied chunks stay until they are idle; ticks purge what is idle; what
 * is pinned is parked and taken up again; huge blocks are chunks of their own. The books are counted anew from the chunks
 * after every step.
 */
#include "test.h"

#include <sys/mman.h>

#include "bitmap.h"
#include "heap.h"
#include "options.h"
#include "os.h"
#include "registry.h"

enum { UNIT_CLASS = 11 }; /* slabs of one unit */

static hak_heap_t heap; /* only an address for the chunks */
static hak_superslab_t superslab;
static hak_remote_t remote;
static const hak_chunk_owner_t owner = {&heap, 0, &remote, 0};
static uint64_t next_seq;

static bool is_mapped(void *start) {
  unsigned char resident;
  return mincore(start, hak_os_page_size(), &resident) == 0;
}

static uint64_t count_of(hak_counter_t *counter) {
  return hak_counter_get(counter);
}

/* The counters against what the chunks themselves say. */
static void check_books(void) {
  uint64_t capacity = 0, used = 0, committed = 0;
  for (hak_chunk_t *chunk = superslab.first; chunk != NULL; chunk = chunk->next) {
    capacity += chunk->units;
    used += chunk->units - chunk->free_units;
    committed += chunk->huge ? chunk->units : hak_bitmap_count(chunk->committed_map, chunk->units);
    CHECK(chunk->next == NULL ? superslab.last == chunk : chunk->next->prev == chunk && chunk->next->seq > chunk->seq);
  }
  CHECK(count_of(&superslab.capacity) == capacity && count_of(&superslab.reserved) == capacity);
  CHECK(count_of(&superslab.used) == used && count_of(&superslab.committed) == committed);
  CHECK(committed >= used);
  hak_registry_stats_t registry;
  hak_registry_stats_get(&registry);
  CHECK(registry.used == used);
  hak_superslab_check(&superslab);
}

/* The least sufficient longest run of all chunks of a class's grain; 0: none. Runs beyond the last list count alike. */
static uint32_t best_run(unsigned size_class) {
  size_t units = hak_size_classes[size_class].units;
  uint32_t best = 0;
  for (hak_chunk_t *chunk = superslab.first; chunk != NULL; chunk = chunk->next) {
    bool such = !chunk->huge && chunk->grain == hak_size_class_grain(size_class);
    uint32_t run = !such ? 0 : (uint32_t)hak_bitmap_longest_run(chunk->free_map, chunk->units);
    if (run > HAK_RUN_LISTS) run = HAK_RUN_LISTS;
    if (run >= units && (best == 0 || run < best)) best = run;
  }
  return best;
}

/* Opens a slab and checks that it lies where best fit and first fit say. */
static hak_slab_t *open_slab(unsigned size_class) {
  size_t units = hak_size_classes[size_class].units;
  uint32_t best = best_run(size_class);
  uint64_t grown = count_of(&superslab.grown), misses = count_of(&superslab.misses);
  hak_slab_t *slab = hak_superslab_slab_new(&superslab, &owner, size_class, next_seq++);
  CHECK(slab != NULL && slab->units == units && slab->used == 0 && slab->seq == next_seq - 1);
  CHECK(count_of(&superslab.grown) == grown + (best == 0) && count_of(&superslab.misses) == misses + (best == 0));
  hak_chunk_t *chunk = slab->chunk;
  CHECK(slab->base == chunk->base + slab->unit * HAK_UNIT_SIZE && slab == &chunk->slabs[slab->unit]);
  CHECK(hak_bitmap_count_range(chunk->free_map, slab->unit, units) == 0);
  hak_bitmap_set_range(chunk->free_map, slab->unit, units); /* as it was before */
  size_t longest = hak_bitmap_longest_run(chunk->free_map, chunk->units);
  CHECK(best == 0 ? longest == chunk->units : longest == best || (best == HAK_RUN_LISTS && longest > best));
  CHECK(hak_bitmap_find_run(chunk->free_map, chunk->units, units) == slab->unit);
  hak_bitmap_clear_range(chunk->free_map, slab->unit, units);
  for (size_t unit = 0; unit < units; unit++)
    CHECK(hak_registry_get(slab->base + unit * HAK_UNIT_SIZE) == ((uintptr_t)slab | (size_class + 1)));
  return slab;
}

static void close_slab(hak_slab_t *slab) {
  char *base = slab->base;
  size_t units = slab->units;
  hak_superslab_slab_free(&superslab, &owner, slab);
  for (size_t unit = 0; unit < units; unit++) CHECK(hak_registry_get(base + unit * HAK_UNIT_SIZE) == 0);
}

static void trim(void) {
  uint64_t committed = count_of(&superslab.committed), purged = count_of(&superslab.purged);
  hak_superslab_trim(&superslab, &owner);
  CHECK(committed - count_of(&superslab.committed) == count_of(&superslab.purged) - purged);
  CHECK(count_of(&superslab.committed) == count_of(&superslab.used));
  check_books();
}

/* A quarter of what the heap has, in powers of two from 32 units up to the option. */
static size_t next_chunk_units(size_t units_so_far) {
  size_t most = (size_t)(hak_option(hak_option_chunk_bytes_max) / HAK_UNIT_SIZE), units = 32;
  while (2 * units <= units_so_far / 4 && 2 * units <= most) units *= 2;
  return units;
}

/* Far more than ten times the 32 slabs of a chunk: slab after slab fills chunk after chunk, each of the length it should. */
static void chunks_chain_and_lengthen(void) {
  static hak_slab_t *slabs[6000];
  size_t chunks = 0, units = 0, longest = 0;
  hak_chunk_t *chunk = NULL;
  for (size_t i = 0; i < TEST_COUNT(slabs); i++) {
    slabs[i] = open_slab(UNIT_CLASS);
    if (i == units) {
      chunk = slabs[i]->chunk;
      longest = next_chunk_units(units);
      CHECK(chunk->units == longest && chunk->seq == chunks++ && chunk->prev == (i == 0 ? NULL : slabs[i - 1]->chunk));
      units += longest;
      check_books();
    }
    CHECK(slabs[i]->chunk == chunk && slabs[i]->unit == i - (units - longest));
  }
  CHECK(longest == hak_option(hak_option_chunk_bytes_max) / HAK_UNIT_SIZE && chunks < 40);
  CHECK(count_of(&superslab.grown) == chunks && count_of(&superslab.capacity) == units);
  for (size_t i = 0; i < TEST_COUNT(slabs); i++) close_slab(slabs[i]);
  check_books();
  CHECK(count_of(&superslab.shrunk) == 0 && count_of(&superslab.capacity) == units);
  hak_superslab_tick(&superslab, &owner);
  CHECK(count_of(&superslab.shrunk) == 0);
  hak_superslab_tick(&superslab, &owner);
  CHECK(count_of(&superslab.shrunk) == chunks && superslab.first == NULL && superslab.parked == NULL);
}

static void an_emptied_chunk_serves_again(void) {
  hak_slab_t *slab = open_slab(UNIT_CLASS);
  hak_chunk_t *chunk = slab->chunk;
  close_slab(slab);
  uint64_t grown = count_of(&superslab.grown);
  slab = open_slab(UNIT_CLASS);
  CHECK(slab->chunk == chunk && count_of(&superslab.grown) == grown);
  close_slab(slab);
  trim();
}

/* Purged units read as zero, and what is in use stays. */
static void trim_purges_free_units(void) {
  hak_slab_t *kept = open_slab(UNIT_CLASS), *gone = open_slab(UNIT_CLASS), *last = open_slab(UNIT_CLASS);
  memset(kept->base, 1, HAK_UNIT_SIZE);
  memset(gone->base, 2, HAK_UNIT_SIZE);
  memset(last->base, 3, HAK_UNIT_SIZE);
  char *middle = gone->base;
  close_slab(gone);
  uint64_t purged = count_of(&superslab.purged);
  trim();
  CHECK(count_of(&superslab.purged) == purged + 1);
  for (size_t i = 0; i < HAK_UNIT_SIZE; i++) CHECK(kept->base[i] == 1 && middle[i] == 0 && last->base[i] == 3);
  close_slab(kept);
  close_slab(last);
  trim();
}

static void pinned_chunks_are_parked(void) {
  hak_slab_t *slab = open_slab(UNIT_CLASS);
  hak_chunk_t *chunk = slab->chunk;
  char *base = slab->base;
  hak_chunk_pin(chunk);
  hak_chunk_pin(chunk);
  memset(base, 7, 100);
  close_slab(slab);
  trim();
  CHECK(superslab.first == NULL && superslab.parked == chunk && is_mapped(base));
  CHECK(base[0] == 0 && base[99] == 0);
  slab = open_slab(UNIT_CLASS);
  CHECK(slab->chunk == chunk && slab->base == base && superslab.parked == NULL);
  hak_chunk_unpin(chunk);
  close_slab(slab);
  trim();
  CHECK(superslab.parked == chunk && is_mapped(base));
  hak_chunk_unpin(chunk);
  CHECK(is_mapped(base)); /* the heap sweeps it away */
  trim();
  CHECK(superslab.parked == NULL && !is_mapped(base));
}

/* As long as a remote freer may be looking at a header, it stays. */
static void chunks_are_parked_while_a_freer_is_inside(void) {
  hak_slab_t *slab = open_slab(UNIT_CLASS);
  char *base = slab->base;
  hak_remote_enter(&remote);
  close_slab(slab);
  trim();
  CHECK(superslab.parked != NULL && is_mapped(base));
  hak_fetch_sub_release(&remote.freers, 1);
  trim();
  CHECK(superslab.parked == NULL && !is_mapped(base));
}

/* Free units and empty chunks go back at the second tick that finds them idle. */
static void ticks_purge_what_is_idle(void) {
  hak_slab_t *kept = open_slab(UNIT_CLASS), *gone = open_slab(UNIT_CLASS), *again = open_slab(UNIT_CLASS);
  char *base = gone->base;
  memset(base, 5, HAK_UNIT_SIZE);
  close_slab(gone);
  close_slab(again);
  hak_superslab_tick(&superslab, &owner);
  CHECK(base[0] == 5 && count_of(&superslab.committed) == 3);
  gone = open_slab(UNIT_CLASS); /* used in between: not idle any more; the third unit is */
  CHECK(gone->base == base);
  close_slab(gone);
  hak_superslab_tick(&superslab, &owner);
  CHECK(base[0] == 5 && count_of(&superslab.committed) == 2);
  check_books();
  hak_superslab_tick(&superslab, &owner);
  CHECK(base[0] == 0 && count_of(&superslab.committed) == 1);
  close_slab(kept);
  hak_superslab_tick(&superslab, &owner);
  CHECK(superslab.first != NULL);
  hak_superslab_tick(&superslab, &owner);
  CHECK(superslab.first == NULL);
  check_books();
}

static hak_slab_t *open_huge(size_t size, hak_chunk_t *cached) {
  uint64_t grown = count_of(&superslab.grown);
  hak_chunk_t *chunk = cached != NULL ? cached : hak_superslab_huge_map(&superslab, &owner, size, HAK_CHUNK_ALIGNMENT);
  CHECK(chunk != NULL);
  hak_slab_t *slab = hak_superslab_huge_new(&superslab, &owner, chunk, next_seq++);
  CHECK(slab != NULL && (uintptr_t)slab->base % HAK_CHUNK_ALIGNMENT == 0);
  CHECK(slab->blocks == 1 && slab->block_size == slab->units * HAK_UNIT_SIZE && slab->block_size >= size);
  CHECK(cached == NULL ? slab->block_size == size : slab->chunk == cached);
  CHECK(count_of(&superslab.grown) <= grown + (cached == NULL));
  for (size_t at = 0; at < size; at += HAK_UNIT_SIZE)
    CHECK(hak_registry_get(slab->base + at) == ((uintptr_t)slab | HAK_REGISTRY_TAG_MASK));
  slab->base[0] = slab->base[size - 1] = 1;
  check_books();
  return slab;
}

static hak_chunk_t *close_huge(hak_slab_t *slab) {
  char *base = slab->base;
  hak_chunk_t *chunk = hak_superslab_huge_close(&superslab, slab);
  CHECK(hak_registry_get(base) == 0 && is_mapped(base));
  check_books();
  return chunk;
}

static void huge_blocks_are_chunks(void) {
  for (unsigned c = HAK_SLAB_CLASSES; c < HAK_SLAB_CLASSES + 12; c++) {
    hak_slab_t *slab = open_huge(hak_size_class_bytes(c), NULL);
    char *base = slab->base;
    uint64_t purged = count_of(&superslab.purged), units = slab->units;
    hak_superslab_discard(&superslab, &owner, close_huge(slab));
    CHECK(superslab.first == NULL && !is_mapped(base) && count_of(&superslab.purged) == purged + units);
  }
}

/* What is closed and not discarded keeps its memory, and may serve a smaller request. */
static void closed_huge_chunks_serve_again(void) {
  size_t size = hak_size_class_bytes(HAK_SLAB_CLASSES + 3);
  hak_chunk_t *chunk = close_huge(open_huge(size, NULL));
  CHECK(!chunk->zero && chunk->base[0] == 1);
  CHECK(close_huge(open_huge(size - 2 * HAK_UNIT_SIZE, chunk)) == chunk);
  hak_superslab_discard(&superslab, &owner, chunk);
}

static void pinned_huge_chunks_are_parked(void) {
  size_t size = hak_size_class_bytes(HAK_SLAB_CLASSES + 3);
  hak_slab_t *slab = open_huge(size, NULL);
  hak_chunk_t *chunk = slab->chunk;
  hak_chunk_pin(chunk);
  hak_superslab_discard(&superslab, &owner, close_huge(slab));
  CHECK(superslab.parked == chunk && is_mapped(chunk->base) && chunk->base[0] == 0);
  slab = open_huge(2 * size, NULL);
  CHECK(slab->chunk != chunk);
  hak_superslab_discard(&superslab, &owner, close_huge(slab));
  slab = open_huge(size, NULL);
  CHECK(slab->chunk == chunk && chunk->zero);
  hak_chunk_unpin(chunk);
  hak_superslab_discard(&superslab, &owner, close_huge(slab));
  trim();
  CHECK(superslab.parked == NULL);
}

static void destroy_leaves_only_pins(void) {
  char *bases[40];
  void *pin = NULL;
  for (size_t i = 0; i < TEST_COUNT(bases); i++) {
    hak_slab_t *slab = open_slab(HAK_SLAB_CLASSES - 1);
    bases[i] = slab->base;
    if (i == 9) hak_chunk_pin(pin = slab->chunk);
  }
  memset(bases[9], 9, 100);
  hak_superslab_destroy(&superslab);
  for (size_t i = 0; i < TEST_COUNT(bases); i++) CHECK(hak_registry_get(bases[i]) == 0);
  CHECK(is_mapped(bases[9]) && bases[9][0] == 0 && !is_mapped(bases[0]));
  hak_chunk_unpin(pin);
  CHECK(!is_mapped(bases[9]));
  memset(&superslab, 0, sizeof superslab);
  check_books();
}

static void random_slabs(test_random_t *random) {
  hak_slab_t *slabs[300] = {NULL};
  for (int step = 0; step < 20000 / TEST_SLOWER; step++) {
    size_t which = test_below(random, TEST_COUNT(slabs));
    if (slabs[which] != NULL) {
      close_slab(slabs[which]);
      slabs[which] = NULL;
    } else if (step % 4000 < 2000 || which % 8 == 0) { /* by turns many and few */
      slabs[which] = open_slab((unsigned)test_below(random, HAK_SLAB_CLASSES));
    }
    if (step % 16 == 0) check_books();
    if (step % 512 == 0) trim();
    if (step % 100 == 0) hak_superslab_tick(&superslab, &owner);
  }
  for (size_t i = 0; i < TEST_COUNT(slabs); i++)
    if (slabs[i] != NULL) close_slab(slabs[i]);
  trim();
  CHECK(superslab.first == NULL && superslab.parked == NULL);
}

int main(void) {
  setenv("HAKMEM_DIRTY_BYTES", "1099511627776", 1); /* what goes between ticks is the parity tapes' matter */
  test_random_t random = test_random();
  chunks_chain_and_lengthen();
  an_emptied_chunk_serves_again();
  trim_purges_free_units();
  pinned_chunks_are_parked();
  chunks_are_parked_while_a_freer_is_inside();
  ticks_purge_what_is_idle();
  huge_blocks_are_chunks();
  closed_huge_chunks_serve_again();
  pinned_huge_chunks_are_parked();
  random_slabs(&random);
  destroy_leaves_only_pins();
  return 0;
}
