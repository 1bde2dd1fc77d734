/*
 * L3 chunk: two mappings, memory and header.
 *
 *     header: hak_chunk_t | slabs[places] | remote blocks | free, committed, idle units, if there are more than 64
 *
 * Only the OS pages of a header that are used are ever touched: a mapping starts as zero bytes, which is the right
 * start for all but the free-unit map, and a place is made ready when a slab first opens there.
 */
#include "chunk.h"

#include "bitmap.h"
#include "options.h"
#include "os.h"
#include "region.h"
#include "registry.h"

/* A huge chunk needs one place and one word of each bitmap. */
static size_t places_of(size_t units, bool huge) {
  return huge ? 1 : units;
}
static size_t remote_words_of(size_t units, bool huge) {
  return huge ? 1 : units * HAK_WORDS_PER_UNIT;
}
/* What does not fit into the chunk's own struct. */
static size_t map_words_of(size_t units, bool huge) {
  size_t words = 3 * hak_bitmap_words(hak_chunk_map_bits(units, huge));
  return words <= 3 ? 0 : words;
}

static size_t header_bytes(size_t units, bool huge) {
  size_t words = remote_words_of(units, huge) + map_words_of(units, huge);
  size_t bytes = sizeof(hak_chunk_t) + places_of(units, huge) * sizeof(hak_slab_t) + words * sizeof(uint64_t);
  return hak_round_up(bytes, hak_os_page_size());
}

static void lay_out(hak_chunk_t *chunk, size_t units, bool huge) {
  size_t words = hak_bitmap_words(hak_chunk_map_bits(units, huge));
  chunk->remote = (_Atomic uint64_t *)&chunk->slabs[places_of(units, huge)];
  uint64_t *maps = words == 1 ? chunk->short_maps : (uint64_t *)(chunk->remote + remote_words_of(units, huge));
  chunk->free_map = maps;
  chunk->committed_map = maps + words;
  chunk->idle_map = maps + 2 * words;
}

hak_slab_t *hak_chunk_place(hak_chunk_t *chunk, size_t unit) {
  hak_slab_t *slab = &chunk->slabs[unit];
  slab->base = chunk->base + unit * HAK_UNIT_SIZE;
  slab->chunk = chunk;
  slab->remote = chunk->remote + unit * HAK_WORDS_PER_UNIT;
  slab->unit = (uint32_t)unit;
  return slab;
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

/* ---- memory: in the region of the live map for what that tracks, else wherever the system has room ---- */

static void *map_memory(size_t size, hak_chunk_kind_t kind) {
  return kind.grain == HAK_GRAIN_NONE ? hak_os_map(size, kind.alignment) : hak_region_map(size, kind.grain);
}

static void unmap_memory(void *base, size_t size, hak_grain_t grain) {
  if (grain == HAK_GRAIN_NONE)
    hak_os_unmap(base, size);
  else
    hak_region_unmap(base, size, grain);
}

/* A huge page is one fault and one entry of the TLB instead of 512, but memory as a whole, however little of it is touched. So for blocks
   that hold one, and are not so long that they may be tables with a little here and there; and for the chunks of slabs that are long
   enough that only a heap which has four times as much asks for them. */
#define HUGE_PAGE_BLOCK_MIN (2 * HAK_MIB)
#define HUGE_PAGE_CHUNK_MIN (8 * HAK_MIB)

static bool may_have_huge_pages(size_t size, bool huge) {
  return size >= (huge ? HUGE_PAGE_BLOCK_MIN : HUGE_PAGE_CHUNK_MIN) && size <= hak_option(hak_option_huge_page_bytes_max);
}

hak_chunk_t *hak_chunk_new(hak_heap_t *heap, hak_chunk_kind_t kind) {
  if (kind.units > UINT32_MAX) return NULL;
  size_t size = kind.units * HAK_UNIT_SIZE;
  void *base = map_memory(size, kind);
  if (base == NULL) return NULL;
  if (may_have_huge_pages(size, kind.huge)) hak_os_allow_huge_pages(base, size, true);
  hak_chunk_t *chunk = hak_registry_cover(base, kind.units, kind.huge) ? map_header(base, heap, kind.units, kind.huge) : NULL;
  if (chunk == NULL)
    unmap_memory(base, size, kind.grain);
  else
    chunk->grain = (uint8_t)kind.grain;
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

/* ---- its slabs ---- */

hak_slab_t *hak_chunk_slab_from(hak_chunk_t *chunk, size_t unit) {
  size_t bits = hak_chunk_map_bits(chunk->units, chunk->huge);
  size_t taken = unit < bits ? hak_bitmap_next_clear(chunk->free_map, bits, unit) : bits;
  return taken < bits ? &chunk->slabs[taken] : NULL;
}

void hak_chunk_visit(hak_chunk_t *chunk, void (*visit)(const hak_slab_view_t *slab, void *argument),
                     void *argument) {
  hak_slab_view_t view = {.chunk_seq = chunk->seq, .chunk_units = chunk->units};
  if (chunk->free_units == chunk->units) visit(&view, argument);
  for (hak_slab_t *slab = hak_chunk_slab_from(chunk, 0); slab != NULL; slab = hak_chunk_slab_from(chunk, slab->unit + slab->units)) {
    view.unit = slab->unit;
    view.units = slab->units;
    view.blocks = slab->blocks;
    view.used = slab->used;
    view.block_size = slab->block_size;
    visit(&view, argument);
  }
}
