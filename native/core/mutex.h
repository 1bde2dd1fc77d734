/*
 * L1 mutex: a lock of one word. Who finds it locked lets others run, and then sleeps in the system.
 *
 *     open -> locked -> locked, and somebody may sleep
 *     open -> locked through a fork                          its holder may lock it again: that comes to nothing
 *
 * Not the C library's, for two reasons. A thread that forks holds all locks meanwhile, and other handlers of the fork, which run after and
 * before ours, may allocate: it must get by its own locks; nobody is in the middle of anything then. And pthread_mutex_trylock makes a
 * table of the library resident, 64 KiB in a process of 2 MiB.
 * Threads: any.
 * Source: the second mutex of Drepper, Futexes Are Tricky (2011).
 */
#ifndef HAK_MUTEX_H
#define HAK_MUTEX_H

#include "atomic.h"

/* Zero bytes are an open one. */
typedef struct hak_mutex {
  _Atomic uint32_t state;
} hak_mutex_t;

bool hak_mutex_try_lock(hak_mutex_t *mutex);
void hak_mutex_lock(hak_mutex_t *mutex);
void hak_mutex_unlock(hak_mutex_t *mutex);

/* Before and after a fork: after it in the parent, and in the child, where nobody else waits. */
void hak_mutex_lock_through_fork(hak_mutex_t *mutex);
void hak_mutex_unlock_after_fork(hak_mutex_t *mutex);

/* Between the two the calling thread gets by what is locked through a fork. */
void hak_mutex_set_forking(bool now);
bool hak_mutex_is_forking(void);

#endif
