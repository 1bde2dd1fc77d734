/*
 * thread-churn: threads that live for a few hundred allocations, as a server does that starts one for each connection.
 *
 *     main -- wave of threads: each allocates, frees most, leaves some in a mailbox, ends --> next wave frees what was left
 *
 * What a thread costs an allocator at its start and its end is all there is to see: caches that are filled for nothing, heaps
 * that are set up, abandoned and taken over.
 *
 * thread-churn <threads at a time> <waves> <operations a thread> <least bytes> <most bytes>
 */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <stdlib.h>

enum { SLOTS = 64, LEFT_BEHIND = 16 };

typedef struct {
    size_t operations, least, most;
    uint64_t random;
    block_t left[LEFT_BEHIND]; /* by the thread of the wave before */
} visit_t;

static void *visit(void *argument) {
    visit_t *own = argument;
    block_t slots[SLOTS] = {{NULL, 0}};
    for (size_t at = 0; at < LEFT_BEHIND; at++) drop_block(&own->left[at]);
    for (size_t left = own->operations; left > 0; left--) {
        block_t *slot = &slots[next_random(&own->random) % SLOTS];
        replace_block(slot, random_between(&own->random, own->least, own->most));
    }
    for (size_t at = 0; at < SLOTS; at++) {
        if (at < LEFT_BEHIND) {
            own->left[at] = slots[at];
        } else {
            drop_block(&slots[at]);
        }
    }
    return NULL;
}

/* Each thread of the next wave frees what another than its predecessor left. */
static void turn(visit_t *visits, size_t threads) {
    visit_t first = visits[0];
    for (size_t at = 0; at + 1 < threads; at++) visits[at] = visits[at + 1];
    visits[threads - 1] = first;
}

int main(int argc, char **argv) {
    size_t threads = argument(argc, argv, 1, 4, 1);
    size_t waves = argument(argc, argv, 2, 2000, 1);
    visit_t visit_as = {
        .operations = argument(argc, argv, 3, 500, 1),
        .least = argument(argc, argv, 4, 16, 1),
        .most = argument(argc, argv, 5, 2048, 1),
    };
    if (visit_as.most < visit_as.least) fail("the most bytes are fewer than the least");
    visit_t *visits = need(threads, sizeof *visits);
    for (size_t at = 0; at < threads; at++) {
        visits[at] = visit_as;
        visits[at].random = at + 1;
    }
    double begin = now_seconds();
    for (size_t wave = 0; wave < waves; wave++) {
        run_threads(threads, visit, visits, sizeof *visits);
        turn(visits, threads);
    }
    print_result((uint64_t)threads * waves * visit_as.operations, now_seconds() - begin);
    for (size_t at = 0; at < threads; at++) {
        for (size_t slot = 0; slot < LEFT_BEHIND; slot++) drop_block(&visits[at].left[slot]);
    }
    free(visits);
    return 0;
}
