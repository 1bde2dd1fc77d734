/*
 * L5 hakmem: the public functions. Fast paths here, slow paths out of line beneath them.
 *
 *     malloc: class of size -> bin of the thread -> pop, live            miss: refill the bin from the heap's slabs
 *     free:   tag of its unit -> bin of the thread -> push, not live     full: flush the older half
 */
#include <errno.h>
#include <string.h>

#include "assert.h"
#include "chunk.h"
#include "fresh.h"
#include "guard.h"
#include "live.h"
#include "os.h"
#include "own.h"
#include "registry.h"
#include "spare.h"
#include "thread.h"

int hak_version(void) {
  return HAK_VERSION_MAJOR * 10000 + HAK_VERSION_MINOR * 100 + HAK_VERSION_PATCH;
}

static void *out_of_memory(void) {
  errno = ENOMEM;
  return NULL;
}

/* ---- malloc ---- */

/* The checked build closes a block of the slab classes behind what was asked for. */
static inline void *closed(void *block, size_t size) {
  if (!HAK_CHECKED || block == NULL) return block;
  size_t tag = hak_live_get(block);
  if (tag != 0) hak_guard_close(block, hak_size_class_bytes((unsigned)tag - 1), size);
  return block;
}

/* The one door through which blocks of the slab classes leave. `live` is their class's entry. */
static inline void *hand_out(void *block, size_t tag, uintptr_t live) {
  if (HAK_CHECKED) hak_guard_expect(block, hak_size_class_bytes((unsigned)tag - 1));
  hak_live_set(live, block, tag);
  return block;
}

static void *malloc_huge(hak_heap_t *heap, unsigned size_class, size_t alignment) {
  void *block = NULL;
  hak_cache_count(heap);
  hak_counter_add(&heap->uncached_allocs, hak_heap_take_aligned(heap, size_class, alignment, &block));
  return block;
}

static void *malloc_tracked(hak_heap_t *heap, unsigned size_class) {
  void *block = hak_cache_alloc(heap, size_class);
  return block == NULL ? NULL : hand_out(block, size_class + 1, hak_live_entry(hak_size_class_grain(size_class)));
}

static void *malloc_from(hak_heap_t *heap, unsigned size_class, size_t alignment) {
  if (size_class >= HAK_SLAB_CLASSES) return malloc_huge(heap, size_class, alignment);
  void *block = malloc_tracked(heap, size_class);
  return block != NULL ? block : hak_spare_alloc(size_class);
}

static void *try_malloc(unsigned size_class, size_t alignment) {
  hak_heap_t *heap = hak_thread_heap_get();
  if (heap == &hak_nobody) return NULL;
  void *block = malloc_from(heap, size_class, alignment);
  hak_thread_heap_put(heap);
  return block;
}

/* Where memory is refused, what lies idle here may be what is missing. `alignment` is asked of huge classes; the others have theirs. */
static HAK_NOINLINE void *malloc_slow(unsigned size_class, size_t alignment) {
  void *block = try_malloc(size_class, alignment);
  if (HAK_LIKELY(block != NULL)) return block;
  hak_trim();
  block = try_malloc(size_class, alignment);
  return block == NULL ? out_of_memory() : block;
}

static inline void *malloc_class(unsigned size_class) {
  if (HAK_LIKELY(size_class < HAK_TCACHE_CLASSES)) {
    hak_bin_t *bin = hak_tcache_bin(&hak_thread_heap->tcache, size_class);
    void *block = hak_bin_pop(bin);
    if (HAK_LIKELY(block != NULL)) return hand_out(block, size_class + 1, bin->live);
  }
  return malloc_slow(size_class, HAK_CHUNK_ALIGNMENT);
}

/* Small sizes are tested for first: they need no other test. @return NULL: the size is not small, or its bin is empty. */
static inline void *malloc_quick(size_t size) {
  if (HAK_UNLIKELY(size > HAK_SIZE_CLASS_MAX_SMALL)) return NULL;
  size_t tag = hak_size_tag_small[(size + 15) / 16];
  hak_bin_t *bin = hak_tcache_place(&hak_thread_heap->tcache, tag);
  void *block = hak_bin_pop(bin);
  return HAK_LIKELY(block != NULL) ? hand_out(block, tag, bin->live) : NULL;
}

