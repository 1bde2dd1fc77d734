/* L5 lend: see lend.h. */
#include "lend.h"

#include "chunk.h"
#include "heap_inside.h"
#include "heaps.h"
#include "live.h"

/* Who frees its blocks now learns whose they are. */
static void mark(const hak_slab_t *slab, const hak_heap_t *heap) {
  hak_live_tag_units(slab->base, slab->units, heap->tcache.own.mark | (slab->size_class + 1u));
}

static void count_move(hak_heap_t *from, hak_heap_t *to, hak_slab_t *slab) {
  hak_heap_count_back(from, slab, slab->used);
  hak_counter_add(&to->classes[slab->size_class].live, slab->used);
  hak_counter_add(&to->live_bytes, slab->used * slab->block_size);
}

/* Inside both doors. Who entered before the slab had its new heap has left, and pushed on the old one's stack, when this returns. */
static void move(hak_heap_t *from, hak_heap_t *to, hak_slab_t *slab) {
  hak_heap_unlist(&from->classes[slab->size_class], slab);
  hak_store_seq_cst(&slab->heap, to); /* pairs with the second load in enter_owner (heap_give.c) */
  for (unsigned turn = 0; !hak_remote_has_no_freers(&from->remote); turn++) hak_os_yield(turn);
  if (hak_remote_pending(&from->remote)) hak_heap_collect_inside(from);
  mark(slab, to);
  count_move(from, to, slab);
  hak_heap_list(&to->classes[slab->size_class], slab);
}

/* One of so many blocks must be free: a slab that is soon full is not worth the way. */
enum { ONE_FREE_OF = 8 };

static bool is_worth_it(const hak_slab_t *slab) {
  return (slab->blocks - slab->used) * ONE_FREE_OF >= slab->blocks && hak_slab_is_warm(slab);
}

static hak_slab_t *partial_worth_it(hak_heap_t *heap, unsigned size_class) {
  hak_slab_t *slab = heap->classes[size_class].head;
  return slab != NULL && is_worth_it(slab) ? slab : NULL;
}

static bool has_warm_run(hak_heap_t *heap, unsigned size_class) {
  hak_chunk_owner_t owner = hak_heap_owner(heap);
  return hak_superslab_has_warm_run(&heap->superslab, &owner, size_class);
}

typedef struct wish {
  hak_heap_t *borrower;
  unsigned size_class;
  bool units; /* are wanted too: it has none itself */
} wish_t;

static bool lend(hak_heap_t *from, const wish_t *wish) {
  if (hak_remote_pending(&from->remote)) hak_heap_collect_inside(from);
  if (!hak_remote_has_no_freers(&from->remote)) return false;
  hak_slab_t *slab = partial_worth_it(from, wish->size_class);
  if (slab == NULL && wish->units && has_warm_run(from, wish->size_class)) slab = hak_heap_open_slab(from, wish->size_class);
  if (slab == NULL) return false;
  move(from, wish->borrower, slab);
  return true;
}

static bool ask(hak_heap_t *heap, void *argument) {
  const wish_t *wish = argument;
  if (heap == wish->borrower || !hak_heap_try_enter(heap)) return false;
  bool lent = lend(heap, wish);
  hak_heap_leave(heap);
  return lent;
}

bool hak_lend(hak_heap_t *borrower, unsigned size_class) {
  if (borrower->own) return false;
  wish_t wish = {borrower, size_class, !has_warm_run(borrower, size_class)};
  bool wanted = wish.units || size_class < HAK_TCACHE_CLASSES;
  return wanted && hak_heaps_find_resting(ask, &wish);
}

/* ---- going home ---- */

bool hak_lend_may_close(hak_heap_t *heap, hak_slab_t *slab) {
  if (hak_heap_is_home(heap, slab)) return true;
  /* Relaxed: who has left set them before. */
  return hak_remote_has_no_freers(&heap->remote) && hak_load_relaxed(&slab->remote_words) == 0;
}

void hak_lend_return(hak_slab_t *slab) {
  hak_heap_t *home = slab->chunk->heap;
  slab->given_back = true;
  mark(slab, home);
  hak_store_release(&slab->heap, home); /* pairs with the acquire in collect (heap_give.c) */
  hak_store_relaxed(&slab->remote_words, 1); /* of no block; nobody else is at the slab, and the push publishes it */
  hak_remote_push(&home->remote, slab);
}
