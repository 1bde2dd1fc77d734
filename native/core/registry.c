/* L2 registry: see registry.h. */
#include "registry.h"

#include <string.h>

#include "assert.h"
#include "bits.h"
#include "mutex.h"
#include "os.h"

enum { FIRST_COUNT = 64, PAGE_WRITTEN = 0x8000 };

/* The window before there is any memory: nobody's. */
static hak_registry_window_t empty;
_Atomic(hak_registry_window_t *) hak_registry_window = &empty;
static _Atomic(hak_registry_window_t *) piece_window = &empty;

/* A map: its window, and how many units an entry stands for. */
typedef struct map {
  _Atomic(hak_registry_window_t *) *window;
  size_t units;
} map_t;
static const map_t by_unit = {&hak_registry_window, 1}, by_piece = {&piece_window, HAK_PIECE_UNITS};

static hak_mutex_t mutex;
static hak_counter_t used, grown, shrunk; /* units, windows, pages; written under the lock */
static _Atomic size_t emptied;           /* pages; written under the lock, relaxed: a hint to others */

void hak_registry_lock(void) {
  hak_mutex_lock_through_fork(&mutex);
}
void hak_registry_unlock(void) {
  hak_mutex_unlock_after_fork(&mutex);
}

/* Released by grow() as hak_registry_window is. */
uintptr_t hak_registry_get_piece(const void *address) {
  hak_registry_window_t *window = hak_load_acquire(&piece_window);
  uintptr_t at = ((uintptr_t)address >> HAK_PIECE_SHIFT) - window->base;
  return at < window->count ? hak_load_relaxed(&window->entries[at]) : 0;
}

static bool covers(const hak_registry_window_t *window, uintptr_t first, size_t count) {
  return first >= window->base && first + count <= window->base + window->count;
}

/* The least doubling of `count` that spans `span` units. */
static size_t doubled(size_t count, size_t span) {
  size_t wanted = count == 0 ? FIRST_COUNT : 2 * count;
  while (wanted < span) wanted *= 2;
  return wanted;
}

/*
 *     the window's own fields | entries ... | filled
 *
 * The first page never goes back, nor do those with a part of `filled`: so a small window has one page.
 */
static hak_registry_window_t *map_window(uintptr_t base, size_t count) {
  size_t page = hak_os_page_size();
  size_t entries = sizeof(hak_registry_window_t) + count * sizeof(uintptr_t);
  size_t enough = 2 * (entries / page + 2) * sizeof(uint16_t); /* for `filled`, which counts its own pages too */
  size_t bytes = hak_round_up(entries + enough, page);
  hak_registry_window_t *window = hak_os_map(bytes, page);
  if (window == NULL) return NULL;
  size_t filled = hak_round_up(bytes / page * sizeof(uint16_t), sizeof(uintptr_t));
  window->base = base;
  window->count = (bytes - filled - sizeof(hak_registry_window_t)) / sizeof(uintptr_t);
  window->bytes = bytes;
  window->filled = (uint16_t *)((char *)window + bytes - filled);
  return window;
}

static size_t page_of(const hak_registry_window_t *window, size_t index) {
  return (size_t)((const char *)&window->entries[index] - (const char *)window) / hak_os_page_size();
}

/* The first that has a part of it; 0 of the window that has none. */
static size_t page_of_filled(const hak_registry_window_t *window) {
  if (window->bytes == 0) return 0;
  return (size_t)((const char *)window->filled - (const char *)window) / hak_os_page_size();
}

static size_t entries_in(const hak_registry_window_t *window, size_t page) {
  return window->filled[page] & ~(unsigned)PAGE_WRITTEN;
}

/* The entries of a page: [first, end). */
typedef struct range {
  size_t first, end;
} range_t;

