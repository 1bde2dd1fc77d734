/* L5 thread: see thread.h. */
#include "thread.h"

#include <pthread.h>

#include "abandoned.h"
#include "heap_inside.h"
#include "heaps.h"
#include "meta.h"
#include "orphan.h"
#include "os.h"
#include "region.h"
#include "registry.h"
#include "spare.h"

hak_heap_t hak_nobody;
_Thread_local hak_heap_t *hak_thread_heap = &hak_nobody;
static _Thread_local bool ended; /* thread_ends has run; nobody says whether it will run again */

/* Frees of a thread that has not allocated yet. The C library does some at the end of each thread when nothing tells of the end any more. */
enum { FREES_ALONE_MOST = 64 };
static _Thread_local unsigned frees_alone;

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* its destructor tells of a thread's end */
static bool has_key;      /* without it nothing does: then heaps are borrowed for each call */

/* ---- life ---- */

static void leave(hak_heap_t *heap) {
  hak_cache_release(heap);
  hak_abandoned_add(heap);
}

static void thread_ends(void *argument) {
  hak_heap_t *heap = argument;
  hak_thread_heap = &hak_nobody; /* destructors that allocate later borrow */
  ended = true;
  leave(heap);
}

/* ---- around a fork ---- */

static void close_door(hak_heap_t *heap, void *unused) {
  (void)unused;
  hak_mutex_lock_through_fork(&heap->door);
}
static void open_door(hak_heap_t *heap, void *unused) {
  (void)unused;
  hak_mutex_unlock_after_fork(&heap->door);
}

/* The heaps that the child's thread has or may adopt. The list of abandoned ones is locked. */
static void each_of_the_child(void (*visit)(hak_heap_t *heap, void *unused)) {
  if (hak_thread_heap != &hak_nobody) visit(hak_thread_heap, NULL);
  hak_abandoned_each_locked(visit, NULL);
}

/* The child of a fork has one thread; locks and doors that others held would stay closed for ever. In the order of nesting. Where there is
   one thread already nobody else holds any, and it may itself, if it is in a signal's handler. */
static void before_fork(void) {
  if (hak_os_has_one_thread()) return;
  hak_spare_lock();
  hak_heaps_lock();
  hak_abandoned_lock();
  hak_orphan_lock();
  each_of_the_child(close_door);
  hak_heap_lock_shared();
  hak_region_lock();
  hak_registry_lock();
  hak_meta_lock();
  hak_mutex_set_forking(true);
}
static void after_fork(void) {
  if (!hak_mutex_is_forking()) return;
  hak_mutex_set_forking(false);
  hak_meta_unlock();
  hak_registry_unlock();
  hak_region_unlock();
  hak_heap_unlock_shared();
  each_of_the_child(open_door);
  hak_orphan_unlock();
  hak_abandoned_unlock();
  hak_heaps_unlock();
  hak_spare_unlock();
}

/* ---- what threads were freeing that did not come along ---- */

/* What is in a heap that a thread was inside of stays as it is: its door is closed for ever. */
static void push_marked(hak_heap_t *home, void *heap) {
  if (home == heap) {
    hak_heap_push_marked(heap, home);
  } else if (hak_heap_try_enter(home)) {
    hak_heap_push_marked(heap, home);
    hak_heap_leave(home);
  }
}

static void finish_frees(hak_heap_t *heap, void *unused) {
  (void)unused;
  if (hak_remote_has_no_freers(&heap->remote) || !hak_heap_try_enter(heap)) return;
  hak_heap_collect_inside(heap); /* first what was announced: then no slab is on the stack, and each can be pushed */
  hak_heaps_each(push_marked, heap);
  hak_heap_collect_inside(heap);
  hak_remote_forget_freers(&heap->remote);
  hak_heap_leave(heap);
}

static void after_fork_in_child(void) {
  if (hak_mutex_is_forking()) hak_heaps_each(finish_frees, NULL);
  after_fork();
}

/* At load, for handlers that are registered later take their locks before ours do: who holds one may be in need of one of ours. */
__attribute__((constructor)) static void handle_forks(void) {
  pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

/* ---- whose heap ---- */

static void make_key(void) {
  has_key = pthread_key_create(&key, thread_ends) == 0;
}

static hak_heap_t *make(void) {
  hak_heap_t *heap = hak_heap_create(false);
  if (heap != NULL) hak_heaps_enter(heap);
  return heap;
}

hak_heap_t *hak_thread_heap_get(void) {
  if (hak_thread_heap != &hak_nobody) return hak_thread_heap;
  pthread_once(&key_once, make_key);
  hak_heap_t *heap = hak_abandoned_adopt();
  if (heap == NULL) heap = make();
  if (heap == NULL) return &hak_nobody;
  if (ended || !has_key) return heap;
  hak_thread_heap = heap; /* before the key, for setting it may allocate */
  if (pthread_setspecific(key, heap) != 0) hak_thread_heap = &hak_nobody;
  return heap;
}

void hak_thread_heap_put(hak_heap_t *heap) {
  if (heap != hak_thread_heap) leave(heap);
}

hak_heap_t *hak_thread_heap_to_free(void) {
  bool has_heap = hak_thread_heap != &hak_nobody;
  if (has_heap || ended || frees_alone++ < FREES_ALONE_MOST) return hak_thread_heap;
  hak_thread_heap_put(hak_thread_heap_get()); /* a borrowed one is of no use here */
  return hak_thread_heap;
}

void hak_thread_add_stats(hak_stats_t *stats) {
  hak_heaps_add_stats(stats);
  hak_heap_take_returned(&hak_nobody.returned, stats);
  hak_heap_add_flush_stats(&hak_nobody, stats);
}
