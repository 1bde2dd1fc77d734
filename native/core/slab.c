/* L3 slab: see slab.h. */
#include "slab.h"

#include <string.h>

#include "assert.h"
#include "bitmap.h"

void hak_slab_open(hak_slab_t *slab, unsigned size_class, size_t block_size, uint64_t seq) {
  bool huge = size_class >= HAK_SLAB_CLASSES;
  slab->size_class = (uint16_t)(huge ? HAK_SLAB_CLASSES : size_class);
  slab->block_size = block_size;
  slab->blocks = huge ? 1 : hak_size_classes[size_class].blocks;
  slab->reciprocal = huge ? 0 : hak_size_classes[size_class].reciprocal;
  slab->used = 0;
  slab->first_word = 0;
  slab->listed = slab->idle = false;
  slab->seq = seq;
  slab->next = slab->prev = NULL;
  hak_bitmap_set_range(slab->free, 0, slab->blocks);
}

bool hak_slab_is_warm(const hak_slab_t *slab) {
  return !slab->fresh || hak_bitmap_next_set(slab->free, slab->blocks, slab->first_word * 64) < slab->high;
}

/* A batch comes lowest first, so its last block is its highest. */
static void note_handed_out(hak_slab_t *slab, const void *last) {
  uint32_t index = hak_slab_index(slab, last);
  slab->high_before = slab->high;
  if (index >= slab->high) slab->high = (uint16_t)(index + 1);
}

size_t hak_slab_take(hak_slab_t *slab, size_t count, void **blocks) {
  size_t words = hak_bitmap_words(slab->blocks);
  size_t taken = 0;
  size_t word = slab->first_word;
  while (taken < count && word < words) {
    uint64_t bits = slab->free[word];
    char *first = slab->base + word * 64 * slab->block_size;
    for (; bits != 0 && taken < count; bits &= bits - 1) blocks[taken++] = first + hak_ctz(bits) * slab->block_size;
    slab->free[word] = bits;
    if (bits == 0) word++;
  }
  slab->first_word = (uint32_t)word;
  slab->idle = false;
  slab->used += (uint32_t)taken;
  if (taken > 0) note_handed_out(slab, blocks[taken - 1]);
  return taken;
}

/* What others freed of a word and nobody has collected, looked at only where there is some: in a program with one thread it lies in pages
   that nobody touches. Relaxed: a block whose bit is set was freed before; that is misuse whichever free came first. */
static uint64_t remote_bits(const hak_slab_t *slab, uint32_t word) {
  bool some = ((hak_load_relaxed(&slab->remote_words) >> word) & 1) != 0;
  return some ? hak_load_relaxed(&slab->remote[word]) : 0;
}

size_t hak_slab_give(hak_slab_t *slab, hak_batch_t *batch) {
  uint32_t before = slab->used, first = hak_ctz(batch->words);
  if (first < slab->first_word) slab->first_word = first;
  for (uint64_t words = batch->words; words != 0; words &= words - 1) {
    uint32_t word = hak_ctz(words);
    uint64_t bits = batch->bits[word];
    batch->bits[word] = bits & (slab->free[word] | remote_bits(slab, word));
    bits &= ~batch->bits[word];
    slab->free[word] |= bits;
    slab->used -= hak_popcount(bits);
  }
  return before - slab->used;
}

bool hak_slab_give_remote(hak_slab_t *slab, hak_batch_t *batch) {
  for (uint64_t words = batch->words; words != 0; words &= words - 1) {
    uint32_t word = hak_ctz(words);
    /* Release: the freer's writes to the blocks come before the owner's reuse; pairs with the acquire in hak_slab_collect. */
    batch->bits[word] &= hak_fetch_or_release(&slab->remote[word], batch->bits[word]);
  }
  /* Acquire and release: orders the bits above before the summary, and a second freer's summary after the first's;
     pairs with the exchange in hak_slab_collect, which therefore sees the bits of whoever did not push. */
  return hak_fetch_or_acq_rel(&slab->remote_words, batch->words) == 0;
}

size_t hak_slab_collect(hak_slab_t *slab, hak_batch_t *twice) {
  size_t collected = 0;
  twice->words = 0;
  /* Acquire and release: takes the slab off the stack before its bits are read; pairs with hak_slab_give_remote. */
  uint64_t words = hak_exchange_acq_rel(&slab->remote_words, 0);
  for (; words != 0; words &= words - 1) {
    uint32_t word = hak_ctz(words);
    uint64_t bits = hak_exchange_acquire(&slab->remote[word], 0); /* pairs with the release in hak_slab_give_remote */
    hak_batch_set(twice, word, bits & slab->free[word]);
    bits &= ~slab->free[word];
    slab->free[word] |= bits;
    if (bits != 0 && word < slab->first_word) slab->first_word = word;
    collected += hak_popcount(bits);
  }
  HAK_ASSERT(collected <= slab->used);
  slab->used -= (uint32_t)collected;
  return collected;
}

size_t hak_slab_release(hak_slab_t *slab) {
  size_t released = slab->used;
  hak_bitmap_set_range(slab->free, 0, slab->blocks);
  slab->used = 0;
  slab->first_word = 0;
  return released;
}

bool hak_slab_retake(hak_slab_t *slab, uint32_t index) {
  if (!hak_bitmap_get(slab->free, index)) return false;
  hak_bitmap_clear_range(slab->free, index, 1);
  slab->used++;
  return true;
}

void hak_slab_check(const hak_slab_t *slab) {
  hak_bitmap_check(slab->free, slab->blocks);
  if (hak_bitmap_count(slab->free, slab->blocks) != slab->blocks - slab->used)
    hak_fatal("slab: `used` differs from the bitmap", slab->base);
  if (slab->used < slab->blocks && hak_bitmap_next_set(slab->free, slab->blocks, 0) / 64 < slab->first_word)
    hak_fatal("slab: a free block before `first_word`", slab->base);
  if (slab->listed != (slab->used < slab->blocks) && slab->size_class < HAK_SLAB_CLASSES)
    hak_fatal("slab: listed though full, or not listed though partial", slab->base);
}
