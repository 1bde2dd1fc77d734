/*
 * The environment: what the addon keeps for each JavaScript thread (main thread, worker, or a second load).
 *
 *     Environment -> LiveHeap <-> LiveHeap <-> ...     one for each NativeHeap object that has not been destroyed
 *
 * Idea: JavaScript objects die when the garbage collector says so, and at the end of a worker perhaps never. So the heaps
 * are listed here, and a cleanup hook destroys them when their environment dies, however it dies.
 *
 * Invariants: a LiveHeap is listed exactly while its `heap` is not NULL; its `environment` outlives it or is NULL.
 * Threads: everything here runs on the environment's own thread; `hands` other threads see too, under their lock.
 */
#ifndef HAKMEM_BINDING_ENVIRONMENT_H
#define HAKMEM_BINDING_ENVIRONMENT_H

#include <node_api.h>

#include "hakmem.h"
#include "handover.h"

namespace hakmem {

class Environment;

/** A heap that lives, as its environment lists it. Part of the NativeHeap object. */
struct LiveHeap {
  hak_heap_t *heap = nullptr;
  Environment *environment = nullptr;
  LiveHeap *previous = nullptr;
  LiveHeap *next = nullptr;
  Party hands; /**< its part in hand-overs */
};

class Environment {
 public:
  /** Makes the state of `env`. @return NULL, with an exception pending, where that failed. */
  static Environment *install(napi_env env);

  /** @return the state that install() made. */
  static Environment *of(napi_env env);

  /** Starts to own `heap`. */
  void add(LiveHeap *live, hak_heap_t *heap);

  /**
   * Ends the heap and forgets it; nothing happens if that was done before.
   * @param destroyed on purpose: then what it has in flight goes too (see handover.h).
   */
  static void end(LiveHeap *live, bool destroyed);

  /** Takes over what others freed, so that the numbers of this thread's heaps are exact. */
  void collect();

  /** The constructor of NativeHeap, and ArrayBuffer.prototype.transfer or NULL (see slab_memory.h). */
  napi_ref heap_constructor = nullptr;
  napi_ref transfer = nullptr;

 private:
  Environment() = default;
  ~Environment() = default;
  void end_all();
  static void cleanup(void *self);
  static void finalize(napi_env env, void *self, void *hint);

  LiveHeap *first_ = nullptr;
};

}  // namespace hakmem
#endif
