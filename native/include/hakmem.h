/*
 * hakmem: a memory allocator in which every resource grows on demand and shrinks when idle.
 *
 * Idea: chunks (2 MiB and more, from the OS) are cut into units of 64 KiB; a run of units is a slab;
 * a slab holds blocks of one size class. All of the allocator's knowledge of a block is kept outside
 * the chunk, so a program that writes through a stale pointer can spoil its own data and never the allocator.
 *
 *     chunk   | unit | unit | unit | ...            memory: callers' bytes, nothing else
 *     header  { free-unit map, slabs[], bitmaps }   a mapping of its own
 *
 * Threads: every function may be called on any thread, unless its comment says otherwise.
 * Errors: functions that allocate return NULL (or a smaller count) with errno ENOMEM; nothing is half-done.
 */
#ifndef HAKMEM_H
#define HAKMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(HAK_STATIC)
#define HAK_API
#else
#define HAK_API __attribute__((visibility("default")))
#endif

#define HAK_VERSION_MAJOR 0
#define HAK_VERSION_MINOR 1
#define HAK_VERSION_PATCH 0

/** Bytes of a unit: the grain in which chunks are cut, and the alignment of every slab. */
#define HAK_UNIT_SIZE ((size_t)65536)

/** Alignment that every block has without asking. */
#define HAK_MIN_ALIGNMENT ((size_t)16)

/** A heap of its own: slabs, limits and life apart from the threads' heaps. */
typedef struct hak_heap hak_heap_t;

/** The version as major * 10000 + minor * 100 + patch. */
HAK_API int hak_version(void);

/* ---- the calling thread's heap ------------------------------------------------------------------------ */

/** @return a block of at least `size` bytes, 16-byte aligned, contents undefined; NULL with ENOMEM. */
HAK_API void *hak_malloc(size_t size);

/** hak_malloc, but where there is no memory what `otherwise` returns, if it does: for C++'s operator new, which must not return NULL. */
HAK_API void *hak_malloc_or(size_t size, void *(*otherwise)(size_t size));

/** @return a zeroed block for `count` objects of `size` bytes; NULL with ENOMEM, also where the product overflows. */
HAK_API void *hak_calloc(size_t count, size_t size);

/** Grows or shrinks, in place where the block allows. `block` may be NULL; on failure it stays as it was. To fewer bytes never fails. */
HAK_API void *hak_realloc(void *block, size_t size);

/** @param alignment any power of two, else NULL with EINVAL; ENOMEM where the system has no such addresses. */
HAK_API void *hak_aligned_alloc(size_t alignment, size_t size);

/**
 * Gives a block back, on any thread. NULL is ignored. What is no block that a caller holds is reported and the process aborts, in every
 * build: a block freed before (unless it has a new holder by now), a pointer into a block, a pointer from elsewhere. The checked
 * build also reports a block that was written to over its end, here and at hak_realloc.
 */
HAK_API void hak_free(void *block);

/**
 * @return the bytes of the block that may be written to, or 0 where `block` is none of ours: all that it has; in the checked build what
 * was asked for, since it looks behind that for overruns.
 */
HAK_API size_t hak_usable_size(const void *block);

/**
 * @return the size of the block that a request of `size` bytes gets at least; 0 where no block can be that large. Above 1 MiB a
 * thread's heap may give a freed block of up to twice that, since its memory is warm.
 */
HAK_API size_t hak_good_size(size_t size);

/** Fills `blocks` with up to `count` blocks of at least `size` bytes. @return how many. */
HAK_API size_t hak_malloc_batch(size_t size, size_t count, void **blocks);

/** Gives `count` blocks back. */
HAK_API void hak_free_batch(void **blocks, size_t count);

/* ---- heaps of their own ------------------------------------------------------------------------------- */

/** @return a new heap, or NULL with ENOMEM. One thread at a time may use it; any thread may free its blocks. */
HAK_API hak_heap_t *hak_heap_new(void);

/** Gives all of the heap's memory back at once; memory under a pin stays mapped until it is unpinned. */
HAK_API void hak_heap_destroy(hak_heap_t *heap);

