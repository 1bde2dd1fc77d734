/*
 * L5 heap: how blocks come back; see heap.h.
 *
 *     blocks -> runs, of one slab each -> own slab: its `free` bits, and the slab where it belongs
 *                                         another heap's: its `remote` bits, for the owner to collect; a large one goes back to its
 *                                         slab at once, through the owner's door
 */
#include "heap_inside.h"

#include "assert.h"
#include "chunk.h"
#include "lend.h"
#include "registry.h"

/* `blocks` of the slab have just come back. */
void hak_heap_count_back(hak_heap_t *heap, hak_slab_t *slab, size_t blocks) {
  hak_counter_sub(&heap->classes[slab->size_class].live, blocks);
  hak_counter_sub(&heap->live_bytes, blocks * slab->block_size);
}

void hak_heap_give_excess(hak_heap_t *heap, bool all) {
  hak_chunk_owner_t owner = hak_heap_owner(heap);
  hak_chunk_t *chunk;
  while ((chunk = hak_large_excess(heap->large, all)) != NULL) hak_superslab_discard(&heap->superslab, &owner, chunk);
}

/* A chunk that others still look at must not get into other heaps' hands. */
void hak_heap_close_huge(hak_heap_t *heap, hak_slab_t *slab) {
  hak_chunk_owner_t owner = hak_heap_owner(heap);
  hak_chunk_t *chunk = hak_superslab_huge_close(&heap->superslab, slab);
  hak_large_count_live(heap->large, -(int64_t)chunk->units);
  bool shareable = heap->own || hak_superslab_lone(&owner, chunk);
  if (!shareable || !hak_large_put(heap->large, heap->hint, chunk))
    hak_superslab_discard(&heap->superslab, &owner, chunk);
  hak_heap_give_excess(heap, false);
}

bool hak_heap_close_if_empty(hak_heap_t *heap, hak_slab_t *slab) {
  if (slab->used != 0 || !hak_lend_may_close(heap, slab)) return false;
  hak_chunk_owner_t owner = hak_heap_owner(heap);
  hak_heap_unlist(&heap->classes[slab->size_class], slab);
  if (hak_heap_is_home(heap, slab))
    hak_superslab_slab_free(&heap->superslab, &owner, slab);
  else
    hak_lend_return(slab);
  return true;
}

/* Puts a slab that has just got blocks back where it belongs. An empty slab stays while it is its class's only one. */
static void settle(hak_heap_t *heap, hak_slab_t *slab) {
  if (slab->size_class == HAK_SLAB_CLASSES) {
    hak_heap_close_huge(heap, slab);
    return;
  }
  hak_heap_class_t *list = &heap->classes[slab->size_class];
  if (!slab->listed) hak_heap_list(list, slab);
  if (HAK_CHECKED) hak_slab_check(slab);
  if (list->head != list->tail) hak_heap_close_if_empty(heap, slab);
}

/* A run: blocks of one slab, one after the other in what is given back. */
typedef struct run {
  void **blocks;
  size_t count;
} run_t;

/* What of the run are blocks, each once. Neighbours often come together: their word is kept at hand. @return how many are not: rejected. */
static size_t gather(const hak_slab_t *slab, run_t run, hak_batch_t *batch, void **rejected) {
  size_t bad = 0;
  uint32_t word = 0;
  uint64_t bits = 0;
  batch->words = 0;
  for (size_t i = 0; i < run.count; i++) {
    uint32_t index = hak_slab_index(slab, run.blocks[i]);
    bool is_block = index < slab->blocks;
    if (is_block && index / 64 != word) {
      hak_batch_set(batch, word, bits);
      bits = hak_batch_get(batch, word = index / 64);
    }
    uint64_t bit = (uint64_t)1 << (index % 64);
    if (HAK_UNLIKELY(!is_block || (bits & bit) != 0))
      rejected[bad++] = run.blocks[i];
    else
      bits |= bit;
  }
  hak_batch_set(batch, word, bits);
  return bad;
}

/* A slab's blocks as addresses, though it may be another by now. */
typedef struct places {
  char *base;
  size_t block_size;
} places_t;

/* What is left in the batch was free before. @return how many. */
static size_t reject(places_t places, const hak_batch_t *batch, void **rejected) {
  size_t bad = 0;
  for (uint64_t words = batch->words; words != 0; words &= words - 1) {
    size_t word = hak_ctz(words);
    for (uint64_t bits = batch->bits[word]; bits != 0; bits &= bits - 1)
      rejected[bad++] = places.base + (word * 64 + hak_ctz(bits)) * places.block_size;
  }
  return bad;
}

