/* L5 thread: see thread.h. */
#include "thread.h"

#include <pthread.h>
#include <string.h>

#include "assert.h"
#include "meta.h"
#include "os.h"
#include "registry.h"

hak_heap_t hak_nobody;
_Thread_local hak_heap_t *hak_thread_heap __attribute__((tls_model(HAK_TLS_MODEL))) = &hak_nobody;

static hak_mutex_t mutex = HAK_MUTEX_INITIALIZER;
static hak_heap_t *heaps;     /* all of them, under the lock */
static hak_heap_t *abandoned; /* a subset, under the lock */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* its destructor tells of a thread's end */

/* ---- the cache ---- */

void hak_thread_flush_bin(hak_heap_t *heap, unsigned size_class, uint32_t count) {
  hak_bin_t *bin = &heap->tcache.bins[size_class];
  uint32_t left = hak_load_relaxed(&bin->count) - count;
  if (hak_heap_give(heap, bin->blocks, count) < count)
    hak_fatal("free of a pointer that is no live block", bin->blocks[0]);
  memmove(bin->blocks, bin->blocks + count, left * sizeof(void *));
  hak_store_relaxed(&bin->count, left);
}

void hak_thread_flush(hak_heap_t *heap) {
  for (unsigned c = 0; c < HAK_SLAB_CLASSES; c++) {
    uint32_t count = hak_load_relaxed(&heap->tcache.bins[c].count);
    if (count != 0) hak_thread_flush_bin(heap, c, count);
  }
}

/* ---- life ---- */

static void thread_ends(void *argument) {
  hak_heap_t *heap = argument;
  hak_thread_heap = &hak_nobody; /* destructors that run later start anew */
  hak_thread_flush(heap);
  hak_tcache_release(&heap->tcache);
  hak_heap_give_idle(heap);
  hak_counter_add(&heap->abandoned, 1);
  hak_mutex_lock(&mutex);
  heap->next_abandoned = abandoned;
  abandoned = heap;
  hak_mutex_unlock(&mutex);
}

/* The child of a fork has one thread; locks that others held would stay closed for ever. In the order of nesting. */
static void before_fork(void) {
  hak_mutex_lock(&mutex);
  hak_registry_lock();
  hak_meta_lock();
}
static void after_fork(void) {
  hak_meta_unlock();
  hak_registry_unlock();
  hak_mutex_unlock(&mutex);
}

static void start(void) {
  pthread_key_create(&key, thread_ends);
  pthread_atfork(before_fork, after_fork, after_fork);
}

static hak_heap_t *adopt(void) {
  hak_mutex_lock(&mutex);
  hak_heap_t *heap = abandoned;
  if (heap != NULL) abandoned = heap->next_abandoned;
  hak_mutex_unlock(&mutex);
  if (heap != NULL) hak_counter_add(&heap->adopted, 1);
  return heap;
}

void hak_thread_enter(hak_heap_t *heap) {
  pthread_once(&once, start); /* a process with heaps of its own only needs the fork handlers too */
  hak_mutex_lock(&mutex);
  heap->prev = NULL;
  heap->next = heaps;
  if (heaps != NULL) heaps->prev = heap;
  heaps = heap;
  hak_mutex_unlock(&mutex);
}

void hak_thread_remove(hak_heap_t *heap) {
  hak_mutex_lock(&mutex);
  if (heap->prev != NULL)
    heap->prev->next = heap->next;
  else
    heaps = heap->next;
  if (heap->next != NULL) heap->next->prev = heap->prev;
  hak_mutex_unlock(&mutex);
}

static hak_heap_t *make(void) {
  hak_heap_t *heap = hak_heap_create(false);
  if (heap != NULL) hak_thread_enter(heap);
  return heap;
}

hak_heap_t *hak_thread_heap_get(void) {
  if (hak_thread_heap != &hak_nobody) return hak_thread_heap;
  pthread_once(&once, start);
  hak_heap_t *heap = adopt();
  if (heap == NULL) heap = make();
  if (heap == NULL) return &hak_nobody;
  hak_thread_heap = heap; /* before the key, for setting it may allocate */
  pthread_setspecific(key, heap);
  return heap;
}

/* ---- all heaps ---- */

void hak_thread_each(void (*visit)(hak_heap_t *heap, void *argument), void *argument) {
  hak_mutex_lock(&mutex);
  for (hak_heap_t *heap = heaps; heap != NULL; heap = heap->next) visit(heap, argument);
  hak_mutex_unlock(&mutex);
}

void hak_thread_each_abandoned(void (*visit)(hak_heap_t *heap, void *argument), void *argument) {
  hak_mutex_lock(&mutex);
  for (hak_heap_t *heap = abandoned; heap != NULL; heap = heap->next_abandoned) visit(heap, argument);
  hak_mutex_unlock(&mutex);
}
