/*
 * L3 slab: a run of units that holds blocks of one class. What is known of the blocks stands here and in two bitmaps
 * with it, never in the blocks. Those that others write are apart: in a program with one thread they take no memory.
 *
 *     free    1 1 0 0 1 ...   bit i: block i is free. Owner only.
 *     remote  0 0 1 0 0 ...   bit i: another thread freed block i; the owner moves it to `free` by collecting.
 *     remote_words            bit w: word w of `remote` may have bits. It also says whether the slab is on its heap's stack
 *                             of slabs to collect: the one who sets its first bit pushes.
 *
 * Invariants: used == blocks - popcount(free); a block has at most one of its two bits; bits beyond `blocks` are 0;
 * a block whose remote bit is not collected counts as used, so a slab with used == 0 has no remote bits.
 * Threads: the owner, except where a function says "any".
 */
#ifndef HAK_SLAB_H
#define HAK_SLAB_H

#include "atomic.h"
#include "size_class.h"

typedef struct hak_chunk hak_chunk_t;

typedef struct hak_slab {
  char *base;                /* first byte of block 0 */
  _Atomic(hak_heap_t *) heap; /* whose blocks they are: its chunk's heap, or the one that it is lent to (lend.h) */
  _Atomic uint64_t *remote;  /* in the chunk's header; fixed for its life */
  uint64_t reciprocal;       /* see hak_size_class_t */
  size_t block_size;         /* bytes; huge slabs have one block of any size */
  uint32_t blocks;           /* places */
  uint32_t used;             /* blocks handed out and not collected */
  uint32_t first_word;       /* no word of `free` before this one has a bit */
  uint16_t size_class;       /* a huge class counts as HAK_SLAB_CLASSES */
  bool listed;               /* on its class's list of partial slabs */
  bool idle;                 /* it was empty at the last tick already */
  uint64_t seq;              /* the heap's running number */
  struct hak_slab *next, *prev;
  hak_chunk_t *chunk;        /* fixed for the header's life */
  uint32_t unit, units;      /* where in the chunk */
  _Atomic uint64_t remote_words;
  bool fresh;                /* its units were fresh from the OS when it was opened */
  bool given_back;           /* it was lent, and is on its way home; written by the borrower before it pushes the slab */
  uint16_t high;             /* no block from here on was handed out */
  uint16_t high_before;      /* the same before the last batch */
  struct hak_slab *remote_next; /* on the heap's stack; written by the pusher, read by the owner that took the stack */
  uint64_t free[HAK_WORDS_PER_UNIT];
} __attribute__((aligned(HAK_CACHE_LINE))) hak_slab_t;

/* Some of a slab's blocks, a bit each: what comes back together is marked by the word. */
typedef struct hak_batch {
  uint64_t words;                    /* bit w: bits[w] has some; the others are undefined */
  uint64_t bits[HAK_WORDS_PER_UNIT];
} hak_batch_t;

HAK_INLINE uint64_t hak_batch_get(const hak_batch_t *batch, uint32_t word) {
  return ((batch->words >> word) & 1) != 0 ? batch->bits[word] : 0;
}
HAK_INLINE void hak_batch_set(hak_batch_t *batch, uint32_t word, uint64_t bits) {
  if (bits == 0) return;
  batch->words |= (uint64_t)1 << word;
  batch->bits[word] = bits;
}

/* Makes an unused slab place hold blocks: all free. `base`, `chunk`, bitmaps, unit and units are set. */
void hak_slab_open(hak_slab_t *slab, unsigned size_class, size_t block_size, uint64_t seq);

/* The next block to be taken was handed out before, or lies in memory that was: it is no new page. The slab has a free block. */
bool hak_slab_is_warm(const hak_slab_t *slab);

/* Takes up to `count` free blocks, lowest first. @return how many. */
size_t hak_slab_take(hak_slab_t *slab, size_t count, void **blocks);

/* The index of the block that starts at `address`, which lies in the slab; `blocks` where none starts there. */
HAK_INLINE uint32_t hak_slab_index(const hak_slab_t *slab, const void *address) {
  size_t offset = (size_t)((const char *)address - slab->base);
  if (slab->blocks == 1) return offset == 0 ? 0 : 1;
  uint32_t index = hak_size_class_index(slab->reciprocal, offset);
  return index < slab->blocks && index * slab->block_size == offset ? index : slab->blocks;
}

/* Gives the batch's blocks back. Those that were free before stay in it. @return how many came back. */
size_t hak_slab_give(hak_slab_t *slab, hak_batch_t *batch);

/* Any thread: marks them as freed, likewise. @return whether the caller must push the slab on its heap's stack. */
bool hak_slab_give_remote(hak_slab_t *slab, hak_batch_t *batch);

/* Moves the remote bits over; those of blocks that were free before stay in `twice`. @return how many blocks came back. */
size_t hak_slab_collect(hak_slab_t *slab, hak_batch_t *twice);

/* Makes every block free, whoever holds it. @return how many were handed out. */
size_t hak_slab_release(hak_slab_t *slab);

/* Hands block `index` out. @return false: it was handed out before. */
bool hak_slab_retake(hak_slab_t *slab, uint32_t index);

/* Aborts where an invariant is broken. */
void hak_slab_check(const hak_slab_t *slab);

#endif
