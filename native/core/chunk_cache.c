/* L3 chunk_cache: see chunk_cache.h. */
#include "chunk_cache.h"

void hak_chunk_cache_add(hak_chunk_cache_t *cache, hak_chunk_t *chunk) {
  chunk->prev = NULL;
  chunk->next = cache->newest;
  if (chunk->next != NULL)
    chunk->next->prev = chunk;
  else
    cache->oldest = chunk;
  cache->newest = chunk;
  cache->units += chunk->units;
}

void hak_chunk_cache_remove(hak_chunk_cache_t *cache, hak_chunk_t *chunk) {
  if (chunk->prev != NULL)
    chunk->prev->next = chunk->next;
  else
    cache->newest = chunk->next;
  if (chunk->next != NULL)
    chunk->next->prev = chunk->prev;
  else
    cache->oldest = chunk->prev;
  cache->units -= chunk->units;
}
