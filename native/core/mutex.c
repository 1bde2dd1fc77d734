/* L1 mutex: see mutex.h. */
#include "mutex.h"

#include "os.h"

enum { OPEN, LOCKED, AWAITED, FORKING };

enum { YIELDS = 8 }; /* what is done under a lock seldom takes longer */

static _Thread_local bool forking;

/* Acquire, here and below: pairs with the releases in hak_mutex_unlock and hak_mutex_unlock_after_fork. */
static bool change(hak_mutex_t *mutex, uint32_t from, uint32_t to) {
  return hak_cas_acquire(&mutex->state, &from, to);
}

/* ---- locking ---- */

static bool gets_by(hak_mutex_t *mutex) {
  return forking && hak_load_relaxed(&mutex->state) == FORKING;
}

bool hak_mutex_try_lock(hak_mutex_t *mutex) {
  return HAK_LIKELY(change(mutex, OPEN, LOCKED)) || gets_by(mutex);
}

/* Says that somebody sleeps, where it is merely locked, and sleeps. */
static void sleep_on(hak_mutex_t *mutex) {
  change(mutex, LOCKED, AWAITED);
  uint32_t state = hak_load_relaxed(&mutex->state);
  if (state != OPEN && state != LOCKED) hak_os_wait(&mutex->state, state);
}

/* Whoever has slept cannot know whether he was the last. */
static HAK_NOINLINE void wait(hak_mutex_t *mutex) {
  for (unsigned turn = 0; turn < YIELDS; turn++) {
    if (hak_mutex_try_lock(mutex)) return;
    hak_os_yield(turn);
  }
  while (!change(mutex, OPEN, AWAITED)) sleep_on(mutex);
}

void hak_mutex_lock(hak_mutex_t *mutex) {
  if (HAK_UNLIKELY(!hak_mutex_try_lock(mutex))) wait(mutex);
}

/* Relaxed at first: whether it is locked through a fork only its holder can change. */
void hak_mutex_unlock(hak_mutex_t *mutex) {
  if (HAK_UNLIKELY(hak_load_relaxed(&mutex->state) == FORKING)) return;
  if (HAK_UNLIKELY(hak_exchange_release(&mutex->state, OPEN) == AWAITED)) hak_os_wake(&mutex->state, false);
}

/* ---- around a fork ---- */

void hak_mutex_lock_through_fork(hak_mutex_t *mutex) {
  hak_mutex_lock(mutex);
  hak_store_relaxed(&mutex->state, FORKING); /* its holder alone reads more into it than that it is locked */
}

/* One that came into being meanwhile may be another thread's. */
void hak_mutex_unlock_after_fork(hak_mutex_t *mutex) {
  if (hak_load_relaxed(&mutex->state) != FORKING) return;
  hak_store_release(&mutex->state, OPEN); /* pairs with the acquires of whoever locks it next */
  hak_os_wake(&mutex->state, true);
}

void hak_mutex_set_forking(bool now) {
  forking = now;
}

bool hak_mutex_is_forking(void) {
  return forking;
}
