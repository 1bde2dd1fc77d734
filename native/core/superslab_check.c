/* L3 superslab: what must hold of chunks, and of all of them together; see superslab.h. */
#include "superslab.h"

#include "assert.h"
#include "bitmap.h"

/* Every unit is free or in one slab, and what is idle is free. */
static void check_units(const hak_chunk_t *chunk) {
  hak_bitmap_check(chunk->free_map, chunk->units);
  size_t unit = hak_bitmap_next_clear(chunk->free_map, chunk->units, 0), units = 0;
  for (; unit < chunk->units; unit = hak_bitmap_next_clear(chunk->free_map, chunk->units, unit + chunk->slabs[unit].units)) {
    const hak_slab_t *slab = &chunk->slabs[unit];
    if (slab->blocks == 0 || hak_bitmap_count_range(chunk->free_map, unit, slab->units) != 0)
      hak_fatal("superslab: a unit is neither free nor in a slab", chunk->base + unit * HAK_UNIT_SIZE);
    units += slab->units;
  }
  if (units != chunk->units - chunk->free_units) hak_fatal("superslab: free units differ from the map", chunk->base);
  for (size_t word = 0; word < hak_bitmap_words(chunk->units); word++)
    if ((chunk->idle_map[word] & ~chunk->free_map[word]) != 0)
      hak_fatal("superslab: an idle unit is in use", chunk->base);
}

/* What one chunk's changes may have spoilt. */
void hak_chunk_check(const hak_superslab_t *superslab, const hak_chunk_t *chunk) {
  if (chunk->huge) {
    if (chunk->free_units != (hak_bitmap_get(chunk->free_map, 0) ? chunk->units : 0))
      hak_fatal("superslab: free units differ from the map", chunk->base);
    return;
  }
  check_units(chunk);
  if (hak_bitmap_longest_run(chunk->free_map, chunk->units) != chunk->longest_run)
    hak_fatal("superslab: longest run differs from the map", chunk->base);
  hak_runs_check(&superslab->runs[chunk->grain], chunk);
}

void hak_superslab_check(const hak_superslab_t *superslab) {
  uint64_t units = 0, used = 0, committed = 0;
  for (const hak_chunk_t *chunk = superslab->first; chunk != NULL; chunk = chunk->next) {
    hak_chunk_check(superslab, chunk);
    units += chunk->units;
    used += chunk->units - chunk->free_units;
    committed += chunk->huge ? chunk->units : hak_bitmap_count(chunk->committed_map, chunk->units);
  }
  if (units != hak_load_relaxed(&superslab->capacity)) hak_fatal("superslab: capacity differs from the chain", superslab);
  if (used != hak_load_relaxed(&superslab->used)) hak_fatal("superslab: `used` differs from the chain", superslab);
  if (committed != hak_load_relaxed(&superslab->committed)) hak_fatal("superslab: `committed` differs from the chain", superslab);
}
