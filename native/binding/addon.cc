/*
 * The Node addon: the core's heaps for JavaScript. Exports createHeap(), stats(), trim(), bytesToAlignment() and `version`; who calls
 * them is lib/backend/native.ts.
 *
 *     addon.cc -> heap_object -> block_number, slab_memory, stats_object -> environment -> handover -> token
 *                                                                       arguments
 *
 * C++ exceptions are off: whatever fails becomes a JavaScript exception or a smaller count, and nothing aborts.
 * Threads: loaded once for each environment that asks; all state is the Environment's. The library itself is never
 * unloaded (linked with -z nodelete), because pins and threads outlive the worker that loaded it first.
 */
#include <napi.h>

#include <cstdio>

#include "arguments.h"
#include "environment.h"
#include "heap_object.h"
#include "slab_memory.h"
#include "stats_object.h"

namespace hakmem {
namespace {

Napi::Value create_heap(const Napi::CallbackInfo &info) {
  const napi_env env = info.Env();
  napi_value constructor = nullptr;
  napi_value heap = nullptr;
  napi_get_reference_value(env, Environment::of(env)->heap_constructor, &constructor);
  if (constructor != nullptr) napi_new_instance(env, constructor, 0, nullptr, &heap);
  return Napi::Value(env, heap);
}

Napi::Value stats(const Napi::CallbackInfo &info) {
  Environment::of(info.Env())->collect();
  hak_stats_t stats;
  hak_stats_get(&stats);
  return Napi::Value(info.Env(), stats_object(info.Env(), stats));
}

Napi::Value trim(const Napi::CallbackInfo &info) {
  napi_value result = nullptr;
  napi_create_double(info.Env(), static_cast<double>(hak_trim()), &result);
  return Napi::Value(info.Env(), result);
}

/* bytesToAlignment(memory, alignment): bytes from the start of an ArrayBuffer to the next multiple of a power of two. */
Napi::Value bytes_to_alignment(const Napi::CallbackInfo &info) {
  napi_env env = info.Env();
  void *start = nullptr;
  uint64_t alignment = 0;
  if (!read_memory(env, info[0], "memory", &start) ||
      !read_integer(env, info[1], "alignment", kMaxSafeInteger, &alignment)) {
    return Napi::Value();
  }
  const uint64_t bytes = alignment == 0 ? 0 : -reinterpret_cast<uint64_t>(start) & (alignment - 1);
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(bytes), &result);
  return Napi::Value(env, result);
}

Napi::Value version(napi_env env) {
  const int number = hak_version();
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", number / 10000, number / 100 % 100, number % 100);
  return Napi::String::New(env, text);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  Environment *environment = Environment::install(env);
  if (environment == nullptr || !probe_external_memory(env, environment) || !NativeHeap::define(env, environment)) {
    return exports;
  }
  exports.Set("createHeap", Napi::Function::New<create_heap>(env, "createHeap"));
  exports.Set("stats", Napi::Function::New<stats>(env, "stats"));
  exports.Set("trim", Napi::Function::New<trim>(env, "trim"));
  exports.Set("bytesToAlignment", Napi::Function::New<bytes_to_alignment>(env, "bytesToAlignment"));
  exports.Set("version", version(env));
  return exports;
}

}  // namespace
}  // namespace hakmem

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  return hakmem::init(env, exports);
}

NODE_API_MODULE(NODE_GYP_MODULE_NAME, init)
