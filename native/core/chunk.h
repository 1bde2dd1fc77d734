/*
 * L3 chunk: making and ending the mappings behind a chunk; see superslab.h for what a chunk is.
 */
#ifndef HAK_CHUNK_H
#define HAK_CHUNK_H

#include "superslab.h"

/* Tag of registry entries that the thread caches must leave alone: huge blocks, blocks of heaps of their own. */
#define HAK_TAG_SLOW ((uintptr_t)63)

/* What a chunk shall be. */
typedef struct hak_chunk_kind {
  size_t units;
  size_t alignment;  /* a power of two from HAK_CHUNK_ALIGNMENT on; with a grain that one */
  bool huge;
  hak_grain_t grain;
} hak_chunk_kind_t;

/* A chunk with all units free, in no list, pinned once by its heap, covered by the registry,
   and with a grain by the live map. @return NULL: no memory. */
hak_chunk_t *hak_chunk_new(hak_heap_t *heap, hak_chunk_kind_t kind);

/* The place of a unit, where a slab is to be opened. The owner. */
hak_slab_t *hak_chunk_place(hak_chunk_t *chunk, size_t unit);

/* The first slab at or behind a unit; NULL: there is none. The next one is at `slab->unit + slab->units`. The owner. */
hak_slab_t *hak_chunk_slab_from(hak_chunk_t *chunk, size_t unit);

/* Shows each slab; an empty chunk once, with no units. The owner. */
void hak_chunk_visit(hak_chunk_t *chunk, void (*visit)(const hak_slab_view_t *slab, void *argument),
                     void *argument);

#endif
