/*
 * Heap object: the class NativeHeap, a hak_heap_t as the `Heap` of lib/backend/contract.ts (with sizes for size classes).
 *
 * Blocks travel as block numbers in a Float64Array, many in a call; see block_number.h.
 * Methods of a destroyed heap throw ERR_HAKMEM_DESTROYED; destroy() alone may be called again.
 * Life: destroyed by destroy(), by the garbage collector, or with its environment, whichever comes first.
 * Threads: the environment's own. V8 lets no other object pose as `this`.
 */
#ifndef HAKMEM_BINDING_HEAP_OBJECT_H
#define HAKMEM_BINDING_HEAP_OBJECT_H

#include <napi.h>

#include "environment.h"

namespace hakmem {

class NativeHeap : public Napi::ObjectWrap<NativeHeap> {
 public:
  /** Makes the class and leaves its constructor in `environment`. @return false with an exception pending. */
  static bool define(napi_env env, Environment *environment);

  explicit NativeHeap(const Napi::CallbackInfo &info);
  ~NativeHeap() override;
  NativeHeap(const NativeHeap &) = delete;
  NativeHeap &operator=(const NativeHeap &) = delete;

 private:
  /** refill(sizeBytes, count, blocks): takes blocks of at least `sizeBytes`. @return how many. */
  Napi::Value refill(const Napi::CallbackInfo &info);
  /** flush(blocks, count): gives blocks back. @return how many were live blocks. */
  Napi::Value flush(const Napi::CallbackInfo &info);
  /** memory(block, whole): a new ArrayBuffer over the block or its slab. */
  Napi::Value memory(const Napi::CallbackInfo &info);
  Napi::Value move(const Napi::CallbackInfo &info);
  Napi::Value clear_fresh(const Napi::CallbackInfo &info);
  /** place(block): where the block lies. */
  Napi::Value place(const Napi::CallbackInfo &info);
  /** share(block, lengthBytes, graceMs, token?): sends the block off. @return the token; `token` where it was given. */
  Napi::Value share(const Napi::CallbackInfo &info);
  /** adopt(token, roomBytes, parcel): fills `parcel` with block, length, block size. @return false: larger than `roomBytes`. */
  Napi::Value adopt(const Napi::CallbackInfo &info);
  Napi::Value stats(const Napi::CallbackInfo &info);
  Napi::Value picture(const Napi::CallbackInfo &info);
  Napi::Value trim(const Napi::CallbackInfo &info);
  void destroy(const Napi::CallbackInfo &info);

  /** @return whether the heap lives; else an exception is pending. */
  bool alive(napi_env env) const;

  LiveHeap live_;
};

}  // namespace hakmem
#endif
