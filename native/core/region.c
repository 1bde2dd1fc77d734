/* L2 region: see region.h. */
#include "region.h"

#include <string.h>

#include "bitmap.h"
#include "meta.h"
#include "mutex.h"
#include "os.h"

/* A grain's half. */
typedef struct half {
  uint64_t *taken;  /* a bit a piece */
  size_t pieces;    /* so many has it bits for; those further out are free */
  uint64_t full_ms; /* when it was last found full; 0: it was not */
} half_t;

static hak_mutex_t mutex;
static half_t halves[HAK_GRAINS];

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
static size_t extent(const half_t *half) {
  size_t end = 0, first = hak_bitmap_next_set(half->taken, half->pieces, 0);
  for (; first < half->pieces; first = hak_bitmap_next_set(half->taken, half->pieces, end))
    end = hak_bitmap_next_clear(half->taken, half->pieces, first);
  return end;
}

static void fit(void) {
  size_t fine = extent(&halves[HAK_GRAIN_FINE]), coarse = extent(&halves[HAK_GRAIN_COARSE]);
  hak_live_fit((fine > coarse ? fine : coarse) * HAK_CHUNK_ALIGNMENT);
}

void hak_region_fit(void) {
  hak_mutex_lock(&mutex);
  if (hak_live_half_size() != 0) fit();
  hak_mutex_unlock(&mutex);
}

bool hak_region_start(void) {
  hak_mutex_lock(&mutex);
  bool started = hak_live_start();
  hak_mutex_unlock(&mutex);
  return started;
}

enum { PIECES_FIRST = 512 };

/* Has bits for so many pieces. @return false: no memory. */
static bool reach(half_t *half, size_t pieces) {
  if (pieces <= half->pieces) return true;
  size_t wanted = PIECES_FIRST, before = half->pieces / 8;
  while (wanted < pieces) wanted *= 2;
  uint64_t *taken = hak_meta_resize(half->taken, before, wanted / 8);
  if (taken == NULL) return false;
  memset((char *)taken + before, 0, wanted / 8 - before);
  half->taken = taken;
  half->pieces = wanted;
  return true;
}

/* The first of `count` free pieces at or after `from`; where there are none, what is too far out to have them. */
static size_t find_free(const half_t *half, size_t from, size_t count) {
  while (from < half->pieces) {
    size_t within = from + count < half->pieces ? from + count : half->pieces;
    size_t end = hak_bitmap_next_set(half->taken, within, from);
    if (end == within) break;
    from = hak_bitmap_next_clear(half->taken, half->pieces, end);
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
static bool pauses(const half_t *half) {
  return half->full_ms != 0 && hak_os_now_ms_seldom() - half->full_ms < PAUSE_MS;
}

/* Where something else lies the steps double, so that whatever large mapping it is is soon passed. */
static void *map(size_t count, hak_grain_t grain) {
  half_t *half = &halves[grain];
  size_t pieces = pieces_of(hak_live_half_size()), step = 1, from = find_free(half, 0, count);
  bool is_taken = true;
  for (; is_taken && from + count <= pieces; step *= 2) {
    if (!reach(half, from + count)) return NULL;
    void *base = hak_os_map_at(address_of(grain, from, count), count * HAK_CHUNK_ALIGNMENT, &is_taken);
    if (base != NULL) {
      hak_bitmap_set_range(half->taken, from, count);
      half->full_ms = 0;
      return base;
    }
    from = find_free(half, from + step, count);
  }
  if (is_taken && count == 1) half->full_ms = hak_os_now_ms_seldom();
  return NULL;
}

static void unmap(void *base, size_t count, hak_grain_t grain) {
  hak_os_unmap(base, count * HAK_CHUNK_ALIGNMENT);
  hak_bitmap_clear_range(halves[grain].taken, piece_at(grain, base, count), count);
  halves[grain].full_ms = 0;
}

void *hak_region_map(size_t size, hak_grain_t grain) {
  hak_mutex_lock(&mutex);
  void *base = hak_live_start() && !pauses(&halves[grain]) ? map(pieces_of(size), grain) : NULL;
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
  bool lacks = halves[grain].full_ms != 0;
  hak_mutex_unlock(&mutex);
  return lacks;
}
