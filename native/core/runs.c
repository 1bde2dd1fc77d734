/* L3 runs: see runs.h. */
#include "runs.h"

#include "assert.h"
#include "bitmap.h"
#include "chunk_list.h"

/* 0: none. */
static uint32_t list_of(uint32_t run) {
  return run < HAK_RUN_LISTS ? run : HAK_RUN_LISTS;
}

void hak_runs_add(hak_runs_t *runs, hak_chunk_t *chunk) {
  uint32_t list = list_of(chunk->longest_run);
  if (list == 0) return;
  hak_chunk_list_add(&runs->by_run[list], chunk);
  runs->present |= (uint64_t)1 << list;
}

void hak_runs_remove(hak_runs_t *runs, hak_chunk_t *chunk) {
  uint32_t list = list_of(chunk->longest_run);
  if (list == 0) return;
  hak_chunk_list_remove(&runs->by_run[list], chunk);
  if (runs->by_run[list] == NULL) runs->present &= ~((uint64_t)1 << list);
}

/* To the front of its new list; in the same list it stays where it is. */
void hak_runs_update(hak_runs_t *runs, hak_chunk_t *chunk) {
  uint32_t longest = (uint32_t)hak_bitmap_longest_run(chunk->free_map, chunk->units);
  if (list_of(longest) == list_of(chunk->longest_run)) {
    chunk->longest_run = longest;
    return;
  }
  hak_runs_remove(runs, chunk);
  chunk->longest_run = longest;
  hak_runs_add(runs, chunk);
}

hak_chunk_t *hak_runs_fit(const hak_runs_t *runs, uint32_t units) {
  uint64_t fitting = runs->present & ~hak_low_bits(units);
  return fitting == 0 ? NULL : runs->by_run[hak_ctz(fitting)];
}

void hak_runs_check(const hak_runs_t *runs, const hak_chunk_t *chunk) {
  uint32_t list = list_of(chunk->longest_run);
  if (list == 0) return;
  if (!hak_chunk_list_has(runs->by_run[list], chunk) || ((runs->present >> list) & 1) == 0)
    hak_fatal("superslab: the chunk is not in its list", chunk->base);
}
