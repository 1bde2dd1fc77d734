/*
 * The environment: what the addon keeps for each JavaScript thread (main thread, worker, or a second load).
 *
 *     Environment -> LiveHeap <-> LiveHeap <-> ...     one for each NativeHeap object that has not been destroyed
 *
 * Idea: JavaScript objects die when the garbage collector says so, and at the end of a worker perhaps never. So the heaps
 * are listed here, and a cleanup hook destroys them when their environment dies, however it dies.
 *
 * Invariants: a LiveHeap is listed exactly while its `heap` is not NULL; its `environment` outlives it or is NULL.
 * Threads: everything here runs on the environment's own thread.
 */
#ifndef HAKMEM_BINDING_ENVIRONMENT_H
#define HAKMEM_BINDING_ENVIRONMENT_H

#include <node_api.h>

#include "hakmem.h"

namespace hakmem {

class Environment;

/** A heap that lives, as its environment lists it. Part of the NativeHeap object. */
struct LiveHeap {
  hak_heap_t *heap = nullptr;
  Environment *environment = nullptr;
  LiveHeap *previous = nullptr;
  LiveHeap *next = nullptr;
};

class Environment {
 public:
  /** Makes the state of `env`. @return NULL, with an exception pending, where that failed. */
  static Environment *install(napi_env env);

  /** @return the state that install() made. */
  static Environment *of(napi_env env);

  /** Starts to own `heap`. */
  void add(LiveHeap *live, hak_heap_t *heap);

  /** Destroys the heap and forgets it; nothing happens if that was done before. */
  static void destroy(LiveHeap *live);

  /** The constructor of NativeHeap, and ArrayBuffer.prototype.transfer or NULL (see slab_memory.h). */
  napi_ref heap_constructor = nullptr;
  napi_ref transfer = nullptr;

 private:
  Environment() = default;
  ~Environment() = default;
  void destroy_all();
  static void cleanup(void *self);
  static void finalize(napi_env env, void *self, void *hint);

  LiveHeap *first_ = nullptr;
};

}  // namespace hakmem
#endif
