/*
 * L3 chunk_list: lists of chunks by run_next and run_prev, the newest first: of one longest run (runs.h), or cached ones of one class or
 * bucket (l25.h, bigcache.h).
 *
 * Threads: as the structure around it says.
 */
#ifndef HAK_CHUNK_LIST_H
#define HAK_CHUNK_LIST_H

#include "superslab.h"

HAK_INLINE void hak_chunk_list_add(hak_chunk_t **list, hak_chunk_t *chunk) {
  chunk->run_prev = NULL;
  chunk->run_next = *list;
  if (chunk->run_next != NULL) chunk->run_next->run_prev = chunk;
  *list = chunk;
}

HAK_INLINE void hak_chunk_list_remove(hak_chunk_t **list, hak_chunk_t *chunk) {
  if (chunk->run_prev != NULL)
    chunk->run_prev->run_next = chunk->run_next;
  else
    *list = chunk->run_next;
  if (chunk->run_next != NULL) chunk->run_next->run_prev = chunk->run_prev;
}

/* Whether the chunk is in the list that begins with `first`, as far as its neighbours tell. */
HAK_INLINE bool hak_chunk_list_has(const hak_chunk_t *first, const hak_chunk_t *chunk) {
  const hak_chunk_t *before = chunk->run_prev == NULL ? first : chunk->run_prev->run_next;
  return before == chunk && (chunk->run_next == NULL || chunk->run_next->run_prev == chunk);
}

#endif
