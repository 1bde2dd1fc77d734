/*
 * L3 runs: the chunks of one grain by their longest run of free units.
 *
 *     by_run[1] -> chunk -> chunk              newest change first
 *     by_run[2] -> chunk                       the best fit for a run is the first list that is long enough: `present` has a bit
 *     ...                                      for each list that is not empty, so nothing is searched
 *     by_run[32] -> chunk                      that long or longer
 *
 * Invariant: a chunk with a free unit is in the list of its longest run; one without is in none.
 * Threads: the owner of the chunks.
 */
#ifndef HAK_RUNS_H
#define HAK_RUNS_H

#include "slab.h"

/* Longest run that has a list of its own: no slab is longer. */
#define HAK_RUN_LISTS 32

typedef struct hak_runs {
  hak_chunk_t *by_run[HAK_RUN_LISTS + 1]; /* the first one is not used */
  uint64_t present;                       /* bit r: by_run[r] has a chunk */
  uint64_t units;                         /* of all these chunks: the next one's length follows it */
} hak_runs_t;

/* A chunk with a free unit comes in, or goes out. */
void hak_runs_add(hak_runs_t *runs, hak_chunk_t *chunk);
void hak_runs_remove(hak_runs_t *runs, hak_chunk_t *chunk);

/* The chunk's free map has changed. */
void hak_runs_update(hak_runs_t *runs, hak_chunk_t *chunk);

/* The chunk whose longest run fits so many units best, or NULL. */
hak_chunk_t *hak_runs_fit(const hak_runs_t *runs, uint32_t units);

/* Aborts where the chunk is not in its list. */
void hak_runs_check(const hak_runs_t *runs, const hak_chunk_t *chunk);

#endif
