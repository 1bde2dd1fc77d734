/*
 * L2 meta: memory for the allocator's own growing arrays. Pieces of a power of two bytes, recycled by size; small ones are
 * cut from mappings that double, large ones are mappings of their own.
 * Threads: any; one lock.
 */
#ifndef HAK_META_H
#define HAK_META_H

#include "config.h"

/* @return at least `size` zero bytes, aligned to 64, or NULL. */
void *hak_meta_alloc(size_t size);

/* `size` as it was asked for. NULL is ignored. */
void hak_meta_free(void *piece, size_t size);

/* The bytes that a piece of `size` bytes has: one piece serves all sizes that have as many. */
size_t hak_meta_size(size_t size);

/* Around fork: the child gets the lock open. */
void hak_meta_lock(void);
void hak_meta_unlock(void);

#endif
