#include "slab_memory.h"

#include <atomic>
#include <new>

#include "arguments.h"
#include "environment.h"
#include "hakmem.h"

namespace hakmem {
namespace {

/*
 * A pin on its way to its finalizer. Where napi_create_external_arraybuffer fails, Node has called the finalizer, will call
 * it, or never will, as its version pleases. So whoever comes first takes the pin out, and only a finalizer deletes the Pin.
 */
struct Pin {
  explicit Pin(void *taken) : pin(taken) {}
  std::atomic<void *> pin;
};

void release(Pin *self) {
  void *pin = self->pin.exchange(nullptr, std::memory_order_acq_rel); /* pairs with itself: one of two callers gets it */
  if (pin != nullptr) hak_unpin(pin);
}

void finalize(napi_env, void *, void *hint) {
  auto *self = static_cast<Pin *>(hint);
  release(self);
  delete self;
}

void throw_refused(napi_env env) {
  throw_error(env, Failure::error, "ERR_HAKMEM_NO_EXTERNAL_BUFFERS", "This runtime does not allow external ArrayBuffers");
}

/* Moves the memory of `source` into a new ArrayBuffer. */
napi_status move_memory(napi_env env, napi_value source, napi_value transfer, napi_value *result) {
  return napi_call_function(env, source, transfer, 0, nullptr, result);
}

/* @return ArrayBuffer.prototype.transfer, or NULL where there is none. */
napi_value find_transfer(napi_env env) {
  napi_value global, constructor, prototype, transfer;
  napi_valuetype type = napi_undefined;
  if (napi_get_global(env, &global) != napi_ok ||
      napi_get_named_property(env, global, "ArrayBuffer", &constructor) != napi_ok ||
      napi_get_named_property(env, constructor, "prototype", &prototype) != napi_ok ||
      napi_get_named_property(env, prototype, "transfer", &transfer) != napi_ok ||
      napi_typeof(env, transfer, &type) != napi_ok || type != napi_function) {
    return nullptr;
  }
  return transfer;
}

/* Whether `moved` lies where the first ArrayBuffer lay. An engine that copies is of no use. */
bool lies_at(napi_env env, napi_value moved, const void *start) {
  void *data = nullptr;
  size_t size = 0;
  return napi_get_arraybuffer_info(env, moved, &data, &size) == napi_ok && data == start;
}

void forget(napi_env, void *, void *) {}

}  // namespace

bool probe_external_memory(napi_env env, Environment *environment) {
  static char probe[16];
  napi_value first, moved;
  const napi_status status = napi_create_external_arraybuffer(env, probe, sizeof probe, forget, nullptr, &first);
  if (status != napi_ok) {
    throw_refused(env);
    return false;
  }
  napi_value transfer = find_transfer(env);
  if (transfer != nullptr && move_memory(env, first, transfer, &moved) == napi_ok && lies_at(env, moved, probe)) {
    napi_create_reference(env, transfer, 1, &environment->transfer);
  }
  return true;
}

napi_value wrap_memory(napi_env env, const Environment *environment, void *start, size_t size) {
  void *pin = hak_pin(start);
  Pin *hint = pin != nullptr ? new (std::nothrow) Pin(pin) : nullptr;
  if (hint == nullptr) {
    if (pin != nullptr) hak_unpin(pin);
    throw_out_of_memory(env, "an ArrayBuffer");
    return nullptr;
  }
  napi_value first = nullptr;
  const napi_status status = napi_create_external_arraybuffer(env, start, size, finalize, hint, &first);
  if (status != napi_ok) {
    release(hint);
    if (status == napi_no_external_buffers_allowed) throw_refused(env);
    throw_out_of_memory(env, "an ArrayBuffer"); /* unless Node has thrown its own error */
    return nullptr;
  }
  if (environment->transfer == nullptr) return first;
  napi_value transfer = nullptr;
  napi_value moved = nullptr;
  if (napi_get_reference_value(env, environment->transfer, &transfer) != napi_ok ||
      move_memory(env, first, transfer, &moved) != napi_ok) {
    throw_out_of_memory(env, "an ArrayBuffer");
    return nullptr;
  }
  return moved;
}

}  // namespace hakmem
