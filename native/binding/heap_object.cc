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

Napi::Value boolean(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return Napi::Value(env, result);
}

/* @return whether `value` is the number of a block's place; else an exception is pending. */
bool describe(napi_env env, napi_value value, void **address, hak_block_info_t *info) {
  double block = 0;
  if (!read_block(env, value, &block)) return false;
  *address = SlabCursor().block_of(block);
  if (*address != nullptr && hak_describe(*address, info)) return true;
  throw_not_owned(env, block);
  return false;
}

void throw_refusal(napi_env env, Handover outcome) {
  switch (outcome) {
    case Handover::no_memory: throw_out_of_memory(env, "sharing a Buffer"); break;
    case Handover::moved:
      throw_error(env, Failure::error, "ERR_HAKMEM_MOVED", "This handle was adopted before; a handle is good for one adopt");
      break;
    case Handover::destroyed:
      throw_error(env, Failure::error, "ERR_HAKMEM_DESTROYED",
                  "The pool that shared this Buffer was destroyed, and what it had shared went back (or was adopted before)");
      break;
    default:
      throw_error(env, Failure::error, "ERR_HAKMEM_NOT_OWNED", "The heap does not hold this block");
      break;
  }
}

}  // namespace

bool NativeHeap::define(napi_env env, Environment *environment) {
  const Napi::Function constructor = DefineClass(env, "NativeHeap",
                                                 {
                                                     InstanceMethod<&NativeHeap::refill>("refill"),
                                                     InstanceMethod<&NativeHeap::flush>("flush"),
                                                     InstanceMethod<&NativeHeap::memory>("memory"),
                                                     InstanceMethod<&NativeHeap::clear_fresh>("clearFresh"),
                                                     InstanceMethod<&NativeHeap::move>("move"),
                                                     InstanceMethod<&NativeHeap::place>("place"),
                                                     InstanceMethod<&NativeHeap::share>("share"),
                                                     InstanceMethod<&NativeHeap::adopt>("adopt"),
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
  Environment::end(&live_, false);
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
  /* The heap's own from the front, those of others from the back. */
  SlabCursor cursor;
  size_t own = 0;
  size_t others = 0;
  for (size_t i = 0; i < count; i++) {
    void *block = cursor.block_of(blocks.data[i]);
    if (block == nullptr) continue;
    addresses.data()[cursor.owner() == live_.heap ? own++ : count - ++others] = block;
  }
  size_t accepted = hak_heap_free_batch(live_.heap, addresses.data(), own);
  if (others != 0) accepted += handover_give(&live_, addresses.data() + (count - others), others);
  return number(env, accepted);
}

Napi::Value NativeHeap::memory(const Napi::CallbackInfo &info) {
  const napi_env env = info.Env();
  bool whole = false;
  void *address = nullptr;
  hak_block_info_t place;
  if (!alive(env) || !describe(env, info[0], &address, &place) || !read_boolean(env, info[1], "whole", &whole)) return {};
  void *start = whole ? place.slab : address;
  return Napi::Value(env, wrap_memory(env, live_.environment, start, whole ? place.slab_size : place.block_size));
}

Napi::Value NativeHeap::clear_fresh(const Napi::CallbackInfo &info) {
  const napi_env env = info.Env();
  void *address = nullptr;
  hak_block_info_t place;
  if (!alive(env) || !describe(env, info[0], &address, &place)) return {};
  return boolean(env, hak_clear_fresh(address));
}

Napi::Value NativeHeap::move(const Napi::CallbackInfo &info) {
  const napi_env env = info.Env();
  void *from = nullptr;
  void *to = nullptr;
  hak_block_info_t place;
  uint64_t length = 0;
  if (!alive(env) || !describe(env, info[0], &from, &place) || !describe(env, info[1], &to, &place) ||
      !read_integer(env, info[2], "lengthBytes", kMaxSafeInteger, &length)) {
    return {};
  }
  return boolean(env, hak_move(from, to, static_cast<size_t>(length)));
}

Napi::Value NativeHeap::place(const Napi::CallbackInfo &info) {
  const napi_env env = info.Env();
  void *address = nullptr;
  hak_block_info_t place;
  if (!alive(env) || !describe(env, info[0], &address, &place)) return {};
  return Napi::Value(env, place_object(env, place));
}

Napi::Value NativeHeap::share(const Napi::CallbackInfo &info) {
  const napi_env env = info.Env();
  hak_block_info_t place;
  Parcel parcel;
  Token token;
  uint64_t length = 0;
  const bool again = info.Length() > 3;
  if (!alive(env) || !describe(env, info[0], &parcel.block, &place) ||
      !read_integer(env, info[1], "lengthBytes", static_cast<double>(place.block_size), &length) ||
      !read_integer(env, info[2], "graceMs", kMaxSafeInteger, &parcel.grace_ms) ||
      (again && !read_token(env, info[3], &token))) {
    return {};
  }
  parcel.block_size = place.block_size;
  parcel.length = static_cast<size_t>(length);
  const Handover outcome = handover_share(&live_, parcel, again, &token);
  if (outcome != Handover::done) {
    throw_refusal(env, outcome);
    return {};
  }
  char text[kTokenLength];
  write_token(token, text);
  napi_value result = nullptr;
  napi_create_string_latin1(env, text, kTokenLength, &result);
  return Napi::Value(env, result);
}

Napi::Value NativeHeap::adopt(const Napi::CallbackInfo &info) {
  const napi_env env = info.Env();
  Token token;
  double room = 0;
  Numbers result;
  if (!alive(env) || !read_token(env, info[0], &token) || !read_number(env, info[1], "roomBytes", &room) ||
      !read_numbers(env, info[2], 3, "parcel", &result)) {
    return {};
  }
  Parcel parcel;
  const Handover outcome = handover_adopt(&live_, token, room, &parcel);
  if (outcome != Handover::done && outcome != Handover::no_room) {
    throw_refusal(env, outcome);
    return {};
  }
  const bool done = outcome == Handover::done;
  result.data[0] = done ? SlabCursor().number_of(parcel.block) : -1;
  result.data[1] = static_cast<double>(parcel.length);
  result.data[2] = static_cast<double>(parcel.block_size);
  return boolean(env, done);
}

Napi::Value NativeHeap::stats(const Napi::CallbackInfo &info) {
  if (!alive(info.Env())) return {};
  hak_stats_t stats;
  handover_sweep(&live_);
  hak_heap_collect(live_.heap);
  hak_heap_stats_get(live_.heap, &stats);
  handover_correct(&live_, &stats);
  return Napi::Value(info.Env(), stats_object(info.Env(), stats));
}

Napi::Value NativeHeap::picture(const Napi::CallbackInfo &info) {
  if (!alive(info.Env())) return {};
  return Napi::Value(info.Env(), picture_object(info.Env(), live_.heap));
}

Napi::Value NativeHeap::trim(const Napi::CallbackInfo &info) {
  if (!alive(info.Env())) return {};
  handover_sweep(&live_);
  return number(info.Env(), hak_heap_trim(live_.heap));
}

void NativeHeap::destroy(const Napi::CallbackInfo &) {
  Environment::end(&live_, true);
}

}  // namespace hakmem
