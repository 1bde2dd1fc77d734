/*
 * Stats object: the core's counters as the plain objects of `HeapStats` and `ChunkPicture` (lib/backend/contract.ts).
 * The rows come from the X-macros in hakmem.h: a counter added there appears here.
 * Threads: the environment's own.
 */
#ifndef HAKMEM_BINDING_STATS_OBJECT_H
#define HAKMEM_BINDING_STATS_OBJECT_H

#include <node_api.h>

#include "hakmem.h"

namespace hakmem {

/** @return a `HeapStats`; NULL with an exception pending, or in an environment that is dying. */
napi_value stats_object(napi_env env, const hak_stats_t &stats);

/** @return an array of `ChunkPicture`, one for each chunk of the heap. */
napi_value picture_object(napi_env env, hak_heap_t *heap);

/** @return a `BlockPlace`. */
napi_value place_object(napi_env env, const hak_block_info_t &info);

}  // namespace hakmem
#endif