static size_t give_own(hak_heap_t *heap, hak_slab_t *slab, run_t run, void **rejected) {
  hak_batch_t batch;
  places_t places = {slab->base, slab->block_size};
  bool was_full = slab->used == slab->blocks;
  size_t bad = gather(slab, run, &batch, rejected);
  if (bad == run.count) return bad;
  size_t given = hak_slab_give(slab, &batch);
  if (given < run.count - bad) bad += reject(places, &batch, rejected + bad);
  if (given == 0) return bad;
  hak_heap_count_back(heap, slab, given);
  if (was_full || slab->used == 0)
    settle(heap, slab);
  else if (HAK_CHECKED)
    hak_slab_check(slab);
  return bad;
}

/* By what the return of a block is counted. */
typedef struct kind {
  unsigned size_class;
  size_t block_size;
  bool own; /* belongs to a heap of its own */
} kind_t;

static kind_t kind_of(const hak_heap_t *owner, const hak_slab_t *slab) {
  return (kind_t){slab->size_class, slab->block_size, owner->own};
}

/* Relaxed: only the sum is of interest. */
static void add_to(const hak_heap_t *heap, hak_counter_t *counter, uint64_t amount) {
  if (HAK_UNLIKELY(hak_heap_is_nobody(heap)))
    hak_fetch_add_relaxed(counter, amount);
  else
    hak_counter_add(counter, amount);
}

static void count_returned(hak_heap_t *heap, kind_t kind, uint64_t blocks) {
  add_to(heap, &heap->returned.blocks[kind.size_class], blocks);
  add_to(heap, &heap->returned.bytes, blocks * kind.block_size);
  if (!kind.own) add_to(heap, &heap->returned.frees, blocks);
}

/* Whose slab it is, announced there: the slab may be lent meanwhile, but not once it was found where the freer is. */
static hak_heap_t *enter_owner(hak_slab_t *slab) {
  for (;;) {
    hak_heap_t *owner = hak_load_acquire(&slab->heap);
    hak_remote_enter(&owner->remote);
    if (HAK_LIKELY(hak_load_seq_cst(&slab->heap) == owner)) return owner; /* pairs with the store in lend.c */
    hak_remote_leave(&owner->remote);
  }
}

/* Once it has left, neither the slab nor its heap may be looked at; once a block is given, the slab may be made another. */
static size_t give_remote(hak_heap_t *heap, hak_slab_t *slab, run_t run, void **rejected) {
  hak_batch_t batch;
  places_t places = {slab->base, slab->block_size};
  size_t bad = gather(slab, run, &batch, rejected);
  if (bad == run.count) return bad;
  hak_heap_t *owner = enter_owner(slab);
  kind_t kind = kind_of(owner, slab);
  hak_remote_give(&owner->remote, slab, &batch);
  hak_remote_leave(&owner->remote);
  bad += reject(places, &batch, rejected + bad);
  add_to(heap, &heap->remote_frees, run.count - bad);
  count_returned(heap, kind, run.count - bad);
  return bad;
}

/* Blocks so large go back to their slab at once, through the owner's door if it is open: its thread may rest, and they are much
   memory to wait for it. */
enum { GIVE_AT_ONCE_SIZE_MIN = 32 << 10 };

static bool may_enter(hak_heap_t *owner, const hak_slab_t *slab) {
  if (slab->block_size <= GIVE_AT_ONCE_SIZE_MIN || owner->own || !hak_heap_try_enter(owner)) return false;
  if (HAK_LIKELY(hak_load_relaxed(&slab->heap) == owner)) return true; /* behind the door it stays so */
  hak_heap_leave(owner);
  return false;
}

static size_t give_at_once(hak_heap_t *heap, hak_heap_t *owner, hak_slab_t *slab, run_t run, void **rejected) {
  size_t bad = give_own(owner, slab, run, rejected);
  hak_heap_leave(owner);
  add_to(heap, &heap->remote_frees, run.count - bad);
  return bad;
}

/* @return how many of the run were rejected; `rejected` may lie before them in the same array. */
static size_t give_run(hak_heap_t *heap, hak_slab_t *slab, run_t run, void **rejected) {
  hak_heap_t *owner = hak_load_acquire(&slab->heap);
  if (owner == heap) return give_own(heap, slab, run, rejected);
  if (may_enter(owner, slab)) return give_at_once(heap, owner, slab, run, rejected);
  bool orphan = hak_load_relaxed(&owner->orphan); /* now, for without the block the owner may end at any time */
  size_t bad = give_remote(heap, slab, run, rejected);
  if (orphan && bad < run.count) hak_store_relaxed(&heap->met_orphan, true);
  return bad;
}

static run_t run_from(const hak_slab_t *slab, void **blocks, size_t most) {
  run_t run = {blocks, 1};
  size_t bytes = slab->units * HAK_UNIT_SIZE;
  while (run.count < most && (size_t)((char *)blocks[run.count] - slab->base) < bytes) run.count++;
  return run;
}

