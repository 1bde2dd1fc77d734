/* ring: random pushes and pops at both ends against an array; growth moves nothing, what is emptied goes back. */
#include "test.h"

#include "os.h"
#include "ring.h"

enum { MOST = 20000, STEPS = 200000 };

static hak_ring_t ring;
static uintptr_t model[2 * STEPS]; /* [first, end) is what the ring should hold, oldest first */
static size_t first, end;
static uintptr_t next = 1;

static void push(void) {
  CHECK(hak_ring_push(&ring, (void *)(next * 16)));
  model[end++] = next++ * 16;
}

static void pop_newest(void) {
  CHECK(hak_ring_pop_newest(&ring) == (first == end ? NULL : (void *)model[end - 1]));
  if (first != end) end--;
}

static void pop_oldest(void) {
  CHECK(hak_ring_pop_oldest(&ring) == (first == end ? NULL : (void *)model[first]));
  if (first != end) first++;
}

static void check(void) {
  hak_ring_check(&ring);
  CHECK(hak_counter_get(&ring.count) == end - first && hak_counter_get(&ring.capacity) >= end - first);
}

static void random_steps(test_random_t *random) {
  for (int step = 0; step < STEPS / TEST_SLOWER; step++) {
    bool grows = step / 5000 % 2 == 0; /* by turns growing and shrinking */
    size_t what = test_below(random, 10);
    if (what < (grows ? 6u : 3u) && end - first < MOST)
      push();
    else if (what < 8)
      pop_newest();
    else
      pop_oldest();
    if (step % 256 == 0) check();
  }
}

/* Past ten times 768 slots, and back to nothing. */
static void grows_and_shrinks(void) {
  while (end > first) pop_newest();
  hak_ring_shrink(&ring);
  CHECK(hak_counter_get(&ring.capacity) == 0 && ring.newest == NULL && ring.oldest == NULL);
  CHECK(hak_counter_get(&ring.grown) == hak_counter_get(&ring.shrunk));
  first = end = 0;
  for (int i = 0; i < 7681; i++) push();
  check();
  CHECK(hak_counter_get(&ring.capacity) > 10 * 768);
  while (end > first) pop_oldest();
  check();
  hak_ring_shrink(&ring);
  CHECK(hak_counter_get(&ring.capacity) == 0);
}

/* One emptied segment is kept: to and fro over its boundary asks for no memory. */
static void a_boundary_costs_nothing(void) {
  push();
  uint64_t slots = hak_counter_get(&ring.capacity);
  for (uint64_t i = 1; i <= slots; i++) push();
  uint64_t grown = hak_counter_get(&ring.grown), shrunk = hak_counter_get(&ring.shrunk);
  for (int i = 0; i < 100; i++) {
    pop_newest();
    push();
  }
  CHECK(hak_counter_get(&ring.grown) == grown && hak_counter_get(&ring.shrunk) == shrunk);
}

#if HAK_CHECKED
static void without_memory_nothing_changes(void) {
  hak_os_fail_from(1);
  while (hak_ring_push(&ring, (void *)(next * 16))) model[end++] = next++ * 16;
  hak_os_fail_from(0);
  check();
  push();
  while (end > first) pop_oldest();
}
#endif

int main(void) {
  test_random_t random = test_random();
  random_steps(&random);
  grows_and_shrinks();
  a_boundary_costs_nothing();
#if HAK_CHECKED
  without_memory_nothing_changes();
#endif
  return 0;
}
