/*
 * The Node addon: the core's heaps for JavaScript. Exports createHeap(), stats(), trim() and `version`; who calls them is
 * lib/backend/native.ts.
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
  exports.Set("version", version(env));
  return exports;
}

}  // namespace
}  // namespace hakmem

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  return hakmem::init(env, exports);
}

NODE_API_MODULE(NODE_GYP_MODULE_NAME, init)