static HAK_NOINLINE void *malloc_other(size_t size) {
  if (size <= HAK_SIZE_CLASS_MAX_SMALL) return malloc_slow(hak_size_class_of(size), HAK_CHUNK_ALIGNMENT);
  if (HAK_UNLIKELY(size > HAK_MAX_SIZE)) return out_of_memory();
  return malloc_class(hak_size_class_above(size));
}

void *hak_malloc(size_t asked) {
  size_t size = hak_guard_room(asked);
  void *block = malloc_quick(size);
  return closed(HAK_LIKELY(block != NULL) ? block : malloc_other(size), asked);
}

static HAK_NOINLINE void *malloc_other_or(size_t asked, void *(*otherwise)(size_t size)) {
  void *block = closed(malloc_other(hak_guard_room(asked)), asked);
  return HAK_LIKELY(block != NULL) ? block : otherwise(asked);
}

void *hak_malloc_or(size_t asked, void *(*otherwise)(size_t size)) {
  void *block = malloc_quick(hak_guard_room(asked));
  return HAK_LIKELY(block != NULL) ? closed(block, asked) : malloc_other_or(asked, otherwise);
}

void *hak_aligned_alloc(size_t alignment, size_t size) {
  if (!hak_is_power_of_two(alignment)) {
    errno = EINVAL;
    return NULL;
  }
  if (size > HAK_MAX_SIZE) return out_of_memory();
  if (alignment > HAK_CHUNK_ALIGNMENT) return malloc_slow(hak_size_class_aligned(size, alignment), alignment);
  return closed(malloc_class(hak_size_class_aligned(hak_guard_room(size), alignment)), size);
}

/* Above the bins' classes: where no ring had a block either it is from a slab, which knows whether it was handed out before. */
static HAK_NOINLINE void *calloc_large(size_t bytes) {
  hak_heap_t *heap = hak_thread_heap;
  uint64_t misses = hak_counter_get(&heap->mid.misses);
  void *block = hak_malloc(bytes);
  if (block == NULL) return NULL;
  bool taken = heap == hak_thread_heap && hak_counter_get(&heap->mid.misses) != misses;
  bool fresh = taken ? hak_fresh_clear_taken(heap, block) : hak_clear_fresh(block);
  return fresh ? block : memset(block, 0, bytes);
}

void *hak_calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return out_of_memory();
  if (bytes > HAK_TCACHE_SIZE_MAX) return calloc_large(bytes);
  void *block = hak_malloc(bytes);
  return block == NULL ? NULL : memset(block, 0, bytes);
}

/* ---- free ---- */

/* Who else has memory in this process. Released by hak_set_foreign; pairs with the acquires where it is read. */
static _Atomic(const hak_foreign_t *) foreign;

void hak_set_foreign(const hak_foreign_t *other) {
  hak_store_release(&foreign, other);
}

static void give_one(hak_heap_t *heap, void *block) {
  hak_heap_give_live(heap, &block, 1);
  if (HAK_UNLIKELY(hak_load_relaxed(&heap->met_orphan))) hak_own_met_orphan(heap);
}

static void free_foreign(void *block) {
  const hak_foreign_t *other = hak_load_acquire(&foreign);
  if (other == NULL || !other->free(block)) hak_fatal("free of a pointer that is none of ours", block);
}

static const hak_slab_t *slab_in(uintptr_t entry) {
  return (const hak_slab_t *)(entry & ~HAK_REGISTRY_TAG_MASK);
}

/* A huge block, before which the others age by what time has passed; or one of a heap of its own, counted first, for that heap may end
   with it. */
static void free_uncached(void *block, uintptr_t entry) {
  hak_heap_t *owner = slab_in(entry)->chunk->heap;
  if (owner->own)
    hak_fetch_add_relaxed(&owner->frees, 1);
  else
    hak_cache_look();
  give_one(hak_thread_heap_to_free(), block);
}

/* `entry` is of a slab, and no block starts at `block`, or none that is held. */
static _Noreturn void not_live(const void *block, uintptr_t entry) {
  const hak_slab_t *slab = slab_in(entry);
  bool inside = hak_slab_index(slab, block) == slab->blocks;
  hak_fatal(inside ? "free or realloc of a pointer into a block" : "double free, or realloc of a block that was freed", block);
}

