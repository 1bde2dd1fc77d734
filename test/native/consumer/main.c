/* The library as its users see it: the header, and nothing but what it exports. Built and run by the tests. */
#include <hakmem.h>
#include <string.h>

/* Blocks one by one. @return whether all went as the header says. */
static bool use_blocks(void) {
  char *text = hak_calloc(1, 100);
  if (text == NULL || hak_usable_size(text) < 100 || text[99] != 0) return false;
  strcpy(text, "hakmem");
  text = hak_realloc(text, 100000);
  if (text == NULL || strcmp(text, "hakmem") != 0) return false;
  hak_free(text);
  return true;
}

/* Many of one size at once, and what the statistics say of them. */
static bool use_batches(void) {
  enum { COUNT = 1000 };
  static void *blocks[COUNT];
  static hak_stats_t before, after;
  hak_stats_get(&before);
  if (hak_malloc_batch(500, COUNT, blocks) != COUNT) return false;
  hak_stats_get(&after);
  if (after.blocks_live != before.blocks_live + COUNT) return false;
  hak_free_batch(blocks, COUNT);
  hak_stats_get(&after);
  return after.blocks_live == before.blocks_live && hak_trim() > 0;
}

/* A heap whose memory goes at once, whatever it holds. */
static bool use_heap(void) {
  hak_heap_t *heap = hak_heap_new();
  if (heap == NULL) return false;
  for (size_t size = 1; size < 1000000; size *= 3)
    if (hak_heap_malloc(heap, size) == NULL) return false;
  hak_heap_destroy(heap);
  static hak_stats_t stats;
  hak_stats_get(&stats);
  return stats.blocks_live == 0;
}

int main(void) {
  if (!use_blocks()) return 1;
  if (!use_batches()) return 2;
  if (!use_heap()) return 3;
  return hak_version() == HAK_VERSION_MAJOR * 10000 + HAK_VERSION_MINOR * 100 + HAK_VERSION_PATCH ? 0 : 4;
}
