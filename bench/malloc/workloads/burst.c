/*
 * burst: memory that is needed for a moment and then not.
 *
 *     live   /|      /|      /|
 *           / |     / |     / |            grow to the full size, drop all but a few blocks, idle, again
 *          /  |____/  |____/  |____
 *
 * Idle is when an allocator may give memory back; a little goes on meanwhile, as in any server. The few blocks that stay pin
 * what is around them. Idle time is not part of the time that is printed; resident memory at its end is.
 *
 * Source: peaks and ramps as in Wilson, Johnstone, Neely and Boles, "Dynamic Storage Allocation: A Survey and Critical
 * Review", IWMM 1995, section 2.
 *
 * burst <threads> <bursts> <KiB a thread> <idle ms> <least bytes> <most bytes>
 */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEPT_OF = 200, IDLE_STEPS = 10, IDLE_OPERATIONS = 100 };

typedef struct {
    size_t bursts, bytes, idle_ms, least, most;
    uint64_t random;
    uint64_t operations;
    double busy_seconds;
    size_t resident_bytes; /* at the end of the last idle time */
} burst_t;

/* Resident memory now; 0 where there is no /proc. */
static size_t resident_bytes(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    size_t all = 0, resident = 0;
    if (file == NULL) return 0;
    if (fscanf(file, "%zu %zu", &all, &resident) != 2) resident = 0;
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Allocates until the bytes are reached. Returns how many blocks. */
static size_t grow(burst_t *burst, block_t *blocks) {
    size_t count = 0;
    for (size_t live = 0; live < burst->bytes; live += blocks[count++].size) {
        blocks[count] = make_block(random_between(&burst->random, burst->least, burst->most));
    }
    return count;
}

static void idle(const burst_t *burst) {
    for (int step = 0; step < IDLE_STEPS; step++) {
        sleep_milliseconds(burst->idle_ms / IDLE_STEPS);
        for (int operation = 0; operation < IDLE_OPERATIONS; operation++) {
            block_t block = make_block(burst->least + (size_t)operation);
            drop_block(&block);
        }
    }
}

static void one_burst(burst_t *burst, block_t *blocks) {
    double begin = now_seconds();
    size_t count = grow(burst, blocks);
    for (size_t at = 0; at < count; at++) {
        if (at % KEPT_OF != 0) drop_block(&blocks[at]);
    }
    burst->busy_seconds += now_seconds() - begin;
    idle(burst);
    burst->resident_bytes = resident_bytes();
    begin = now_seconds();
    for (size_t at = 0; at < count; at++) drop_block(&blocks[at]);
    burst->busy_seconds += now_seconds() - begin;
    burst->operations += count;
}

static void *run(void *argument) {
    burst_t *burst = argument;
    block_t *blocks = need(burst->bytes / burst->least + 1, sizeof *blocks);
    for (size_t left = burst->bursts; left > 0; left--) one_burst(burst, blocks);
    free(blocks);
    return NULL;
}

int main(int argc, char **argv) {
    size_t threads = argument(argc, argv, 1, 1, 1);
    burst_t burst = {
        .bursts = argument(argc, argv, 2, 5, 1),
        .bytes = argument(argc, argv, 3, 131072, 1) * 1024,
        .idle_ms = argument(argc, argv, 4, 100, 0),
        .least = argument(argc, argv, 5, 64, 1),
        .most = argument(argc, argv, 6, 4096, 1),
    };
    if (burst.most < burst.least) fail("the most bytes are fewer than the least");
    burst_t *bursts = need(threads, sizeof *bursts);
    for (size_t at = 0; at < threads; at++) {
        bursts[at] = burst;
        bursts[at].random = at + 1;
    }
    run_threads(threads, run, bursts, sizeof *bursts);
    uint64_t operations = 0;
    double seconds = 0;
    size_t resident = 0;
    for (size_t at = 0; at < threads; at++) {
        operations += bursts[at].operations;
        seconds = bursts[at].busy_seconds > seconds ? bursts[at].busy_seconds : seconds;
        resident = bursts[at].resident_bytes > resident ? bursts[at].resident_bytes : resident;
    }
    print_result(operations, seconds);
    printf("idle: %zu bytes resident\n", resident);
    free(bursts);
    return 0;
}
