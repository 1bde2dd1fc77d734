/* L2 meta: see meta.h. A free piece holds the link to the next: this memory is never a caller's. */
#include "meta.h"

#include <string.h>

#include "bits.h"
#include "mutex.h"
#include "os.h"

#define PIECE_MIN ((size_t)64)
#define REGION_MIN (16 * HAK_KIB)
#define REGION_MAX HAK_MIB

typedef struct piece {
  struct piece *next;
} piece_t;

static hak_mutex_t mutex;
static piece_t *pieces[64]; /* by log2 of their size */
static char *region;        /* what is left of the newest mapping */
static size_t region_left, region_size;

void hak_meta_lock(void) {
  hak_mutex_lock_through_fork(&mutex);
}
void hak_meta_unlock(void) {
  hak_mutex_unlock_after_fork(&mutex);
}

static unsigned order_of(size_t size) {
  return size <= PIECE_MIN ? hak_log2(PIECE_MIN) : hak_log2(size - 1) + 1;
}

static bool is_mapped_alone(size_t size) {
  return size > hak_os_page_size();
}

static size_t bytes_of(size_t size) {
  return is_mapped_alone(size) ? hak_round_up(size, hak_os_page_size()) : (size_t)1 << order_of(size);
}

static void put(void *start, unsigned order) {
  piece_t *piece = start;
  piece->next = pieces[order];
  pieces[order] = piece;
}

/* What is left of the old mapping is cut up, so that nothing is lost. */
static void shelve_rest(void) {
  while (region_left >= PIECE_MIN) {
    unsigned order = hak_log2(region_left);
    region_left -= (size_t)1 << order;
    put(region + region_left, order);
  }
  region_left = 0;
}

static bool renew_region(size_t least) {
  size_t size = region_size == 0 ? REGION_MIN : region_size < REGION_MAX ? 2 * region_size : region_size;
  size = hak_round_up(size < least ? least : size, hak_os_page_size());
  char *start = hak_os_map(size, hak_os_page_size());
  if (start == NULL) return false;
  shelve_rest();
  region = start;
  region_left = region_size = size;
  return true;
}

static void *take(unsigned order) {
  size_t size = (size_t)1 << order;
  piece_t *piece = pieces[order];
  if (piece != NULL) {
    pieces[order] = piece->next;
    memset(piece, 0, size);
    return piece;
  }
  if (region_left < size && !renew_region(size)) return NULL;
  void *start = region;
  region += size;
  region_left -= size;
  return start;
}

void *hak_meta_alloc(size_t size) {
  if (is_mapped_alone(size)) return hak_os_map(bytes_of(size), hak_os_page_size());
  hak_mutex_lock(&mutex);
  void *piece = take(order_of(size));
  hak_mutex_unlock(&mutex);
  return piece;
}

void hak_meta_free(void *piece, size_t size) {
  if (piece == NULL) return;
  if (is_mapped_alone(size)) {
    hak_os_unmap(piece, bytes_of(size));
    return;
  }
  hak_mutex_lock(&mutex);
  put(piece, order_of(size));
  hak_mutex_unlock(&mutex);
}

static void *move(void *piece, size_t before, size_t size) {
  void *moved = hak_meta_alloc(size);
  if (moved == NULL) return NULL;
  if (before != 0) memcpy(moved, piece, before < size ? before : size);
  hak_meta_free(piece, before);
  return moved;
}

void *hak_meta_resize(void *piece, size_t before, size_t size) {
  if (before != 0 && bytes_of(before) == bytes_of(size)) return piece;
  bool alone = is_mapped_alone(before) && is_mapped_alone(size);
  return alone ? hak_os_resize(piece, bytes_of(before), bytes_of(size)) : move(piece, before, size);
}
