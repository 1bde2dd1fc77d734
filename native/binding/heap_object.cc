#include "heap_object.h"

#include <cstdlib>

#include "arguments.h"
#include "block_number.h"
#include "slab_memory.h"
#include "stats_object.h"

namespace hakmem {
namespace {

/* Room for the addresses of one batch: on the stack for the usual ones. The core counts a batch as one operation,
 * so a batch is never cut in pieces. */
class Addresses {
 public:
  explicit Addresses(size_t count) {
    if (count > kInline) data_ = static_cast<void **>(malloc(count * sizeof *data_));
  }
  ~Addresses() {
    if (data_ != inline_) free(data_);
  }
  Addresses(const Addresses &) = delete;
  Addresses &operator=(const Addresses &) = delete;

  /** NULL if there was no memory. */
  void **data() { return data_; }

 private:
  static constexpr size_t kInline = 512;
  void *inline_[kInline];
  void **data_ = inline_;
};

Napi::Value number(napi_env env, size_t value) {
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(value), &result);
  return Napi::Value(env, result);
}

/* @return whether `block` names a block's place; else an exception is pending. */
bool describe(napi_env env, double block, void **address, hak_block_info_t *info) {
  *address = SlabCursor().block_of(block);
  if (*address != nullptr && hak_describe(*address, info)) return true;
  throw_not_owned(env, block);
  return false;
}

}  // namespace

bool NativeHeap::define(napi_env env, Environment *environment) {
  const Napi::Function constructor = DefineClass(env, "NativeHeap",
                                                 {
                                                     InstanceMethod<&NativeHeap::refill>("refill"),
                                                     InstanceMethod<&NativeHeap::flush>("flush"),
                                                     InstanceMethod<&NativeHeap::memory>("memory"),
                                                     InstanceMethod<&NativeHeap::place>("place"),
                                                     InstanceMethod<&NativeHeap::stats>("stats"),
                                                     InstanceMethod<&NativeHeap::picture>("picture"),
                                                     InstanceMethod<&NativeHeap::trim>("trim"),
                                                     InstanceMethod<&NativeHeap::destroy>("destroy"),
                                                 });
  if (constructor.IsEmpty()) return false;
  return napi_create_reference(env, constructor, 1, &environment->heap_constructor) == napi_ok;
}

NativeHeap::NativeHeap(const Napi::CallbackInfo &info) : Napi::ObjectWrap<NativeHeap>(info) {
  Environment *environment = Environment::of(info.Env());
  hak_heap_t *heap = hak_heap_new();
  if (heap == nullptr) {
    throw_out_of_memory(info.Env(), "a heap");
    return;
  }
  environment->add(&live_, heap);
}

NativeHeap::~NativeHeap() {
  Environment::destroy(&live_);
}

bool NativeHeap::alive(napi_env env) const {
  if (live_.heap != nullptr) return true;
  throw_error(env, Failure::error, "ERR_HAKMEM_DESTROYED", "The heap was destroyed");
  return false;
}

Napi::Value NativeHeap::refill(const Napi::CallbackInfo &info) {
  const napi_env env = info.Env();
  uint64_t size = 0;
  Numbers blocks;
  size_t count = 0;
  if (!alive(env) || !read_integer(env, info[0], "sizeBytes", kMaxSafeInteger, &size) ||
      !read_batch(env, info[2], info[1], &blocks, &count)) {
    return {};
  }
  Addresses addresses(count);
  if (addresses.data() == nullptr) {
    throw_out_of_memory(env, "a batch of blocks");
    return {};
  }
  const size_t taken = hak_heap_malloc_batch(live_.heap, static_cast<size_t>(size), count, addresses.data());
  SlabCursor cursor;
  for (size_t i = 0; i < taken; i++) blocks.data[i] = cursor.number_of(addresses.data()[i]);
  return number(env, taken);
}

Napi::Value NativeHeap::flush(const Napi::CallbackInfo &info) {
  const napi_env env = info.Env();
  Numbers blocks;
  size_t count = 0;
  if (!alive(env) || !read_batch(env, info[0], info[1], &blocks, &count)) return {};
  Addresses addresses(count);
  if (addresses.data() == nullptr) {
    throw_out_of_memory(env, "a batch of blocks");
    return {};
  }
  SlabCursor cursor;
  size_t named = 0;
  for (size_t i = 0; i < count; i++) {
    void *block = cursor.block_of(blocks.data[i]);
    if (block != nullptr) addresses.data()[named++] = block;
  }
  return number(env, hak_heap_free_batch(live_.heap, addresses.data(), named));
}

Napi::Value NativeHeap::memory(const Napi::CallbackInfo &info) {
  const napi_env env = info.Env();
  double block = 0;
  bool whole = false;
  void *address = nullptr;
  hak_block_info_t place;
  if (!alive(env) || !read_block(env, info[0], &block) || !read_boolean(env, info[1], "whole", &whole) ||
      !describe(env, block, &address, &place)) {
    return {};
  }
  void *start = whole ? place.slab : address;
  return Napi::Value(env, wrap_memory(env, live_.environment, start, whole ? place.slab_size : place.block_size));
}

Napi::Value NativeHeap::place(const Napi::CallbackInfo &info) {
  const napi_env env = info.Env();
  double block = 0;
  void *address = nullptr;
  hak_block_info_t place;
  if (!alive(env) || !read_block(env, info[0], &block) || !describe(env, block, &address, &place)) return {};
  return Napi::Value(env, place_object(env, place));
}

Napi::Value NativeHeap::stats(const Napi::CallbackInfo &info) {
  if (!alive(info.Env())) return {};
  hak_stats_t stats;
  hak_heap_stats_get(live_.heap, &stats);
  return Napi::Value(info.Env(), stats_object(info.Env(), stats));
}

Napi::Value NativeHeap::picture(const Napi::CallbackInfo &info) {
  if (!alive(info.Env())) return {};
  return Napi::Value(info.Env(), picture_object(info.Env(), live_.heap));
}

Napi::Value NativeHeap::trim(const Napi::CallbackInfo &info) {
  if (!alive(info.Env())) return {};
  return number(info.Env(), hak_heap_trim(live_.heap));
}

void NativeHeap::destroy(const Napi::CallbackInfo &) {
  Environment::destroy(&live_);
}

}  // namespace hakmem
