#include "environment.h"

#include <new>

#include "arguments.h"

namespace hakmem {

Environment *Environment::install(napi_env env) {
  auto *self = new (std::nothrow) Environment();
  if (self == nullptr) {
    throw_error(env, Failure::error, "ERR_HAKMEM_OUT_OF_MEMORY", "No memory for the state of this thread");
    return nullptr;
  }
  if (napi_set_instance_data(env, self, finalize, nullptr) != napi_ok) {
    delete self;
    throw_error(env, Failure::error, "ERR_HAKMEM_BACKEND", "Could not attach the state of this thread");
    return nullptr;
  }
  /* Where the hook cannot be had, finalize() does the same a little later. */
  napi_add_env_cleanup_hook(env, cleanup, self);
  return self;
}

Environment *Environment::of(napi_env env) {
  void *self = nullptr;
  napi_get_instance_data(env, &self);
  return static_cast<Environment *>(self);
}

void Environment::add(LiveHeap *live, hak_heap_t *heap) {
  live->heap = heap;
  live->environment = this;
  live->previous = nullptr;
  live->next = first_;
  if (first_ != nullptr) first_->previous = live;
  first_ = live;
  handover_enter(live);
}

void Environment::end(LiveHeap *live, bool destroyed) {
  if (live->heap == nullptr) return;
  LiveHeap *&from = live->previous != nullptr ? live->previous->next : live->environment->first_;
  from = live->next;
  if (live->next != nullptr) live->next->previous = live->previous;
  handover_end(live, destroyed);
  *live = LiveHeap();
}

void Environment::end_all() {
  while (first_ != nullptr) end(first_, false);
}

void Environment::collect() {
  if (first_ != nullptr) handover_sweep(first_);
  for (LiveHeap *live = first_; live != nullptr; live = live->next) hak_heap_collect(live->heap);
}

/* JavaScript has stopped in this environment; Node has already detached or forgotten its ArrayBuffers, or will only free them. */
void Environment::cleanup(void *self) {
  static_cast<Environment *>(self)->end_all();
}

/* Runs after the cleanup hook. NativeHeap objects finalized still later find their LiveHeap empty. */
void Environment::finalize(napi_env env, void *data, void *) {
  auto *self = static_cast<Environment *>(data);
  self->end_all();
  if (self->heap_constructor != nullptr) napi_delete_reference(env, self->heap_constructor);
  if (self->transfer != nullptr) napi_delete_reference(env, self->transfer);
  delete self;
}

}  // namespace hakmem
