/*
 * L0 atomic: C11 atomics with the memory order in the name, and counters that one thread writes and any may read.
 */
#ifndef HAK_ATOMIC_H
#define HAK_ATOMIC_H

#include <stdatomic.h>

#include "config.h"

#define hak_load_relaxed(p) atomic_load_explicit((p), memory_order_relaxed)
#define hak_load_acquire(p) atomic_load_explicit((p), memory_order_acquire)
#define hak_store_relaxed(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define hak_store_release(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define hak_exchange_acquire(p, v) atomic_exchange_explicit((p), (v), memory_order_acquire)
#define hak_exchange_release(p, v) atomic_exchange_explicit((p), (v), memory_order_release)
#define hak_exchange_acq_rel(p, v) atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define hak_fetch_add_relaxed(p, v) atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define hak_fetch_sub_relaxed(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_relaxed)
#define hak_fetch_sub_release(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_release)
#define hak_fetch_sub_acq_rel(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_acq_rel)
#define hak_fetch_or_release(p, v) atomic_fetch_or_explicit((p), (v), memory_order_release)
#define hak_fetch_or_acq_rel(p, v) atomic_fetch_or_explicit((p), (v), memory_order_acq_rel)
/* For two threads that each write one place and then read the other's: one of them sees what the other wrote. */
#define hak_load_seq_cst(p) atomic_load_explicit((p), memory_order_seq_cst)
#define hak_store_seq_cst(p, v) atomic_store_explicit((p), (v), memory_order_seq_cst)
#define hak_fetch_add_seq_cst(p, v) atomic_fetch_add_explicit((p), (v), memory_order_seq_cst)
#define hak_cas_release(p, expected, v) \
  atomic_compare_exchange_weak_explicit((p), (expected), (v), memory_order_release, memory_order_relaxed)
#define hak_cas_acquire(p, expected, v) \
  atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acquire, memory_order_relaxed)
#define hak_cas_relaxed(p, expected, v) \
  atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_relaxed, memory_order_relaxed)

/* A counter: written by one thread at a time, read by any; a plain load and store, never a locked instruction. */
typedef _Atomic uint64_t hak_counter_t;

/* The load, the addition and the store in one instruction where there is one: the compiler does not make it of two atomic accesses. */
HAK_INLINE void hak_counter_add(hak_counter_t *counter, uint64_t amount) {
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
  __asm__("addq %1, %0" : "+m"(*(uint64_t *)counter) : "er"(amount) : "cc");
#else
  hak_store_relaxed(counter, hak_load_relaxed(counter) + amount);
#endif
}
HAK_INLINE void hak_counter_sub(hak_counter_t *counter, uint64_t amount) {
  hak_counter_add(counter, -amount); /* modulo 2^64 */
}
HAK_INLINE uint64_t hak_counter_get(hak_counter_t *counter) {
  return hak_load_relaxed(counter);
}

#endif
