/*
 * Slab memory: what JavaScript sees of a slab or of one large block, an external ArrayBuffer.
 *
 *     ArrayBuffer -> backing store -> Pin -> hak_pin      the chunk stays mapped while any of its ArrayBuffers lives,
 *                                                         whatever becomes of block, heap and environment
 *
 * The end of an environment (a worker's above all). Node keeps a hook for each external ArrayBuffer and, when the
 * environment ends, detaches that ArrayBuffer and runs its finalizer. On Node 24 and later worker_threads.markAsUntransferable
 * gives an ArrayBuffer a detach key, the hook does not know the key, and the process aborts. So where the engine has
 * ArrayBuffer.prototype.transfer the memory is moved at once into a second ArrayBuffer: the hook then finds the first one
 * detached already, and the second may be marked. Node 20 has neither transfer nor detach keys.
 *
 * Threads: the environment's own; the finalizer touches nothing but its Pin, because it may run when the environment is
 * half gone.
 */
#ifndef HAKMEM_BINDING_SLAB_MEMORY_H
#define HAKMEM_BINDING_SLAB_MEMORY_H

#include <node_api.h>

#include <cstddef>

namespace hakmem {

class Environment;

/**
 * Tries external ArrayBuffers once, at load, and finds out whether `transfer` moves them.
 * @return false, with ERR_HAKMEM_NO_EXTERNAL_BUFFERS pending, where this runtime refuses them.
 */
bool probe_external_memory(napi_env env, Environment *environment);

/** @return an ArrayBuffer over the `size` bytes from `start`, which the caller holds; NULL with an exception pending. */
napi_value wrap_memory(napi_env env, const Environment *environment, void *start, size_t size);

}  // namespace hakmem
#endif
