/*
 * L5 heap: what the files of the heap share and nobody else sees. All but the first two are called inside the door.
 */
#ifndef HAK_HEAP_INSIDE_H
#define HAK_HEAP_INSIDE_H

#include "heap.h"

/* What threads do that have no heap is counted in one that nobody made, and that has no slabs: maybe several at once. */
HAK_INLINE bool hak_heap_is_nobody(const hak_heap_t *heap) {
  return heap->large == NULL;
}

/* The slab lies in a chunk of the heap's: it is not lent to it. */
HAK_INLINE bool hak_heap_is_home(const hak_heap_t *heap, const hak_slab_t *slab) {
  return slab->chunk->heap == heap;
}

hak_chunk_owner_t hak_heap_owner(hak_heap_t *heap);

/* A slab that has a free block, to the front of its class's list; out of it. */
void hak_heap_list(hak_heap_class_t *list, hak_slab_t *slab);
void hak_heap_unlist(hak_heap_class_t *list, hak_slab_t *slab);

/* A slab of the class over free units, to the front of its list. @return NULL: no memory. */
hak_slab_t *hak_heap_open_slab(hak_heap_t *heap, unsigned size_class);

/* Takes a slab out of its list and closes it if it is empty and may close (lend.h). @return whether it did. */
bool hak_heap_close_if_empty(hak_heap_t *heap, hak_slab_t *slab);

/* The slab of a huge block that has come back. */
void hak_heap_close_huge(hak_heap_t *heap, hak_slab_t *slab);

/* `blocks` of the slab have just come back: counts them. */
void hak_heap_count_back(hak_heap_t *heap, hak_slab_t *slab, size_t blocks);

/* Large blocks that are kept beyond what the program uses, or all, go back. */
void hak_heap_give_excess(hak_heap_t *heap, bool all);

/* hak_heap_collect. */
void hak_heap_collect_inside(hak_heap_t *heap);

/* In the child of a fork: pushes those of the heap's slabs that lie in chunks of `home`, are on no stack, and have blocks that other threads
   had begun to free. Inside both doors. */
void hak_heap_push_marked(hak_heap_t *heap, hak_heap_t *home);

#endif
