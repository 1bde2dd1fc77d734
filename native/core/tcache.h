/*
 * L4 tcache: a thread's free blocks of the classes up to 32 KiB, an array a class. Whichever heap owns a block, any thread
 * may cache and reuse it; only the flush looks at the owner.
 *
 *     bin   top -> p
 *           row -> | 0 | p | p | p |   |   |   |   |         pop and push at `end`; the oldest are at the front
 *                    `-- count --'   ^ end           ^ limit
 *
 * The newest block stands apart, in the bin itself, and the row is one place behind, with NULL for the bin's bottom: so a pop has its
 * block after one load, not two. A caller writes to it at once, and until its address is known the processor holds the loads behind
 * that write back: where frees and mallocs take turns at random, a pair costs a fifth less than with the newest in the row.
 *
 * What a thread frees of other heaps' blocks lies beneath its own: so it is handed out last, and goes home first. A line of the live map
 * has 64 blocks' bytes, and where threads hold neighbours it goes to and fro between their processors at each malloc and free: half of
 * larson's time with two threads, whose blocks the first one had made and mixed.
 *
 * Capacity starts at nothing, doubles on a miss up to a few KiB, then only after as many blocks had to go for want of room, and halves
 * when the bin was not used from one tick to the next. What all bins may hold is a budget of bytes; a class that needs more when the
 * budget is spent takes it from one that was not used.
 * There is no number of slots anywhere.
 * Threads: the owner. Others may read `capacity`, `allocs` and what hak_bin_count_seen makes of the rest.
 */
#ifndef HAK_TCACHE_H
#define HAK_TCACHE_H

#include "live.h"
#include "size_class.h"

/* Larger classes are the mid rings'. */
#define HAK_TCACHE_CLASSES 40
#define HAK_TCACHE_SIZE_MAX (32 * HAK_KIB)

/* A cache line: what the fast paths touch, then what the slow ones keep. */
typedef struct hak_bin {
  void *top;                 /* NULL: the bin is empty */
  _Atomic(void **) end;      /* of the row. Relaxed: the owner writes, statistics read */
  _Atomic(void **) limit;    /* of its room; likewise */
  uintptr_t live;            /* where the live map has the class's blocks: see hak_live_entry */
  hak_counter_t allocs;      /* blocks handed out */
  _Atomic uint32_t capacity; /* of the row, which begins so far before `limit`; likewise */
  uint32_t allocs_seen;      /* hak_bin_allocs at the last tick */
  uint32_t allocs_refused;   /* the same when a bin was last refused its growth */
  uint32_t spilled;          /* blocks given back because it was full: so many it may grow by */
  uint32_t others;           /* so many of the oldest belong to other heaps, or fewer */
  uint16_t first;            /* the capacity that the bin starts with, and keeps at least */
  uint16_t odd;              /* address bits that no block of the class has */
} hak_bin_t;
_Static_assert(sizeof(hak_bin_t) == HAK_CACHE_LINE, "a bin is found by a shift");

/* A bin's place is the tag that the live map has: class + 1. The places of the slabs' classes above the bins' never get any room, so that
   they need no test of their own. */
#define HAK_TCACHE_PLACES (HAK_SLAB_CLASSES + 1)

typedef struct hak_tcache {
  hak_bin_t places[HAK_TCACHE_PLACES];
  hak_live_own_t own;    /* by which a free knows the heap's blocks */
  uint64_t roomy;        /* bit c: the bin of class c has more room than it starts with */
  size_t capacity_bytes; /* what all bins may hold together */
  hak_counter_t capacity, grown, shrunk, misses;
} hak_tcache_t;

HAK_INLINE hak_bin_t *hak_tcache_place(hak_tcache_t *tcache, size_t tag) {
  hak_bin_t *bin = &tcache->places[tag];
  HAK_KEEP(bin);
  return bin;
}
HAK_INLINE hak_bin_t *hak_tcache_bin(hak_tcache_t *tcache, unsigned size_class) {
  return hak_tcache_place(tcache, (size_t)size_class + 1);
}

HAK_INLINE uint32_t hak_bin_capacity(hak_bin_t *bin) {
  return hak_load_relaxed(&bin->capacity);
}

/* Its blocks but the newest, behind a NULL. */
HAK_INLINE void **hak_bin_row(hak_bin_t *bin) {
  return hak_load_relaxed(&bin->limit) - hak_bin_capacity(bin);
}

