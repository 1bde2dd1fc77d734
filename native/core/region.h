/*
 * L2 region: addresses for the chunks that the live map tracks: its region in pieces of 2 MiB, each grain's half filled from the
 * middle of the region outwards.
 *
 *     | <- coarse: piece 2, 1, 0 | fine: piece 0, 1, 2 -> |        taken: a bit a piece, as far out as any ever was
 *
 * The addresses are not reserved: where something else lies already, the next free ones further out are tried. Where there are none
 * left, a search that has just failed is not repeated for a while.
 * Threads: any, under a lock of its own. What one thread did with the live map under a chunk's addresses comes before what another
 * does that has the same addresses next: both pass the lock.
 */
#ifndef HAK_REGION_H
#define HAK_REGION_H

#include "live.h"

/* Makes the region ready, if it is not. @return false: no memory. */
bool hak_region_start(void);

/* @return `size` zero bytes, whole pieces, with bytes in the live map; NULL: no memory or no addresses. */
void *hak_region_map(size_t size, hak_grain_t grain);

/* Whether it was for want of addresses that no piece of the half could be had last. */
bool hak_region_lacks_addresses(hak_grain_t grain);

void hak_region_unmap(void *start, size_t size, hak_grain_t grain);

/* Gives addresses back that the region has more than the process may have by now. */
void hak_region_fit(void);

/* Around fork: the child gets the lock open. */
void hak_region_lock(void);
void hak_region_unlock(void);

#endif
