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
  size_t words = 3 * hak_bitmap_words(hak_chunk_map_bits(units, huge)) + 2 * block_words_of(units, huge);
  size_t bytes = sizeof(hak_chunk_t) + places_of(units, huge) * sizeof(hak_slab_t) + words * sizeof(uint64_t);
  return hak_round_up(bytes, hak_os_page_size());
}

static void lay_out(hak_chunk_t *chunk, size_t units, bool huge) {
  size_t places = places_of(units, huge), map_words = hak_bitmap_words(hak_chunk_map_bits(units, huge));
  chunk->free_map = (uint64_t *)&chunk->slabs[places];
  chunk->committed_map = chunk->free_map + map_words;
  chunk->idle_map = chunk->committed_map + map_words;
  uint64_t *free = chunk->idle_map + map_words;
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
  hak_bitmap_set_range(chunk->free_map, 0, hak_chunk_map_bits(units, huge));
  return chunk;
}

static bool cover(const void *base, size_t units, bool huge, bool tracked) {
  return hak_registry_cover(base, units, huge) && (!tracked || hak_live_cover(base, units * HAK_UNIT_SIZE));
}

hak_chunk_t *hak_chunk_new(hak_heap_t *heap, size_t units, bool huge, bool tracked) {
  if (units > UINT32_MAX) return NULL;
  void *base = hak_os_map(units * HAK_UNIT_SIZE, HAK_CHUNK_ALIGNMENT);
  if (base == NULL) return NULL;
  hak_chunk_t *chunk = cover(base, units, huge, tracked) ? map_header(base, heap, units, huge) : NULL;
  if (chunk == NULL)
    hak_os_unmap(base, units * HAK_UNIT_SIZE);
  else
    chunk->tracked = tracked;
  return chunk;
}

void hak_chunk_pin(hak_chunk_t *chunk) {
  /* Relaxed: the caller holds a block, so the chunk cannot go meanwhile. */
  hak_fetch_add_relaxed(&chunk->pins, 1);
}

void hak_chunk_unpin(hak_chunk_t *chunk) {
  /* Acquire and release: every use under another pin comes before the unmapping; pairs with itself on other threads. */
  if (hak_fetch_sub_acq_rel(&chunk->pins, 1) > 1) return;
  hak_os_unmap(chunk->base, chunk->units * HAK_UNIT_SIZE);
  hak_os_unmap(chunk, chunk->header_size);
}

/* ---- showing ---- */

void hak_chunk_visit(const hak_chunk_t *chunk, void (*visit)(const hak_slab_view_t *slab, void *argument),
                     void *argument) {
  hak_slab_view_t view = {.chunk_seq = chunk->seq, .chunk_units = chunk->units};
  if (chunk->free_units == chunk->units) visit(&view, argument);
  size_t bits = hak_chunk_map_bits(chunk->units, chunk->huge), unit = hak_bitmap_next_clear(chunk->free_map, bits, 0);
  while (unit < bits) {
    const hak_slab_t *slab = &chunk->slabs[unit];
    view.unit = slab->unit;
    view.units = slab->units;
    view.blocks = slab->blocks;
    view.used = slab->used;
    view.block_size = slab->block_size;
    visit(&view, argument);
    unit = hak_bitmap_next_clear(chunk->free_map, bits, unit + slab->units);
  }
}
