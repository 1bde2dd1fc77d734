/*
 * L2 ring: pointers in the order of their coming, newest and oldest at hand, in segments that chain.
 *
 *     oldest [ . a b c ] <-> [ d e f g ] <-> [ h i . . ] newest      growth adds a segment and moves nothing
 *
 * One emptied segment is kept, so that a ring that swings around a boundary asks for nothing.
 * Threads: one at a time; `count` may be read by any.
 */
#ifndef HAK_RING_H
#define HAK_RING_H

#include "atomic.h"

typedef struct hak_ring_segment {
  struct hak_ring_segment *newer, *older;
  uint32_t first, end; /* slots [first, end) are filled */
  void *slots[];
} hak_ring_segment_t;

typedef struct hak_ring {
  hak_ring_segment_t *newest, *oldest, *kept;
  hak_counter_t count;    /* pointers */
  hak_counter_t capacity; /* slots */
  hak_counter_t grown, shrunk;
} hak_ring_t;

/* @return false: no memory for a segment; nothing has changed. */
bool hak_ring_push(hak_ring_t *ring, void *pointer);

/* @return NULL where the ring is empty. */
void *hak_ring_pop_newest(hak_ring_t *ring);
void *hak_ring_pop_oldest(hak_ring_t *ring);

/* Gives the kept segment back. */
void hak_ring_shrink(hak_ring_t *ring);

void hak_ring_check(const hak_ring_t *ring);

#endif
