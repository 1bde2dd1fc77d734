/* L2 registry: see registry.h. */
#include "registry.h"

#include <string.h>

#include "assert.h"
#include "bits.h"
#include "os.h"

enum { FIRST_COUNT = 64, PAGE_WRITTEN = 0x8000 };

/* The window before there is any memory: nobody's. */
static hak_registry_window_t empty;
_Atomic(hak_registry_window_t *) hak_registry_window = &empty;

static hak_mutex_t mutex = HAK_MUTEX_INITIALIZER;
static hak_counter_t used, grown, shrunk; /* written under the lock */
static _Atomic size_t emptied;           /* pages; written under the lock, relaxed: a hint to others */

void hak_registry_lock(void) {
  hak_mutex_lock(&mutex);
}
void hak_registry_unlock(void) {
  hak_mutex_unlock(&mutex);
}

static bool covers(const hak_registry_window_t *window, uintptr_t first, size_t units) {
  return first >= window->base && first + units <= window->base + window->count;
}

/* The least doubling of `count` that spans `span` units. */
static size_t doubled(size_t count, size_t span) {
  size_t wanted = count == 0 ? FIRST_COUNT : 2 * count;
  while (wanted < span) wanted *= 2;
  return wanted;
}

/*
 * The first page of a mapping holds the window's own fields and never goes back, nor do those of `filled` behind the last
 * entry: their counts stay 0 and they are never emptied.
 */
static hak_registry_window_t *map_window(uintptr_t base, size_t count) {
  size_t page = hak_os_page_size();
  size_t bytes = hak_round_up(sizeof(hak_registry_window_t) + count * sizeof(uintptr_t), page);
  size_t all = bytes + hak_round_up(bytes / page * sizeof(uint16_t), page);
  hak_registry_window_t *window = hak_os_map(all, page);
  if (window == NULL) return NULL;
  window->base = base;
  window->count = (bytes - sizeof(hak_registry_window_t)) / sizeof(uintptr_t);
  window->bytes = bytes;
  window->filled = (uint16_t *)((char *)window + bytes);
  return window;
}

static size_t page_of(const hak_registry_window_t *window, size_t index) {
  return (size_t)((const char *)&window->entries[index] - (const char *)window) / hak_os_page_size();
}

/* Sets one entry and counts it in its page. @return whether the page has just lost its last entry. */
static bool put(hak_registry_window_t *window, size_t index, uintptr_t entry) {
  uint16_t *filled = &window->filled[page_of(window, index)];
  bool before = hak_load_relaxed(&window->entries[index]) != 0;
  hak_store_relaxed(&window->entries[index], entry);
  *filled = (uint16_t)((*filled | PAGE_WRITTEN) + (entry != 0) - before);
  if (entry != 0) hak_counter_add(&used, 1);
  if (before) hak_counter_sub(&used, 1);
  return before && *filled == PAGE_WRITTEN;
}

/* Only entries that are set are written, so that pages of the new window stay untouched where nothing is. */
static void copy(hak_registry_window_t *to, hak_registry_window_t *from) {
  size_t shift = from->base - to->base;
  for (size_t i = 0; i < from->count; i++) {
    uintptr_t entry = hak_load_relaxed(&from->entries[i]);
    if (entry == 0) continue;
    put(to, shift + i, entry);
    hak_counter_sub(&used, 1); /* it was counted where it comes from */
  }
}

/* The new room goes to the side on which the address lies: the OS hands out addresses in one direction. */
static bool grow(hak_registry_window_t *old, uintptr_t first, size_t units) {
  uintptr_t low = old->count == 0 || first < old->base ? first : old->base;
  uintptr_t high = first + units;
  if (old->count != 0 && old->base + old->count > high) high = old->base + old->count;
  size_t count = doubled(old->count, high - low);
  bool downwards = old->count == 0 || first < old->base;
  uintptr_t base = !downwards ? low : high > count ? high - count : 0;
  hak_registry_window_t *window = map_window(base, count);
  if (window == NULL) return false;
  copy(window, old);
  hak_store_release(&hak_registry_window, window); /* pairs with the acquire in hak_registry_get */
  hak_counter_add(&grown, 1);
  return true;
}

bool hak_registry_cover(const void *start, size_t units) {
  uintptr_t first = (uintptr_t)start >> HAK_UNIT_SHIFT;
  hak_mutex_lock(&mutex);
  hak_registry_window_t *window = hak_load_relaxed(&hak_registry_window);
  bool covered = covers(window, first, units) || grow(window, first, units);
  hak_mutex_unlock(&mutex);
  return covered;
}

void hak_registry_set(const void *start, size_t units, uintptr_t entry) {
  uintptr_t first = (uintptr_t)start >> HAK_UNIT_SHIFT;
  hak_mutex_lock(&mutex);
  hak_registry_window_t *window = hak_load_relaxed(&hak_registry_window);
  HAK_ASSERT(covers(window, first, units));
  size_t pages = 0;
  for (size_t i = 0; i < units; i++) pages += put(window, first - window->base + i, entry);
  hak_store_relaxed(&emptied, hak_load_relaxed(&emptied) + pages);
  hak_mutex_unlock(&mutex);
}

void hak_registry_shrink(void) {
  if (hak_load_relaxed(&emptied) == 0) return;
  hak_mutex_lock(&mutex);
  hak_registry_window_t *window = hak_load_relaxed(&hak_registry_window);
  size_t page = hak_os_page_size();
  for (size_t i = 1; i < window->bytes / page; i++) {
    if (window->filled[i] != PAGE_WRITTEN || !hak_os_purge((char *)window + i * page, page)) continue;
    window->filled[i] = 0;
    hak_counter_add(&shrunk, 1);
  }
  hak_store_relaxed(&emptied, 0);
  hak_mutex_unlock(&mutex);
}

void hak_registry_stats_get(hak_registry_stats_t *stats) {
  stats->capacity = hak_load_acquire(&hak_registry_window)->count;
  stats->used = hak_counter_get(&used);
  stats->grown = hak_counter_get(&grown);
  stats->shrunk = hak_counter_get(&shrunk);
}