static range_t entries_of(const hak_registry_window_t *window, size_t page) {
  size_t header = sizeof *window / sizeof(uintptr_t), each = hak_os_page_size() / sizeof(uintptr_t);
  size_t end = (page + 1) * each - header;
  range_t range = {page == 0 ? 0 : page * each - header, end < window->count ? end : window->count};
  return range;
}

static void check_page(const hak_registry_window_t *window, size_t page) {
  range_t range = entries_of(window, page);
  size_t set = 0;
  for (size_t i = range.first; i < range.end; i++) set += hak_load_relaxed(&window->entries[i]) != 0;
  if (set != entries_in(window, page)) hak_fatal("registry: `filled` differs from the entries", &window->entries[range.first]);
}

/* Pages that never were written to are left alone, for looking at them would map them. @return units. */
static uint64_t check_window(const hak_registry_window_t *window, size_t units) {
  uint64_t sum = 0;
  for (size_t page = 0; page < window->bytes / hak_os_page_size(); page++) {
    if (window->filled[page] != 0) check_page(window, page);
    sum += entries_in(window, page) * units;
  }
  return sum;
}

static void check_maps(void) {
  uint64_t units = check_window(hak_load_relaxed(by_unit.window), by_unit.units);
  units += check_window(hak_load_relaxed(by_piece.window), by_piece.units);
  if (units != hak_counter_get(&used)) hak_fatal("registry: `used` differs from the entries", &used);
}

void hak_registry_check(void) {
  hak_mutex_lock(&mutex);
  check_maps();
  hak_mutex_unlock(&mutex);
}

/* Sets one entry and counts it in its page. @return whether the page has just lost its last entry. */
static bool put(hak_registry_window_t *window, size_t index, uintptr_t entry) {
  uint16_t *filled = &window->filled[page_of(window, index)];
  bool before = hak_load_relaxed(&window->entries[index]) != 0;
  hak_store_relaxed(&window->entries[index], entry);
  *filled = (uint16_t)((*filled | PAGE_WRITTEN) + (entry != 0) - before);
  return before && *filled == PAGE_WRITTEN;
}

/* Only pages that have entries are read, and only entries that are set are written: where nothing is, nothing gets memory. */
static void copy(hak_registry_window_t *to, hak_registry_window_t *from) {
  size_t shift = from->base - to->base;
  for (size_t page = 0; page < from->bytes / hak_os_page_size(); page++) {
    range_t range = entries_of(from, page);
    for (size_t i = range.first; i < range.end && entries_in(from, page) != 0; i++) {
      uintptr_t entry = hak_load_relaxed(&from->entries[i]);
      if (entry != 0) put(to, shift + i, entry);
    }
  }
}

/* The new room goes to the side on which the address lies: the OS hands out addresses in one direction. */
static bool grow(const map_t *map, uintptr_t first, size_t wanted) {
  hak_registry_window_t *old = hak_load_relaxed(map->window);
  uintptr_t low = old->count == 0 || first < old->base ? first : old->base;
  uintptr_t high = first + wanted;
  if (old->count != 0 && old->base + old->count > high) high = old->base + old->count;
  size_t count = doubled(old->count, high - low);
  bool downwards = old->count == 0 || first < old->base;
  uintptr_t base = !downwards ? low : high > count ? high - count : 0;
  hak_registry_window_t *window = map_window(base, count);
  if (window == NULL) return false;
  copy(window, old);
  hak_store_release(map->window, window); /* pairs with the acquires in hak_registry_get and hak_registry_get_piece */
  hak_counter_add(&grown, 1);
  if (HAK_CHECKED) check_maps();
  return true;
}

/* ---- ranges ---- */

static bool cover(const map_t *map, uintptr_t first, size_t count) {
  return covers(hak_load_relaxed(map->window), first, count) || grow(map, first, count);
}

