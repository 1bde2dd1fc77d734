/*
 * L0 assert: what stops the process. HAK_ASSERT holds in the checked build only; hak_fatal is for misuse
 * by the caller that cannot be reported otherwise (free of a pointer that is no block), in every build.
 */
#ifndef HAK_ASSERT_H
#define HAK_ASSERT_H

#include "config.h"

/* Prints "hakmem: <what> (<pointer>)" to standard error without allocating, then aborts. */
_Noreturn void hak_fatal(const char *what, const void *pointer);

#if HAK_CHECKED
#define HAK_ASSERT(condition) \
  ((condition) ? (void)0 : hak_fatal("broken invariant: " #condition " in " __FILE__, (const void *)0))
#else
#define HAK_ASSERT(condition) ((void)0)
#endif

#endif