/* What is not in the live map: nothing, foreign, huge, of a heap of its own; or misuse. */
static HAK_NOINLINE void free_untracked(void *block) {
  if (block == NULL) return;
  uintptr_t entry = hak_registry_get(block);
  uintptr_t tag = entry & HAK_REGISTRY_TAG_MASK;
  if (tag == 0)
    free_foreign(block);
  else if (tag == HAK_TAG_SLOW)
    free_uncached(block, entry);
  else
    not_live(block, entry);
}

/* The tag is that of the block which starts in the pointer's grain; the pointer may lie behind its start. */
static inline bool starts_block(const void *block, size_t tag) {
  return hak_size_class_starts_at((unsigned)tag - 1, block);
}

static inline void fill_freed(void *block, size_t tag) {
  if (HAK_CHECKED && tag != 0 && starts_block(block, tag)) hak_guard_fill(block, hak_size_class_bytes((unsigned)tag - 1));
}

static void free_held(void *block, size_t tag, bool (*take)(hak_heap_t *heap, unsigned size_class, void *block)) {
  if (!starts_block(block, tag)) not_live(block, hak_registry_get(block));
  hak_heap_t *heap = hak_thread_heap_to_free();
  if (heap == &hak_nobody || !take(heap, (unsigned)tag - 1, block)) give_one(heap, block);
}

/* Another heap's, or none that is in the live map. */
static HAK_NOINLINE void free_other(void *block) {
  size_t tag = hak_live_clear(block);
  fill_freed(block, tag);
  if (HAK_UNLIKELY(tag == 0))
    free_untracked(block);
  else if (!hak_size_class_shares_lines((unsigned)tag - 1))
    free_held(block, tag, hak_cache_free);
  else if (HAK_UNLIKELY(!starts_block(block, tag)) || !hak_bin_push_other(hak_tcache_place(&hak_thread_heap->tcache, tag), block))
    free_held(block, tag, hak_cache_free_other);
}

/* The heap's own, for which its bin had no room; or, with 0 for its tag, it is not held. */
static HAK_NOINLINE void free_own(void *block, size_t tag) {
  if (tag == 0)
    free_untracked(block);
  else
    free_held(block, tag, hak_cache_free);
}

/* The places of the classes above the bins' have no room. */
void hak_free(void *block) {
  hak_tcache_t *tcache = &hak_thread_heap->tcache;
  size_t tag = hak_live_own_tag(&tcache->own, block);
  if (HAK_UNLIKELY(tag > HAK_LIVE_TAG_MASK)) {
    free_other(block);
    return;
  }
  hak_bin_t *bin = hak_tcache_place(tcache, tag);
  bool held = hak_live_clear_tagged(hak_live_own_entry(&tcache->own, block), block, tag);
  bool odd = ((uint16_t)(uintptr_t)block & bin->odd) != 0;
  if (held) fill_freed(block, tag);
  if (HAK_UNLIKELY(!held || odd || !hak_bin_push(bin, block))) free_own(block, held ? tag : 0);
}

/* ---- realloc and questions ---- */

/* Bytes that a block has for its caller, of one that is in the live map; 0: it is not. */
static size_t tracked_size(const void *block) {
  size_t tag = hak_live_get(block);
  return HAK_LIKELY(tag != 0 && starts_block(block, tag)) ? hak_size_class_bytes((unsigned)tag - 1) - hak_guard_zone : 0;
}

/* What of them the caller may write to: the checked build knows what was asked for. */
static size_t usable_of(const void *block, size_t size) {
  return HAK_CHECKED ? hak_guard_size(block, size + hak_guard_zone) : size;
}

static size_t untracked_size(uintptr_t entry) {
  const hak_slab_t *slab = slab_in(entry);
  return slab == NULL ? 0 : slab->block_size;
}

size_t hak_usable_size(const void *block) {
  size_t size = tracked_size(block);
  return HAK_LIKELY(size != 0) ? usable_of(block, size) : untracked_size(hak_registry_get(block));
}

size_t hak_good_size(size_t size) {
  return size > HAK_MAX_SIZE ? 0 : hak_guard_zone != 0 ? size : hak_size_class_bytes(hak_size_class_of(size));
}

/* The slab of a block that has its pages for itself; else NULL. */
static hak_slab_t *huge_slab(const void *block) {
  hak_slab_t *slab = hak_heap_slab_of(block);
  return slab != NULL && slab->size_class == HAK_SLAB_CLASSES && slab->base == block ? slab : NULL;
}

