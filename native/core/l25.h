/*
 * L3 l25: freed large blocks (above the slab classes, below huge) with their memory, shared by threads in shards.
 *
 *     shards[hint mod count]   lock | lists[class] -> chunk -> chunk      newest first
 *
 * There is one shard as long as nobody waits. A thread that finds its shard locked counts as contention; when that is
 * frequent the number of shards doubles, though not beyond one for each user, since more could not part them any further;
 * when it has ended they merge, by halves. Shards lie in segments of 1, 1, 2, 4 ...
 * that are never moved or freed, so a thread that comes late to a merged shard finds its lock, sees that the shard is no
 * longer counted, and tries again.
 * Threads: any; a lock a shard, and one for changing their number. Shard locks are never nested, but
 * for fork.
 */
#ifndef HAK_L25_H
#define HAK_L25_H

#include "chunk_cache.h"
#include "mutex.h"

/* Classes from 1.25 MiB to 32 MiB. */
#define HAK_L25_CLASSES 20
#define HAK_L25_SIZE_MAX (32 * HAK_MIB)

typedef struct hak_l25_shard {
  hak_mutex_t mutex;
  hak_chunk_t *lists[HAK_L25_CLASSES];
  hak_chunk_cache_t cache;
} hak_l25_shard_t;

#define HAK_L25_SEGMENTS 32

typedef struct hak_l25 {
  hak_l25_shard_t first;
  hak_l25_shard_t *segments[HAK_L25_SEGMENTS]; /* [k]: shards 2^k to 2^(k+1) - 1; written under `resizing` before `count` */
  _Atomic uint32_t count;                      /* shards, a power of two */
  _Atomic uint32_t users;                      /* heaps that share the pool; relaxed: it bounds `count` from above */
  hak_mutex_t resizing;
  _Atomic uint32_t operations, contended;      /* in the present window */
  _Atomic uint64_t grown, shrunk, misses, used;
} hak_l25_t;

void hak_l25_init(hak_l25_t *l25);

/* `hint` tells threads apart. */
void hak_l25_put(hak_l25_t *l25, uint32_t hint, hak_chunk_t *chunk);

/* The newest chunk of that class in the thread's shard, else in another; or NULL. A merge at the same moment may hide one. */
hak_chunk_t *hak_l25_take(hak_l25_t *l25, uint32_t hint, unsigned size_class);

/* The oldest chunk of some shard that came before `stamp` (UINT64_MAX: whenever it came), or NULL. */
hak_chunk_t *hak_l25_evict(hak_l25_t *l25, uint64_t stamp);

/* Gives the shards' memory back; the pool is empty and no other thread uses it. */
void hak_l25_release(hak_l25_t *l25);

/* Aborts where a shard's lists are broken. */
void hak_l25_check(hak_l25_t *l25);

/* Around fork: the child gets every lock open. The one place where shard locks are nested: in ascending order. */
void hak_l25_lock(hak_l25_t *l25);
void hak_l25_unlock(hak_l25_t *l25);

#endif
