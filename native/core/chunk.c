/*
 * L3 chunk: two mappings, memory and header.
 *
 *     header: hak_chunk_t | slabs[places] | free, committed, idle units | free blocks | remote blocks
 *
 * Only the OS pages of a header that are used are ever touched: a mapping starts as zero bytes, which is the right
 * start for all but the free-unit map and the places' fixed pointers.
 */
#include "chunk.h"

#include "bitmap.h"
#include "live.h"
#include "os.h"
#include "registry.h"

/* A huge chunk needs one place and one word of each bitmap. */
static size_t places_of(size_t units, bool huge) {
  return huge ? 1 : units;
}
static size_t block_words_of(size_t units, bool huge) {
  return huge ? 1 : units * HAK_WORDS_PER_UNIT;
}

static size_t header_bytes(size_t units, bool huge) {
  size_t words = 3 * hak_bitmap_words(units) + 2 * block_words_of(units, huge);
  size_t bytes = sizeof(hak_chunk_t) + places_of(units, huge) * sizeof(hak_slab_t) + words * sizeof(uint64_t);
  return hak_round_up(bytes, hak_os_page_size());
}

static void lay_out(hak_chunk_t *chunk, size_t units, bool huge) {
  size_t places = places_of(units, huge);
  chunk->free_map = (uint64_t *)&chunk->slabs[places];
  chunk->committed_map = chunk->free_map + hak_bitmap_words(units);
  chunk->idle_map = chunk->committed_map + hak_bitmap_words(units);
  uint64_t *free = chunk->idle_map + hak_bitmap_words(units);
  _Atomic uint64_t *remote = (_Atomic uint64_t *)(free + block_words_of(units, huge));
  for (size_t unit = 0; unit < places; unit++) {
    hak_slab_t *slab = &chunk->slabs[unit];
    slab->base = chunk->base + unit * HAK_UNIT_SIZE;
    slab->chunk = chunk;
    slab->free = free + unit * HAK_WORDS_PER_UNIT;
    slab->remote = remote + unit * HAK_WORDS_PER_UNIT;
    slab->unit = (uint32_t)unit;
  }
}

static hak_chunk_t *map_header(void *base, hak_heap_t *heap, size_t units, bool huge) {
  size_t bytes = header_bytes(units, huge);
  hak_chunk_t *chunk = hak_os_map(bytes, hak_os_page_size());
  if (chunk == NULL) return NULL;
  chunk->base = base;
  chunk->heap = heap;
  chunk->header_size = bytes;
  chunk->units = chunk->free_units = chunk->longest_run = (uint32_t)units;
  chunk->huge = huge;
  chunk->zero = true;
  hak_store_relaxed(&chunk->pins, 1);
  lay_out(chunk, units, huge);
  hak_bitmap_set_range(chunk->free_map, 0, units);
  return chunk;
}

/* ---- where the memory lies: under leaves of the live map that have its grain ---- */

/* Of a grain that could not have the system's own choice of addresses: the end of what is likely free. Relaxed: a hint. */
static _Atomic uintptr_t next_end[HAK_GRAINS];

static void unmap_memory(void *base, size_t size, hak_grain_t grain) {
  if (hak_load_relaxed(&next_end[grain]) != 0) hak_store_relaxed(&next_end[grain], (uintptr_t)base + size);
  hak_os_unmap(base, size);
}

static void *map_below(uintptr_t end, size_t size, hak_grain_t grain) {
  if (end <= size || !hak_live_fits((void *)(end - size), size, grain)) return NULL; /* 0: no hint yet */
  void *base = hak_os_map_at((void *)(end - size), size);
  if (base != NULL) hak_store_relaxed(&next_end[grain], (uintptr_t)base);
  return base;
}

/* The first room below an address. Leaves of the grain come before new ones, so that their number follows that of chunks. */
static void *map_under_other_leaf(uintptr_t from, size_t size, hak_grain_t grain) {
  enum { TRIES = 4096 }; /* ends the loop where there is no memory */
  uintptr_t leaf_bytes = (uintptr_t)1 << HAK_LIVE_LEAF_SHIFT;
  uintptr_t end = from & ~(leaf_bytes - 1);
  for (unsigned i = 0; end > size && i < TRIES; i++) {
    bool fits = hak_live_fits((void *)(end - size), size, grain);
    void *base = fits ? map_below(end, size, grain) : NULL;
    if (base != NULL) return base;
    end = fits ? end - size : (end - 1) & ~(leaf_bytes - 1);
  }
  return NULL;
}

static void *map_where_it_fits(size_t size, hak_grain_t grain) {
  void *base = map_below(hak_load_relaxed(&next_end[grain]), size, grain);
  if (base != NULL) return base;
  base = hak_os_map(size, HAK_CHUNK_ALIGNMENT);
  if (base == NULL || hak_live_fits(base, size, grain)) return base;
  hak_os_unmap(base, size);
  return map_under_other_leaf((uintptr_t)base, size, grain);
}

/* Between the look and the cover another thread may have given a leaf the other grain: then once more. */
static void *map_tracked(size_t size, hak_grain_t grain) {
  void *base;
  while ((base = map_where_it_fits(size, grain)) != NULL) {
    if (hak_live_cover(base, size, grain)) return base;
    bool fits = hak_live_fits(base, size, grain);
    unmap_memory(base, size, grain);
    if (fits) return NULL; /* no memory for the leaf */
  }
  return NULL;
}

hak_chunk_t *hak_chunk_new(hak_heap_t *heap, size_t units, bool huge, hak_grain_t grain) {
  if (units > UINT32_MAX) return NULL;
  size_t size = units * HAK_UNIT_SIZE;
  void *base = grain == HAK_GRAIN_NONE ? hak_os_map(size, HAK_CHUNK_ALIGNMENT) : map_tracked(size, grain);
  if (base == NULL) return NULL;
  hak_chunk_t *chunk = hak_registry_cover(base, units) ? map_header(base, heap, units, huge) : NULL;
  if (chunk == NULL)
    unmap_memory(base, size, grain);
  else
    chunk->grain = (uint8_t)grain;
  return chunk;
}

void hak_chunk_pin(hak_chunk_t *chunk) {
  /* Relaxed: the caller holds a block, so the chunk cannot go meanwhile. */
  hak_fetch_add_relaxed(&chunk->pins, 1);
}

void hak_chunk_unpin(hak_chunk_t *chunk) {
  /* Acquire and release: every use under another pin comes before the unmapping; pairs with itself on other threads. */
  if (hak_fetch_sub_acq_rel(&chunk->pins, 1) > 1) return;
  unmap_memory(chunk->base, chunk->units * HAK_UNIT_SIZE, (hak_grain_t)chunk->grain);
  hak_os_unmap(chunk, chunk->header_size);
}

/* ---- showing ---- */

void hak_chunk_visit(const hak_chunk_t *chunk, void (*visit)(const hak_slab_view_t *slab, void *argument),
                     void *argument) {
  hak_slab_view_t view = {.chunk_seq = chunk->seq, .chunk_units = chunk->units};
  if (chunk->free_units == chunk->units) visit(&view, argument);
  size_t unit = hak_bitmap_next_clear(chunk->free_map, chunk->units, 0);
  while (unit < chunk->units) {
    const hak_slab_t *slab = &chunk->slabs[unit];
    view.unit = slab->unit;
    view.units = slab->units;
    view.blocks = slab->blocks;
    view.used = slab->used;
    view.block_size = slab->block_size;
    visit(&view, argument);
    unit = hak_bitmap_next_clear(chunk->free_map, chunk->units, unit + slab->units);
  }
}