/**
 * As hak_heap_destroy, but for blocks that others still hold: they stay valid, and the heap is an orphan that ends by itself
 * once the last of them has come back, by whoever gives it back. Nobody else may free a block of the heap meanwhile.
 * @param next gives the blocks to keep, one a call in any order, then NULL; one that is no block of the heap is passed over.
 */
HAK_API void hak_heap_abandon(hak_heap_t *heap, void *(*next)(void *argument), void *argument);

/** As hak_malloc, hak_aligned_alloc; from this heap. */
HAK_API void *hak_heap_malloc(hak_heap_t *heap, size_t size);
HAK_API void *hak_heap_aligned_alloc(hak_heap_t *heap, size_t alignment, size_t size);

/** As hak_malloc_batch, from this heap, without a cache in between: lowest free blocks first. */
HAK_API size_t hak_heap_malloc_batch(hak_heap_t *heap, size_t size, size_t count, void **blocks);

/**
 * Gives blocks back. Blocks of another heap go to their owner by its remote bitmap.
 * A pointer that is no live block of a slab is left alone.
 * @return how many were accepted; the rejected ones are gathered at the front of `blocks`.
 */
HAK_API size_t hak_heap_free_batch(hak_heap_t *heap, void **blocks, size_t count);

/** Takes over what other threads have freed, as taking, trimming, ticks and reading the heap's numbers do by themselves. */
HAK_API void hak_heap_collect(hak_heap_t *heap);

/** Gives the heap's idle memory back to the OS. @return bytes given back. */
HAK_API size_t hak_heap_trim(hak_heap_t *heap);

/* ---- what a block is ---------------------------------------------------------------------------------- */

/**
 * Clears a block that was just handed out, where that takes no writing because its memory is fresh from the OS. Once for each
 * block, before anything is written to it: the core goes by what it knows of the memory and looks at no byte.
 * @return false: nothing was done; whoever wants zeros has to write them.
 */
HAK_API bool hak_clear_fresh(void *block);

/**
 * Moves the first `size` bytes of one block to another by the page tables, without copying; what follows up to the end of a page
 * moves along. Both are held by the caller, and above 1 MiB. Views of the old block stay valid; what they show is undefined.
 * @return false: nothing was moved, what `to` holds is undefined; the caller copies.
 */
HAK_API bool hak_move(void *from, void *to, size_t size);

/** Where a block lies. */
typedef struct hak_block_info {
  hak_heap_t *heap;     /**< the heap that owns the slab */
  void *slab;           /**< first byte of the slab, aligned to HAK_UNIT_SIZE */
  size_t slab_size;     /**< bytes of the slab: whole units */
  size_t block_size;    /**< bytes of each block */
  uint32_t block_index; /**< which block of the slab */
  uint64_t slab_seq;    /**< the heap's running number of the slab, from 0: the same for the same operations */
} hak_block_info_t;

/** @return whether `block` is the first byte of a block place in a live slab; then `info` is filled. Takes no lock. */
HAK_API bool hak_describe(const void *block, hak_block_info_t *info);

/**
 * Keeps the chunk behind `block` mapped until hak_unpin of what it returns, whatever happens to block and heap.
 * The caller holds the block. @return the pin, or NULL where `block` is none of ours.
 */
HAK_API void *hak_pin(const void *block);

/** Ends a pin. Any thread, also after the heap is gone. */
HAK_API void hak_unpin(void *pin);

/** A slab as hak_heap_visit shows it; a chunk without slabs is shown once with `units` 0. */
typedef struct hak_slab_view {
  uint64_t chunk_seq;   /**< the heap's running number of the chunk, from 0 */
  uint32_t chunk_units; /**< units of the chunk */
  uint32_t unit;        /**< first unit of the slab, counted from the chunk's first */
  uint32_t units;       /**< units of the slab */
  uint32_t blocks;      /**< blocks it has */
  uint32_t used;        /**< blocks handed out */
  size_t block_size;    /**< bytes of each */
} hak_slab_view_t;

