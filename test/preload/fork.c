/*
 * Handlers of fork that a library registered before anything allocated: they take their locks after the allocator has taken its own, or who
 * holds one of theirs and allocates waits for the fork, which waits for the lock.
 */
#include <pthread.h>
#include <stdbool.h>

#include "expect.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool held, wanted;

static void take_lock(void) {
  __atomic_store_n(&wanted, true, __ATOMIC_RELEASE);
  pthread_mutex_lock(&lock);
}
static void release_lock(void) {
  pthread_mutex_unlock(&lock);
}

/* Before the constructors of all libraries but the one that asks to be first. */
static void register_handlers(void) {
  pthread_atfork(take_lock, release_lock, release_lock);
}
__attribute__((section(".preinit_array"), used)) static void (*const at_start)(void) = register_handlers;

/* So many sizes that some are nowhere in a cache. */
static void allocate(void) {
  enum { SIZES = 2000 };
  void *blocks[SIZES];
  for (int i = 0; i < SIZES; i++) EXPECT((blocks[i] = malloc(16 + 100 * (size_t)i)) != NULL);
  for (int i = 0; i < SIZES; i++) free(blocks[i]);
}

static void *allocate_under_lock(void *unused) {
  pthread_mutex_lock(&lock);
  __atomic_store_n(&held, true, __ATOMIC_RELEASE);
  while (!__atomic_load_n(&wanted, __ATOMIC_ACQUIRE)) usleep(100);
  allocate();
  pthread_mutex_unlock(&lock);
  return unused;
}

int main(void) {
  pthread_t thread;
  alarm(60); /* ends the program if it waits for ever */
  EXPECT(pthread_create(&thread, NULL, allocate_under_lock, NULL) == 0);
  while (!__atomic_load_n(&held, __ATOMIC_ACQUIRE)) usleep(100);
  const pid_t child = fork();
  EXPECT(child >= 0);
  if (child == 0) {
    allocate();
    _exit(0);
  }
  int status;
  EXPECT(waitpid(child, &status, 0) == child && status == 0);
  EXPECT(pthread_join(thread, NULL) == 0);
  puts("holds");
  return 0;
}
