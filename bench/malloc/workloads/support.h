/*
 * What the workloads share: arguments, random numbers, blocks that can be checked, threads, and the line of results.
 *
 * A block is written when it is made and read when it goes, at both ends, so that no compiler can leave the allocation out
 * and an allocator that hands a block out twice is found. A workload that finds a wrong byte ends the process with 1.
 */
#ifndef WORKLOADS_SUPPORT_H
#define WORKLOADS_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

/** A block as the workloads hold it; `bytes` NULL: none. */
typedef struct {
    unsigned char *bytes;
    size_t size;
} block_t;

/** What is wrong, to standard error; ends the process. */
_Noreturn void fail(const char *what);

/** The `at`th word of the command line as a number, or `otherwise`; at least `least`. */
size_t argument(int argc, char **argv, int at, size_t otherwise, size_t least);

/** The next of a row of random numbers (splitmix64: Steele, Lea and Flood 2014); `state` is its seed. */
uint64_t next_random(uint64_t *state);

/** A number from `least` to `most`, both included. */
size_t random_between(uint64_t *state, size_t least, size_t most);

/** A block of `size` bytes, at least 1, marked at both ends. */
block_t make_block(size_t size);

/** Checks the marks and frees; nothing where there is no block. The block is none afterwards. */
void drop_block(block_t *block);

/** Frees `old` and makes another in its place. */
void replace_block(block_t *block, size_t size);

/** Seconds by a clock that only goes forward. */
double now_seconds(void);

void sleep_milliseconds(size_t milliseconds);

/** Runs `body(argument of each)` in `count` threads and waits for them. `arguments` has elements of `stride` bytes. */
void run_threads(size_t count, void *(*body)(void *), void *arguments, size_t stride);

/** Memory that must be there. */
void *need(size_t count, size_t size);

/** The line that the bench reads: `<operations> operations in <seconds> s: <rate> operations/s`. */
void print_result(uint64_t operations, double seconds);

#endif
