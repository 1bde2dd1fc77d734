/* The idea stands in support.h. Any thread may call any of these; no state is shared. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

size_t argument(int argc, char **argv, int at, size_t otherwise, size_t least) {
    if (at >= argc) return otherwise;
    char *end = NULL;
    unsigned long value = strtoul(argv[at], &end, 10);
    if (*argv[at] == '\0' || *end != '\0' || value < least) fail("an argument is no whole number, or too small");
    return value;
}

uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

size_t random_between(uint64_t *state, size_t least, size_t most) {
    return least + (size_t)(next_random(state) % (most - least + 1));
}

/* Both ends differ from block to block: a neighbour's mark, or that of the block's next owner, is not this one's. */
static unsigned char mark_of(const block_t *block) {
    return (unsigned char)(((uintptr_t)block->bytes >> 4) * 31 + block->size);
}

block_t make_block(size_t size) {
    block_t block = {.bytes = malloc(size), .size = size};
    if (block.bytes == NULL) fail("out of memory");
    block.bytes[0] = block.bytes[size - 1] = mark_of(&block);
    return block;
}

void drop_block(block_t *block) {
    if (block->bytes == NULL) return;
    unsigned char mark = mark_of(block);
    if (block->bytes[0] != mark || block->bytes[block->size - 1] != mark) fail("a block's bytes have changed");
    free(block->bytes);
    block->bytes = NULL;
}

void replace_block(block_t *block, size_t size) {
    drop_block(block);
    *block = make_block(size);
}

double now_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void sleep_milliseconds(size_t milliseconds) {
    struct timespec time = {.tv_sec = (time_t)(milliseconds / 1000), .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    nanosleep(&time, NULL);
}

void run_threads(size_t count, void *(*body)(void *), void *arguments, size_t stride) {
    pthread_t *threads = need(count, sizeof *threads);
    for (size_t at = 0; at < count; at++) {
        if (pthread_create(&threads[at], NULL, body, (char *)arguments + at * stride) != 0) fail("no thread");
    }
    for (size_t at = 0; at < count; at++) pthread_join(threads[at], NULL);
    free(threads);
}

void *need(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) fail("out of memory");
    return memory;
}

void print_result(uint64_t operations, double seconds) {
    printf("%" PRIu64 " operations in %.6f s: %.0f operations/s\n", operations, seconds, (double)operations / seconds);
}