/** Shows every slab of the heap, chunk by chunk in order of creation; on the heap's thread. */
HAK_API void hak_heap_visit(hak_heap_t *heap, void (*visit)(const hak_slab_view_t *slab, void *argument), void *argument);

/* ---- the whole process -------------------------------------------------------------------------------- */

/** Another allocator of this process, asked about pointers that are none of ours. Asked without any lock held. */
typedef struct hak_foreign {
  size_t (*usable_size)(const void *block); /**< bytes behind its block; 0: not its own either */
  bool (*free)(void *block);                /**< takes its block back; false: not its own either */
} hak_foreign_t;

/**
 * Makes hak_free and hak_realloc serve the blocks of another allocator too; hak_realloc moves them over. A pointer that is
 * neither's is reported as before. For libraries that stand in for malloc.
 * @param foreign must stay valid; NULL: there is no other one, as at the start.
 */
HAK_API void hak_set_foreign(const hak_foreign_t *foreign);

/**
 * Gives idle memory back to the OS: what the calling thread caches, what is free in the heaps of all threads that nobody is at at the
 * moment, freed large blocks, orphans. What other threads cache of small blocks stays theirs. @return bytes given back.
 */
HAK_API size_t hak_trim(void);

/** What one growing component holds: `capacity` and `used` in its own unit, and how often it grew, shrank and missed. */
typedef struct hak_component_stats {
  uint64_t capacity, used, grown, shrunk, misses;
} hak_component_stats_t;

/** The counters, one row each: name in C, path in JavaScript. Bytes unless they say otherwise. */
#define HAK_STATS_COUNTERS(X)                                   \
  X(bytes_live, "bytes.live")                                   \
  X(bytes_cached, "bytes.cached")                               \
  X(bytes_committed, "bytes.committed")                         \
  X(bytes_reserved, "bytes.reserved")                           \
  X(bytes_purged, "bytes.purged")                               \
  X(blocks_live, "blocks.live")                                 \
  X(blocks_cached, "blocks.cached")                             \
  X(operations_allocs, "operations.allocs")                     \
  X(operations_frees, "operations.frees")                       \
  X(operations_refills, "operations.refills")                   \
  X(operations_flushes, "operations.flushes")                   \
  X(operations_remote_frees, "operations.remoteFrees")          \
  X(operations_adopted, "operations.adopted")                   \
  X(operations_abandoned, "operations.abandoned")

/** The components, one row each. */
#define HAK_STATS_COMPONENTS(X) \
  X(superslab, "superslab")     \
  X(tcache, "tcache")           \
  X(mid_ring, "midRing")        \
  X(registry, "registry")       \
  X(l25, "l25")                 \
  X(bigcache, "bigcache")

/** One size class. */
typedef struct hak_class_stats {
  uint64_t size, live, cached, capacity, refills, flushes;
} hak_class_stats_t;

/** Number of size classes that slabs serve; larger requests are mappings of their own, counted in the last row. */
#define HAK_SLAB_CLASSES 60

typedef struct hak_stats {
#define HAK_X(name, path) uint64_t name;
  HAK_STATS_COUNTERS(HAK_X)
#undef HAK_X
#define HAK_X(name, path) hak_component_stats_t name;
  HAK_STATS_COMPONENTS(HAK_X)
#undef HAK_X
  hak_class_stats_t classes[HAK_SLAB_CLASSES + 1];
} hak_stats_t;

/**
 * Reads the counters of the whole process; stops nobody, so counters of running threads may be a moment apart. What was freed
 * remotely is not live, though its owner may have yet to collect it. Running totals never fall: those of
 * destroyed heaps stay. Batches of a heap of its own are its user's to count, and are not among the operations.
 */
HAK_API void hak_stats_get(hak_stats_t *stats);

/** The same of one heap, after collecting what others freed; on the heap's thread. */
HAK_API void hak_heap_stats_get(hak_heap_t *heap, hak_stats_t *stats);

#ifdef __cplusplus
}
#endif
#endif
