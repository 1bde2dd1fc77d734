/*
 * L3 superslab: chunks from the OS, cut into units, chained without limit for each heap.
 *
 *     header (a mapping of its own)            memory (callers' bytes, nothing else)
 *     { free units, committed units,           | unit 0 | unit 1 | unit 2 | ... |
 *       slabs[units], remote[] }                 `---- a slab ----'  free run
 *
 * Life of a chunk: mapped, filled and emptied by its heap; emptied, it stays until it has been idle from one tick to the next or
 * free memory is over its bound: then it is released, which is to say purged and unmapped. A released chunk that somebody has
 * pinned, or that a remote freer may still be looking at, is parked: purged, out of the registry, its addresses kept; the heap's
 * next chunk of that length takes it up again.
 * The more a heap has, the larger the chunks it asks for: a quarter of its units, in powers of two, up to an option.
 * A huge block is a chunk of one slab of one block.
 *
 * Invariants: a unit is free or in exactly one slab; free units of a chunk are on no slab; a chunk is in the list of its longest
 * run (runs.h), huge chunks in none; pins >= 1 while the heap holds the chunk.
 * Threads: the owner; pins any.
 */
#ifndef HAK_SUPERSLAB_H
#define HAK_SUPERSLAB_H

#include "atomic.h"
#include "live.h"
#include "remote.h"
#include "runs.h"

struct hak_chunk {
  char *base;
  hak_heap_t *heap;               /* fixed while the chunk is mapped; its slabs' home (slab.h says whose each is) */
  size_t header_size;             /* bytes of the header's mapping */
  uint64_t seq;                   /* the heap's running number */
  uint32_t units;
  uint32_t longest_run;           /* of free units */
  uint32_t free_units;
  bool huge;
  uint8_t grain;                  /* hak_grain_t: how its blocks are in the live map while callers hold them, if at all */
  bool holed;                     /* some of its units were given back: it has no huge pages any more */
  bool zero;                      /* every byte of units that never were committed since is 0, but for what a stale view wrote */
  _Atomic uint32_t pins;          /* the heap's own, and one for each hak_pin */
  hak_chunk_t *next, *prev;       /* the heap's chain, oldest first; or its parked ones */
  hak_chunk_t *run_next, *run_prev; /* chunks of one longest run; huge ones: cached chunks of one class or bucket */
  uint64_t stamp;                 /* of a cached huge chunk: the tick at which it came */
  uint64_t *free_map, *committed_map; /* a bit a unit; of a huge chunk one for all, and only the first map counts */
  uint64_t *idle_map;             /* committed and free units that were so at the last tick already */
  uint64_t short_maps[3];         /* these, of up to 64 units */
  _Atomic uint64_t *remote;       /* the slabs' bitmaps of that name */
  hak_slab_t slabs[];             /* one place a unit; a slab uses the place of its first unit, see hak_chunk_place */
};

/* Bits of the chunk's maps: a huge chunk's units come and go together. */
HAK_INLINE size_t hak_chunk_map_bits(size_t units, bool huge) {
  return huge ? 1 : units;
}

typedef struct hak_superslab {
  hak_chunk_t *first, *last;
  hak_chunk_t *parked;
  hak_runs_t runs[HAK_GRAINS];    /* a chunk has slabs of one grain of the live map (live.h) */
  uint64_t next_chunk;            /* running number */
  hak_counter_t committed, reserved, purged;                         /* units; purged is a running total */
  hak_counter_t capacity, used, grown, shrunk, misses;               /* units, units, chunks, chunks, runs */
} hak_superslab_t;

/* What the chunks need of the heap that owns them. */
typedef struct hak_chunk_owner {
  hak_heap_t *heap;
  uintptr_t registry_tag;               /* for entries of slabs; 0: the slab's class + 1 */
  hak_remote_t *remote;                 /* frees by other threads, which may be looking at a header */
  size_t mark;                          /* the heap's, in the live map */
} hak_chunk_owner_t;

/* Takes a run and opens a slab of a class over it. @return NULL with nothing changed where memory is exhausted. */
hak_slab_t *hak_superslab_slab_new(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, unsigned size_class,
                                   uint64_t seq);

/* Whether the next slab of a class takes units that were used before and are free: no new page. */
bool hak_superslab_has_warm_run(const hak_superslab_t *superslab, const hak_chunk_owner_t *owner, unsigned size_class);

/* A chunk of `size` bytes, whole units, for one huge block, in no chain. `alignment` is a power of two from HAK_CHUNK_ALIGNMENT on.
   @return NULL: no memory. */
hak_chunk_t *hak_superslab_huge_map(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, size_t size, size_t alignment);

/* The slab of one huge block, which has the whole chunk: one just mapped, or closed before. */
hak_slab_t *hak_superslab_huge_new(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, hak_chunk_t *chunk, uint64_t seq);

/* Lengthens the block of a huge slab to so many units where it lies. @return false with nothing changed: no room behind it. */
bool hak_superslab_huge_grow(hak_superslab_t *superslab, hak_slab_t *slab, size_t units);

/* Closes an empty huge slab. @return its chunk, with its memory, in no chain: to be cached or discarded. */
hak_chunk_t *hak_superslab_huge_close(hak_superslab_t *superslab, hak_slab_t *slab);

/* Nobody but the heap has to do with the empty chunk: it may be given to other heaps. */
bool hak_superslab_lone(const hak_chunk_owner_t *owner, hak_chunk_t *chunk);

/* Gives the memory of a closed huge chunk back. */
void hak_superslab_discard(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, hak_chunk_t *chunk);

/* Closes an empty slab that is not huge. */
void hak_superslab_slab_free(hak_superslab_t *superslab, const hak_chunk_owner_t *owner, hak_slab_t *slab);

/* Gives back what is idle since the last tick: empty chunks, free units. */
void hak_superslab_tick(hak_superslab_t *superslab, const hak_chunk_owner_t *owner);

/* Gives all empty chunks and free units back. */
void hak_superslab_trim(hak_superslab_t *superslab, const hak_chunk_owner_t *owner);

/* Gives everything back, blocks in use too. Pinned chunks stay mapped until their last unpin. */
void hak_superslab_destroy(hak_superslab_t *superslab);

/* Any thread that holds a block of the chunk. */
void hak_chunk_pin(hak_chunk_t *chunk);
/* Any thread; the last one unmaps. */
void hak_chunk_unpin(hak_chunk_t *chunk);

/* Aborts where an invariant of a chunk, or of the whole, is broken. */
void hak_chunk_check(const hak_superslab_t *superslab, const hak_chunk_t *chunk);
void hak_superslab_check(const hak_superslab_t *superslab);

#endif
