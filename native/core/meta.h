/*
 * L2 meta: memory for the allocator's own growing arrays. Pieces up to an OS page have a power of two bytes, are cut from
 * mappings that double, and recycled by size; larger ones are mappings of their own, so that what grows leaves nothing behind.
 * Threads: any; one lock.
 */
#ifndef HAK_META_H
#define HAK_META_H

#include "config.h"

/* @return at least `size` zero bytes, aligned to 64, or NULL. */
void *hak_meta_alloc(size_t size);

/* `size` as it was asked for. NULL is ignored. */
void hak_meta_free(void *piece, size_t size);

/* A piece that grows keeps its contents, one that shrinks as much as fits; what is new is undefined. Sizes as they are asked for; 0 before:
   there is no piece yet. @return where it is now, or NULL: no memory, and it stays as it was. */
void *hak_meta_resize(void *piece, size_t before, size_t size);

/* Around fork: the child gets the lock open. */
void hak_meta_lock(void);
void hak_meta_unlock(void);

#endif
