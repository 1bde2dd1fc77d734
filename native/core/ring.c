/* L2 ring: see ring.h. */
#include "ring.h"

#include "assert.h"
#include "meta.h"

enum { SEGMENT_BYTES = 512, SLOTS = (SEGMENT_BYTES - sizeof(hak_ring_segment_t)) / sizeof(void *) };

static hak_ring_segment_t *new_segment(hak_ring_t *ring) {
  hak_ring_segment_t *segment = ring->kept;
  ring->kept = NULL;
  if (segment != NULL) return segment;
  segment = hak_meta_alloc(SEGMENT_BYTES);
  if (segment == NULL) return NULL;
  hak_counter_add(&ring->capacity, SLOTS);
  hak_counter_add(&ring->grown, 1);
  return segment;
}

static void free_segment(hak_ring_t *ring, hak_ring_segment_t *segment) {
  hak_meta_free(segment, SEGMENT_BYTES);
  hak_counter_sub(&ring->capacity, SLOTS);
  hak_counter_add(&ring->shrunk, 1);
}

static bool chain(hak_ring_t *ring) {
  hak_ring_segment_t *segment = new_segment(ring);
  if (segment == NULL) return false;
  segment->first = segment->end = 0;
  segment->newer = NULL;
  segment->older = ring->newest;
  if (ring->newest != NULL)
    ring->newest->newer = segment;
  else
    ring->oldest = segment;
  ring->newest = segment;
  return true;
}

static void unchain(hak_ring_t *ring, hak_ring_segment_t *segment) {
  if (segment->newer != NULL)
    segment->newer->older = segment->older;
  else
    ring->newest = segment->older;
  if (segment->older != NULL)
    segment->older->newer = segment->newer;
  else
    ring->oldest = segment->newer;
  if (ring->kept == NULL)
    ring->kept = segment;
  else
    free_segment(ring, segment);
}

bool hak_ring_push(hak_ring_t *ring, void *pointer) {
  bool full = ring->newest == NULL || ring->newest->end == SLOTS;
  if (full && !chain(ring)) return false;
  ring->newest->slots[ring->newest->end++] = pointer;
  hak_counter_add(&ring->count, 1);
  if (HAK_CHECKED && full) hak_ring_check(ring);
  return true;
}

static void *popped(hak_ring_t *ring, hak_ring_segment_t *segment, void *pointer) {
  hak_counter_sub(&ring->count, 1);
  if (segment->first != segment->end) return pointer;
  unchain(ring, segment);
  if (HAK_CHECKED) hak_ring_check(ring);
  return pointer;
}

void *hak_ring_pop_newest(hak_ring_t *ring) {
  hak_ring_segment_t *segment = ring->newest;
  return segment == NULL ? NULL : popped(ring, segment, segment->slots[--segment->end]);
}

void *hak_ring_pop_oldest(hak_ring_t *ring) {
  hak_ring_segment_t *segment = ring->oldest;
  return segment == NULL ? NULL : popped(ring, segment, segment->slots[segment->first++]);
}

void hak_ring_shrink(hak_ring_t *ring) {
  if (ring->kept == NULL) return;
  free_segment(ring, ring->kept);
  ring->kept = NULL;
}

void hak_ring_check(const hak_ring_t *ring) {
  uint64_t count = 0, capacity = ring->kept == NULL ? 0 : SLOTS;
  const hak_ring_segment_t *older = NULL;
  for (const hak_ring_segment_t *segment = ring->oldest; segment != NULL; older = segment, segment = segment->newer) {
    if (segment->older != older) hak_fatal("ring: the chain is broken", segment);
    if (segment->first >= segment->end || segment->end > SLOTS) hak_fatal("ring: an empty segment in the chain", segment);
    count += segment->end - segment->first;
    capacity += SLOTS;
  }
  if (ring->newest != older) hak_fatal("ring: the chain does not end at the newest", ring);
  if (capacity != hak_load_relaxed(&ring->capacity)) hak_fatal("ring: `capacity` differs from the segments", ring);
  if (count != hak_load_relaxed(&ring->count)) hak_fatal("ring: `count` differs from the segments", ring);
}