static bool has_room(const void *block, size_t size) {
  hak_slab_t *slab = huge_slab(block);
  return slab != NULL && size <= slab->block_size;
}

static bool move_pages(void *from, void *to, size_t size) {
  return hak_os_move(from, to, hak_round_up(size, hak_os_page_size()));
}

bool hak_move(void *from, void *to, size_t size) {
  return from != to && has_room(from, size) && has_room(to, size) && move_pages(from, to, size);
}

/* Where the system has nothing behind a large block: rare, for it maps downwards. */
static bool grow_in_place(void *block, size_t size) {
  hak_slab_t *slab = huge_slab(block);
  if (slab == NULL || size <= slab->block_size || size > HAK_MAX_SIZE) return false;
  return hak_heap_grow(hak_thread_heap, slab, hak_size_class_bytes(hak_size_class_of(size)));
}

/* Large blocks move by their page tables, not by their bytes. */
static void move_contents(void *to, void *from, size_t size) {
  if (size > HAK_SLAB_SIZE_MAX && move_pages(from, to, size)) return;
  memcpy(to, from, size);
}

static HAK_NOINLINE void *move_foreign(void *block, size_t size) {
  const hak_foreign_t *other = hak_load_acquire(&foreign);
  size_t usable = other == NULL ? 0 : other->usable_size(block);
  if (usable == 0) hak_fatal("realloc of a pointer that is none of ours", block);
  void *moved = hak_malloc(size);
  if (moved == NULL) return NULL;
  memcpy(moved, block, size < usable ? size : usable);
  free_foreign(block);
  return moved;
}

/* A huge block, or one of a heap of its own: whether it is held its owner knows, but where it starts is for all to see. */
static bool starts_untracked(const void *block, uintptr_t entry) {
  const hak_slab_t *slab = slab_in(entry);
  return hak_slab_index(slab, block) != slab->blocks;
}

/* The bytes of a block that must be held. @return 0: foreign. */
static size_t held_size(const void *block) {
  size_t size = tracked_size(block);
  if (HAK_CHECKED && size != 0) usable_of(block, size); /* looks behind it */
  if (HAK_LIKELY(size != 0)) return size;
  uintptr_t entry = hak_registry_get(block);
  uintptr_t tag = entry & HAK_REGISTRY_TAG_MASK;
  bool held = tag == 0 || (tag == HAK_TAG_SLOW && starts_untracked(block, entry));
  if (HAK_UNLIKELY(!held)) not_live(block, entry);
  return untracked_size(entry);
}

void *hak_realloc(void *block, size_t size) {
  if (block == NULL) return hak_malloc(size);
  size_t usable = held_size(block);
  if (HAK_UNLIKELY(usable == 0)) return move_foreign(block, size);
  if (size <= usable && (size >= usable / 2 || hak_good_size(size) == usable)) return closed(block, size);
  if (usable > HAK_SLAB_SIZE_MAX && grow_in_place(block, size)) return block;
  void *moved = hak_malloc(size);
  if (moved == NULL) return size <= usable ? closed(block, size) : NULL;
  move_contents(moved, block, size < usable ? size : usable);
  hak_free(block);
  return moved;
}

/* ---- batches ---- */

size_t hak_malloc_batch(size_t size, size_t count, void **blocks) {
  size_t made = 0;
  while (made < count && (blocks[made] = hak_malloc(size)) != NULL) made++;
  return made;
}

void hak_free_batch(void **blocks, size_t count) {
  for (size_t i = 0; i < count; i++) hak_free(blocks[i]);
}

/* ---- what a block is ---- */

bool hak_describe(const void *block, hak_block_info_t *info) {
  hak_slab_t *slab = hak_heap_slab_of(block);
  if (slab == NULL) return false;
  uint32_t index = hak_slab_index(slab, block);
  if (index == slab->blocks) return false;
  info->heap = slab->chunk->heap;
  info->slab = slab->base;
  info->slab_size = slab->units * HAK_UNIT_SIZE;
  info->block_size = slab->block_size;
  info->block_index = index;
  info->slab_seq = slab->seq;
  return true;
}

void *hak_pin(const void *block) {
  hak_slab_t *slab = hak_heap_slab_of(block);
  if (slab == NULL) return NULL;
  hak_chunk_pin(slab->chunk);
  return slab->chunk;
}

void hak_unpin(void *pin) {
  hak_chunk_unpin(pin);
}
