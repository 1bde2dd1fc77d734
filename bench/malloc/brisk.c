/*
 * brisk: a library to preload beside a malloc; nanosleep sleeps a hundredth of the time. For programs whose sleeping is not
 * what is measured, and takes most of their time: rptest waits 16 s for half a second's work.
 */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

enum { TIMES = 100 };

int nanosleep(const struct timespec *wanted, struct timespec *rest) {
    long long nanoseconds = ((long long)wanted->tv_sec * 1000000000 + wanted->tv_nsec) / TIMES;
    struct timespec shorter = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &shorter, rest) == 0 ? 0 : -1;
}
