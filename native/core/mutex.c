/* L1 mutex: see mutex.h. */
#include "mutex.h"

#include "os.h"

enum { YIELDS = 8 }; /* what is done under a lock seldom takes longer */

static _Thread_local bool forking;

void hak_mutex_set_forking(bool now) {
  forking = now;
}

bool hak_mutex_gets_by(hak_mutex_t *mutex) {
  return forking && hak_load_relaxed(&mutex->state) == HAK_MUTEX_FORKING;
}

/* Says that somebody sleeps, where it is merely locked, and sleeps. */
static void sleep_on(hak_mutex_t *mutex) {
  uint32_t state = HAK_MUTEX_LOCKED;
  if (hak_cas_acquire(&mutex->state, &state, HAK_MUTEX_AWAITED)) state = HAK_MUTEX_AWAITED;
  if (state != HAK_MUTEX_OPEN) hak_os_wait(&mutex->state, state);
}

/* Whoever has slept cannot know whether he was the last. */
static bool try_lock_for_all(hak_mutex_t *mutex) {
  uint32_t open = HAK_MUTEX_OPEN;
  return hak_cas_acquire(&mutex->state, &open, HAK_MUTEX_AWAITED);
}

void hak_mutex_wait(hak_mutex_t *mutex) {
  for (unsigned turn = 0; turn < YIELDS; turn++) {
    if (hak_mutex_try_lock(mutex)) return;
    hak_os_yield(turn);
  }
  while (!try_lock_for_all(mutex)) sleep_on(mutex);
}

void hak_mutex_wake(hak_mutex_t *mutex) {
  hak_os_wake(&mutex->state, false);
}

void hak_mutex_lock_through_fork(hak_mutex_t *mutex) {
  hak_mutex_lock(mutex);
  hak_store_relaxed(&mutex->state, HAK_MUTEX_FORKING); /* its holder alone reads more into it than that it is locked */
}

void hak_mutex_unlock_after_fork(hak_mutex_t *mutex) {
  hak_store_release(&mutex->state, HAK_MUTEX_OPEN); /* pairs with the acquires of whoever locks it next */
  hak_os_wake(&mutex->state, true);
}