size_t hak_heap_give_inside(hak_heap_t *heap, void **blocks, size_t count) {
  unsigned last_class = HAK_SLAB_CLASSES + 1;
  size_t rejected = 0;
  add_to(heap, &heap->flushes, 1);
  for (size_t i = 0; i < count;) {
    hak_slab_t *slab = hak_heap_slab_of(blocks[i]);
    if (slab == NULL) {
      blocks[rejected++] = blocks[i++];
      continue;
    }
    unsigned size_class = slab->size_class;
    run_t run = run_from(slab, blocks + i, count - i);
    size_t bad = give_run(heap, slab, run, blocks + rejected);
    if (bad < run.count && size_class != last_class) {
      add_to(heap, &heap->classes[size_class].flushes, 1);
      last_class = size_class;
    }
    rejected += bad;
    i += run.count;
  }
  return count - rejected;
}

size_t hak_heap_give(hak_heap_t *heap, void **blocks, size_t count) {
  if (HAK_UNLIKELY(hak_heap_is_nobody(heap))) return hak_heap_give_inside(heap, blocks, count);
  hak_heap_enter(heap);
  size_t given = hak_heap_give_inside(heap, blocks, count);
  hak_heap_leave(heap);
  return given;
}

void hak_heap_give_live(hak_heap_t *heap, void **blocks, size_t count) {
  if (hak_heap_give(heap, blocks, count) < count) hak_fatal("free of a pointer that is no live block", blocks[0]);
}

/* An empty slab that was lent comes home the same way. */
static bool comes_home(hak_slab_t *slab) {
  bool home = slab->given_back;
  slab->given_back = false;
  return home;
}

/* Blocks whose first free was collected before their second came, which nobody could tell then. They were counted as returned twice; and
   where it can only be hak_free that was called, it is misuse. hak_heap_free_batch leaves alone what is no live block. */
static void take_back_twice(hak_heap_t *heap, hak_slab_t *slab, const hak_batch_t *twice) {
  size_t word = hak_ctz(twice->words), first = word * 64 + hak_ctz(twice->bits[word]);
  if (!heap->own || heap->spare) hak_fatal("double free, or realloc of a block that was freed", slab->base + first * slab->block_size);
  for (uint64_t words = twice->words; words != 0; words &= words - 1)
    count_returned(heap, kind_of(heap, slab), -(uint64_t)hak_popcount(twice->bits[hak_ctz(words)]));
}

static void collect(hak_heap_t *heap, hak_slab_t *slab) {
  hak_heap_t *owner = hak_load_acquire(&slab->heap);
  if (owner != heap) {
    hak_remote_push(&owner->remote, slab); /* it was lent meanwhile: its heap collects it */
    return;
  }
  hak_batch_t twice;
  size_t collected = hak_slab_collect(slab, &twice);
  if (HAK_UNLIKELY(twice.words != 0)) take_back_twice(heap, slab, &twice);
  if (collected != 0) {
    count_returned(heap, kind_of(heap, slab), -(uint64_t)collected);
    hak_heap_count_back(heap, slab, collected);
  }
  if (comes_home(slab) || collected != 0) settle(heap, slab);
}

void hak_heap_collect_inside(hak_heap_t *heap) {
  hak_slab_t *slab = hak_remote_take(&heap->remote);
  heap->remote.collecting = true;
  while (slab != NULL) {
    hak_slab_t *next = slab->remote_next;
    collect(heap, slab);
    slab = next;
  }
  heap->remote.collecting = false;
}

void hak_heap_collect(hak_heap_t *heap) {
  hak_heap_enter(heap);
  hak_heap_collect_inside(heap);
  hak_heap_leave(heap);
}

/* ---- after a fork ---- */

/* The freer's first step, its blocks' bits, is seen as a whole or not at all; the others are done here. */
static void push_if_marked(hak_heap_t *heap, hak_slab_t *slab) {
  uint64_t words = 0;
  for (uint32_t word = 0; word * 64 < slab->blocks; word++)
    if (hak_load_relaxed(&slab->remote[word]) != 0) words |= (uint64_t)1 << word;
  hak_store_relaxed(&slab->remote_words, words);
  if (words != 0) hak_remote_push(&heap->remote, slab);
}

static void push_marked_in(hak_heap_t *heap, hak_chunk_t *chunk) {
  for (hak_slab_t *slab = hak_chunk_slab_from(chunk, 0); slab != NULL; slab = hak_chunk_slab_from(chunk, slab->unit + slab->units))
    if (hak_load_relaxed(&slab->heap) == heap) push_if_marked(heap, slab);
}

void hak_heap_push_marked(hak_heap_t *heap, hak_heap_t *home) {
  for (hak_chunk_t *chunk = home->superslab.first; chunk != NULL; chunk = chunk->next) push_marked_in(heap, chunk);
}
