/* L2 registry: see registry.h. */
#include "registry.h"

#include <string.h>

#include "assert.h"
#include "bits.h"
#include "os.h"

enum { FIRST_COUNT = 64 };

/* The window before there is any memory: nobody's. */
static hak_registry_window_t empty = {0, 0, 0};
_Atomic(hak_registry_window_t *) hak_registry_window = &empty;

static hak_mutex_t mutex = HAK_MUTEX_INITIALIZER;
static hak_counter_t used, grown; /* written under the lock */

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

static hak_registry_window_t *map_window(uintptr_t base, size_t count) {
  size_t bytes = hak_round_up(sizeof(hak_registry_window_t) + count * sizeof(uintptr_t), hak_os_page_size());
  hak_registry_window_t *window = hak_os_map(bytes, hak_os_page_size());
  if (window == NULL) return NULL;
  window->base = base;
  window->count = (bytes - sizeof(hak_registry_window_t)) / sizeof(uintptr_t);
  window->bytes = bytes;
  return window;
}

/* Only entries that are set are written, so that pages of the new window stay untouched where nothing is. */
static void copy(hak_registry_window_t *to, hak_registry_window_t *from) {
  size_t shift = from->base - to->base;
  for (size_t i = 0; i < from->count; i++) {
    uintptr_t entry = hak_load_relaxed(&from->entries[i]);
    if (entry != 0) hak_store_relaxed(&to->entries[shift + i], entry);
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
  _Atomic uintptr_t *entries = &window->entries[first - window->base];
  size_t before = 0;
  for (size_t i = 0; i < units; i++) {
    before += hak_load_relaxed(&entries[i]) != 0;
    hak_store_relaxed(&entries[i], entry);
  }
  hak_counter_sub(&used, before);
  if (entry != 0) hak_counter_add(&used, units);
  hak_mutex_unlock(&mutex);
}

void hak_registry_stats_get(hak_registry_stats_t *stats) {
  stats->capacity = hak_load_acquire(&hak_registry_window)->count;
  stats->used = hak_counter_get(&used);
  stats->grown = hak_counter_get(&grown);
}