HAK_INLINE uint32_t hak_bin_count(hak_bin_t *bin) {
  return (uint32_t)(hak_load_relaxed(&bin->end) - hak_bin_row(bin));
}

/* The same for any thread. The row may move meanwhile: then it is any number up to the capacity. */
HAK_INLINE uint32_t hak_bin_count_seen(hak_bin_t *bin) {
  uint32_t capacity = hak_bin_capacity(bin);
  size_t count = ((uintptr_t)hak_load_relaxed(&bin->end) - (uintptr_t)hak_bin_row(bin)) / sizeof(void *);
  return count < capacity ? (uint32_t)count : capacity;
}

HAK_INLINE void *hak_bin_pop(hak_bin_t *bin) {
  void *block = bin->top;
  if (HAK_UNLIKELY(block == NULL)) return NULL;
  void **end = hak_load_relaxed(&bin->end) - 1;
  bin->top = *end;
  hak_store_relaxed(&bin->end, end);
  hak_counter_add(&bin->allocs, 1);
  return block;
}

/* The block is likely the next one to be handed out, and its caller writes to it at once: its line is asked for here, though
   not a byte of it is read. @return false: the bin is full. */
HAK_INLINE bool hak_bin_push(hak_bin_t *bin, void *block) {
  void **end = hak_load_relaxed(&bin->end);
  if (HAK_UNLIKELY(end == hak_load_relaxed(&bin->limit))) return false;
  __builtin_prefetch(block, 1);
  *end = bin->top;
  bin->top = block;
  hak_store_relaxed(&bin->end, end + 1);
  return true;
}

/* Another heap's block, to lie above those of its kind and beneath the heap's own, in exchange for the oldest of these, which is as good
   as any on top. @return false: the bin is full, or others have half of its room and there are own ones too. */
HAK_INLINE bool hak_bin_push_other(hak_bin_t *bin, void *block) {
  uint32_t count = hak_bin_count(bin), capacity = hak_bin_capacity(bin), others = bin->others;
  if (HAK_UNLIKELY(count >= capacity)) return false;
  if (others >= count) {
    others = count;
  } else {
    if (HAK_UNLIKELY(others >= capacity / 2)) return false;
    void **place = others + 1 < count ? &hak_bin_row(bin)[others + 1] : &bin->top;
    void *own = *place;
    *place = block;
    block = own;
  }
  bin->others = others + 1;
  return hak_bin_push(bin, block);
}

/* The `count` oldest blocks, in a row; whoever asks for all of them drops them next. */
void **hak_bin_oldest(hak_bin_t *bin, uint32_t count);

/* The `count` oldest have left. */
void hak_bin_drop(hak_bin_t *bin, uint32_t count);

/* The empty bin's row has got so many blocks; the first of them is to be popped first. */
void hak_bin_fill(hak_bin_t *bin, uint32_t count);

/* The low bits of `allocs`: enough to see whether it moved. */
HAK_INLINE uint32_t hak_bin_allocs(hak_bin_t *bin) {
  return (uint32_t)hak_counter_get(&bin->allocs);
}

/* Whether the bin handed nothing out since the last tick. */
HAK_INLINE bool hak_tcache_idle(hak_tcache_t *tcache, unsigned size_class) {
  hak_bin_t *bin = hak_tcache_bin(tcache, size_class);
  return hak_bin_allocs(bin) == bin->allocs_seen;
}

/* Makes a zeroed cache ready; the live map is there. */
void hak_tcache_init(hak_tcache_t *tcache);

/* Bytes that a doubling would add to what all bins may hold. */
size_t hak_tcache_growth(hak_tcache_t *tcache, unsigned size_class);

/* Doubles a bin's capacity, or starts it; nothing where there is no memory. */
void hak_tcache_grow(hak_tcache_t *tcache, unsigned size_class);

/* Halves a bin's capacity, but not below its start. The bin holds no more than the half. @return false: it stays as it is. */
bool hak_tcache_shrink(hak_tcache_t *tcache, unsigned size_class);

/* The capacity after a halving: what the bin may hold before hak_tcache_shrink. */
uint32_t hak_tcache_half(hak_tcache_t *tcache, unsigned size_class);

/* Gives the arrays back; the bins are empty. */
void hak_tcache_release(hak_tcache_t *tcache);

/* Aborts where a bin or the sums over all are wrong. */
void hak_tcache_check(hak_tcache_t *tcache);

/* Aborts where a block of the bin is none of the class, or is held by a caller. */
void hak_bin_check(hak_bin_t *bin, unsigned size_class);

#endif
