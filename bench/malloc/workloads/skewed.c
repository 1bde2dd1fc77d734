/*
 * skewed: churn with the sizes of real programs: most blocks are small, most bytes are in few large ones.
 *
 *     share of blocks   80% up to 128 B   15% up to 2 KiB   4.5% up to 32 KiB   0.5% up to 1 MiB
 *
 * And most blocks die young: three operations of four go to a small nursery of slots, the fourth to any slot. Each thread
 * works by itself.
 *
 * Source: that traced programs look so is reported in Wilson, Johnstone, Neely and Boles, "Dynamic Storage Allocation: A
 * Survey and Critical Review", IWMM 1995; the very shares are ours.
 *
 * skewed <threads> <operations a thread> <blocks a thread>
 */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <stdlib.h>

enum { NURSERY_OF = 32 };

typedef struct {
    size_t operations, block_count;
    uint64_t random;
} churn_t;

static size_t skewed_size(uint64_t *random) {
    size_t draw = random_between(random, 0, 999);
    if (draw < 800) return random_between(random, 8, 128);
    if (draw < 950) return random_between(random, 129, 2048);
    if (draw < 995) return random_between(random, 2049, 32768);
    return random_between(random, 32769, 1048576);
}

static size_t skewed_slot(const churn_t *churn, uint64_t *random) {
    uint64_t draw = next_random(random);
    size_t young = churn->block_count / NURSERY_OF + 1;
    return (size_t)((draw >> 2) % ((draw & 3) != 0 ? young : churn->block_count));
}

static void *run(void *argument) {
    churn_t *churn = argument;
    uint64_t random = churn->random; /* in the thread's own stack: neighbours in the array share a cache line */
    block_t *blocks = need(churn->block_count, sizeof *blocks);
    for (size_t left = churn->operations; left > 0; left--) {
        replace_block(&blocks[skewed_slot(churn, &random)], skewed_size(&random));
    }
    for (size_t at = 0; at < churn->block_count; at++) drop_block(&blocks[at]);
    free(blocks);
    return NULL;
}

int main(int argc, char **argv) {
    size_t threads = argument(argc, argv, 1, 1, 1);
    size_t operations = argument(argc, argv, 2, 5000000, 1);
    size_t block_count = argument(argc, argv, 3, 10000, 1);
    churn_t *churns = need(threads, sizeof *churns);
    for (size_t at = 0; at < threads; at++) {
        churns[at] = (churn_t){.operations = operations, .block_count = block_count, .random = at + 1};
    }
    double begin = now_seconds();
    run_threads(threads, run, churns, sizeof *churns);
    print_result((uint64_t)threads * operations, now_seconds() - begin);
    free(churns);
    return 0;
}
