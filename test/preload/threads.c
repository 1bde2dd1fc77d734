/*
 * Threads that end: destructors that still free and allocate, and what the C library itself frees last of all. However many
 * threads come and go, what they leave does not add up.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>

#include "expect.h"

enum { THREADS = 1000, KEYS = 3 };

static pthread_key_t keys[KEYS];

/* In the order of the keys, some before the allocator's own and some after; the value comes back twice. */
static void destroy(void *value) {
  char *text = value;
  const char rounds = text[0];
  free(text);
  free(malloc(3000));
  if (rounds == 0) return;
  text = malloc(100);
  text[0] = (char)(rounds - 1);
  for (int i = 0; i < KEYS; i++)
    if (pthread_getspecific(keys[i]) == NULL) {
      pthread_setspecific(keys[i], text);
      return;
    }
  free(text);
}

static void *leave_values(void *unused) {
  for (int i = 0; i < KEYS; i++) {
    char *text = calloc(1, 200);
    EXPECT(text != NULL && pthread_setspecific(keys[i], text) == 0);
    text[0] = 2;
  }
  return unused;
}

/* The text of an unknown error is the thread's own; the C library frees it after all destructors. */
static void *leave_it_to_the_library(void *unused) {
  EXPECT(strerror(123456789) != NULL);
  return unused;
}

static void *leave_nothing(void *block) {
  free(block);
  return NULL;
}

static void come_and_go(void *(*work)(void *)) {
  for (int i = 0; i < THREADS; i++) {
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, work, work == leave_nothing ? malloc(5000) : NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
  }
}

static void does_not_add_up(void *(*work)(void *)) {
  come_and_go(work);
  const struct mallinfo2 before = mallinfo2();
  come_and_go(work);
  const struct mallinfo2 after = mallinfo2();
  EXPECT(after.arena <= before.arena + 300000);
  EXPECT(after.uordblks <= before.uordblks + 10000);
}

int main(void) {
  free(malloc(1)); /* the allocator's key comes first, and one of ours takes a place that it leaves */
  for (int i = 0; i < KEYS; i++) EXPECT(pthread_key_create(&keys[i], destroy) == 0);
  does_not_add_up(leave_values);
  does_not_add_up(leave_it_to_the_library);
  does_not_add_up(leave_nothing);
  puts("holds");
  return 0;
}