/* @return pages that have lost their last entry. */
static size_t set(const map_t *map, uintptr_t first, size_t count, uintptr_t entry) {
  hak_registry_window_t *window = hak_load_relaxed(map->window);
  size_t pages = 0, set_before = 0;
  HAK_ASSERT(count == 0 || covers(window, first, count));
  for (size_t i = first - window->base; i < first - window->base + count; i++) {
    set_before += hak_load_relaxed(&window->entries[i]) != 0;
    pages += put(window, i, entry);
  }
  if (entry != 0) hak_counter_add(&used, count * map->units);
  hak_counter_sub(&used, set_before * map->units);
  if (HAK_CHECKED && count != 0) check_page(window, page_of(window, first - window->base));
  if (HAK_CHECKED && count != 0) check_page(window, page_of(window, first - window->base + count - 1));
  return pages;
}

/* The pieces that lie within a huge block and behind its first unit, as numbers; none: first == end. */
static range_t pieces_within(uintptr_t first, size_t units) {
  range_t range = {first / HAK_PIECE_UNITS + 1, (first + units) / HAK_PIECE_UNITS};
  if (range.first > range.end) range.end = range.first;
  return range;
}

bool hak_registry_cover(const void *start, size_t units, bool huge) {
  uintptr_t first = (uintptr_t)start >> HAK_UNIT_SHIFT;
  range_t pieces = pieces_within(first, huge ? units : 0);
  hak_mutex_lock(&mutex);
  bool covered = cover(&by_unit, first, units);
  if (pieces.first < pieces.end) covered = covered && cover(&by_piece, pieces.first, pieces.end - pieces.first);
  hak_mutex_unlock(&mutex);
  return covered;
}

void hak_registry_set(const void *start, size_t units, uintptr_t entry) {
  hak_mutex_lock(&mutex);
  size_t pages = set(&by_unit, (uintptr_t)start >> HAK_UNIT_SHIFT, units, entry);
  hak_store_relaxed(&emptied, hak_load_relaxed(&emptied) + pages);
  hak_mutex_unlock(&mutex);
}

/* first ... | piece | piece | ... end: the units before and behind the pieces one by one. */
void hak_registry_set_huge(const void *start, size_t units, uintptr_t entry) {
  uintptr_t first = (uintptr_t)start >> HAK_UNIT_SHIFT;
  range_t pieces = pieces_within(first, units);
  if (pieces.first == pieces.end) {
    hak_registry_set(start, units, entry);
    return;
  }
  uintptr_t behind = pieces.end * HAK_PIECE_UNITS;
  hak_mutex_lock(&mutex);
  size_t pages = set(&by_unit, first, pieces.first * HAK_PIECE_UNITS - first, entry);
  pages += set(&by_piece, pieces.first, pieces.end - pieces.first, entry);
  pages += set(&by_unit, behind, first + units - behind, entry);
  hak_store_relaxed(&emptied, hak_load_relaxed(&emptied) + pages);
  hak_mutex_unlock(&mutex);
}

static void shrink(hak_registry_window_t *window) {
  size_t page = hak_os_page_size();
  for (size_t i = 1; i < page_of_filled(window); i++) {
    if (window->filled[i] != PAGE_WRITTEN || !hak_os_purge((char *)window + i * page, page)) continue;
    window->filled[i] = 0;
    hak_counter_add(&shrunk, 1);
  }
}

void hak_registry_shrink(void) {
  if (hak_load_relaxed(&emptied) == 0) return;
  hak_mutex_lock(&mutex);
  shrink(hak_load_relaxed(by_unit.window));
  shrink(hak_load_relaxed(by_piece.window));
  hak_store_relaxed(&emptied, 0);
  if (HAK_CHECKED) check_maps();
  hak_mutex_unlock(&mutex);
}

void hak_registry_stats_get(hak_registry_stats_t *stats) {
  stats->capacity = hak_load_acquire(&hak_registry_window)->count;
  stats->used = hak_counter_get(&used);
  stats->grown = hak_counter_get(&grown);
  stats->shrunk = hak_counter_get(&shrunk);
}
