/*
 * L0 config: what the compiler is, and the limits that follow from the layout.
 * Only this layer and the OS layer may test the compiler or the OS.
 */
#ifndef HAK_CONFIG_H
#define HAK_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hakmem.h"

#if !defined(__GNUC__)
#error "hakmem's core needs GCC or Clang"
#endif
#if UINTPTR_MAX != UINT64_MAX
#error "hakmem's core needs 64-bit pointers"
#endif

/* 1: every structure checks itself on slow paths and misuse aborts with its name. 0: release. */
#ifndef HAK_CHECKED
#define HAK_CHECKED 0
#endif

#define HAK_LIKELY(x) __builtin_expect(!!(x), 1)
#define HAK_UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Has a pointer computed once and kept; else GCC computes the address of each member anew. */
#define HAK_KEEP(pointer) __asm__("" : "+r"(pointer))
#define HAK_NOINLINE __attribute__((noinline))
#define HAK_INLINE static inline __attribute__((always_inline))

#define HAK_KIB ((size_t)1 << 10)
#define HAK_MIB ((size_t)1 << 20)

/* log2 of HAK_UNIT_SIZE. */
#define HAK_UNIT_SHIFT 16

/* Chunks start at multiples of this, and are multiples of it unless they hold one huge block. */
#define HAK_CHUNK_ALIGNMENT (2 * HAK_MIB)

/* A slab has one bit a block and 16-byte blocks are the smallest, so a unit of them needs this many words. */
#define HAK_WORDS_PER_UNIT (HAK_UNIT_SIZE / HAK_MIN_ALIGNMENT / 64)

/* The largest request: beyond it no user-space address range can hold the block. */
#define HAK_MAX_SIZE ((size_t)1 << 46)

#define HAK_CACHE_LINE 64

/* Addresses between the live map's region and what the system maps at first, which it goes on mapping below. ThreadSanitizer knows
   none that far away. */
#if defined(__SANITIZE_THREAD__)
#define HAK_REGION_GAP ((size_t)0)
#else
#define HAK_REGION_GAP ((size_t)1 << 38)
#endif

_Static_assert(HAK_UNIT_SIZE == (size_t)1 << HAK_UNIT_SHIFT, "a unit is a power of two");
_Static_assert(HAK_WORDS_PER_UNIT == 64, "one summary word covers a slab's bitmap");

#endif
