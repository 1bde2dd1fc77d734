/*
 * L5 spare: a heap for what the live map has no addresses for.
 *
 * Chunks of the slab classes lie in one region of addresses (region.h), which other mappings may fill: a program that reserves some
 * hundred GiB, as WebAssembly memories do. What the threads' heaps cannot get there comes from this one, a heap of its own, whose blocks need
 * no live map: one lock for all threads, and no cache. Others look after it as after those of threads (heaps.h).
 * Threads: any.
 */
#ifndef HAK_SPARE_H
#define HAK_SPARE_H

#include "heap.h"

/* @return NULL: it is not for want of addresses that the threads' heaps have none, or there is no memory either. */
void *hak_spare_alloc(unsigned size_class);

/* Around fork: the child gets lock and door open. */
void hak_spare_lock(void);
void hak_spare_unlock(void);

#endif
