/* L2 region: see region.h. */
#include "region.h"

#include "bitmap.h"
#include "mutex.h"
#include "os.h"

static hak_mutex_t mutex;
static uint64_t *taken[HAK_GRAINS]; /* both halves', in one mapping */
static uint64_t full_ms[HAK_GRAINS]; /* when the half was last found full; 0: it was not */

void hak_region_lock(void) {
  hak_mutex_lock_through_fork(&mutex);
}
void hak_region_unlock(void) {
  hak_mutex_unlock_after_fork(&mutex);
}

static size_t pieces_of(size_t size) {
  return size / HAK_CHUNK_ALIGNMENT;
}

/* How far from the middle the pieces reach that are taken. */
static size_t extent(const uint64_t *map, size_t pieces) {
  size_t end = 0, first = hak_bitmap_next_set(map, pieces, 0);
  for (; first < pieces; first = hak_bitmap_next_set(map, pieces, end)) end = hak_bitmap_next_clear(map, pieces, first);
  return end;
}

static void fit(void) {
  size_t pieces = pieces_of(hak_live_half_size());
  size_t fine = extent(taken[HAK_GRAIN_FINE], pieces), coarse = extent(taken[HAK_GRAIN_COARSE], pieces);
  hak_live_fit((fine > coarse ? fine : coarse) * HAK_CHUNK_ALIGNMENT);
}

void hak_region_fit(void) {
  hak_mutex_lock(&mutex);
  if (taken[HAK_GRAIN_FINE] != NULL) fit();
  hak_mutex_unlock(&mutex);
}

static bool start(void) {
  if (taken[HAK_GRAIN_FINE] != NULL) return true;
  if (!hak_live_start()) return false;
  size_t words = hak_bitmap_words(pieces_of(hak_live_half_size()));
  uint64_t *maps = hak_os_map(hak_round_up(2 * words * sizeof(uint64_t), hak_os_page_size()), hak_os_page_size());
  taken[HAK_GRAIN_FINE] = maps;
  taken[HAK_GRAIN_COARSE] = maps == NULL ? NULL : maps + words;
  return maps != NULL;
}

bool hak_region_start(void) {
  hak_mutex_lock(&mutex);
  bool started = start();
  hak_mutex_unlock(&mutex);
  return started;
}

/* The first of `count` free pieces at or after `from`; where there are none, what is too far out to have them. */
static size_t find_free(const uint64_t *map, size_t pieces, size_t from, size_t count) {
  while (from + count <= pieces) {
    size_t end = hak_bitmap_next_set(map, from + count, from);
    if (end == from + count) break;
    from = hak_bitmap_next_clear(map, pieces, end);
  }
  return from;
}

/* Of `count` pieces from `piece` on, or of that which starts there. */
static char *address_of(hak_grain_t grain, size_t piece, size_t count) {
  char *middle = (char *)hak_live_half(HAK_GRAIN_FINE);
  return grain == HAK_GRAIN_FINE ? middle + piece * HAK_CHUNK_ALIGNMENT : middle - (piece + count) * HAK_CHUNK_ALIGNMENT;
}
static size_t piece_at(hak_grain_t grain, const char *address, size_t count) {
  const char *middle = (const char *)hak_live_half(HAK_GRAIN_FINE);
  return grain == HAK_GRAIN_FINE ? pieces_of((size_t)(address - middle)) : pieces_of((size_t)(middle - address)) - count;
}

enum { PAUSE_MS = 100 };

/* Where no place was left, and none came back, others wait a moment: a whole search is some system calls. */
static bool pauses(hak_grain_t grain) {
  return full_ms[grain] != 0 && hak_os_now_ms() - full_ms[grain] < PAUSE_MS;
}

/* Where something else lies the steps double, so that whatever large mapping it is is soon passed. */
static void *map(size_t count, hak_grain_t grain) {
  size_t pieces = pieces_of(hak_live_half_size()), step = 1, from = find_free(taken[grain], pieces, 0, count);
  bool is_taken = true;
  for (; is_taken && from + count <= pieces; step *= 2) {
    void *base = hak_os_map_at(address_of(grain, from, count), count * HAK_CHUNK_ALIGNMENT, &is_taken);
    if (base != NULL) {
      hak_bitmap_set_range(taken[grain], from, count);
      full_ms[grain] = 0;
      return base;
    }
    from = find_free(taken[grain], pieces, from + step, count);
  }
  if (is_taken && count == 1) full_ms[grain] = hak_os_now_ms();
  return NULL;
}

static void unmap(void *base, size_t count, hak_grain_t grain) {
  hak_os_unmap(base, count * HAK_CHUNK_ALIGNMENT);
  hak_bitmap_clear_range(taken[grain], piece_at(grain, base, count), count);
  full_ms[grain] = 0;
}

void *hak_region_map(size_t size, hak_grain_t grain) {
  hak_mutex_lock(&mutex);
  void *base = start() && !pauses(grain) ? map(pieces_of(size), grain) : NULL;
  if (base != NULL && !hak_live_cover(base, size, grain)) {
    unmap(base, pieces_of(size), grain);
    base = NULL;
  }
  hak_mutex_unlock(&mutex);
  return base;
}

void hak_region_unmap(void *base, size_t size, hak_grain_t grain) {
  hak_mutex_lock(&mutex);
  unmap(base, pieces_of(size), grain);
  hak_mutex_unlock(&mutex);
}

bool hak_region_lacks_addresses(hak_grain_t grain) {
  hak_mutex_lock(&mutex);
  bool lacks = full_ms[grain] != 0;
  hak_mutex_unlock(&mutex);
  return lacks;
}
