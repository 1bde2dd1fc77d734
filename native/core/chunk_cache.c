/* L3 chunk_cache: see chunk_cache.h. */
#include "chunk_cache.h"

#include "assert.h"
#include "registry.h"

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

uint64_t hak_chunk_cache_check(const hak_chunk_cache_t *cache) {
  uint64_t units = 0, count = 0;
  const hak_chunk_t *newer = NULL;
  for (const hak_chunk_t *chunk = cache->newest; chunk != NULL; newer = chunk, chunk = chunk->next, count++) {
    if (chunk->prev != newer) hak_fatal("chunk cache: the list is broken", chunk->base);
    if (!chunk->huge || chunk->free_units != chunk->units) hak_fatal("chunk cache: a cached chunk is in use", chunk->base);
    if (hak_registry_get(chunk->base) != 0) hak_fatal("chunk cache: a cached chunk is in the registry", chunk->base);
    units += chunk->units;
  }
  if (cache->oldest != newer || units != cache->units) hak_fatal("chunk cache: `units` differs from the list", cache);
  return count;
}
