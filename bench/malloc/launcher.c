/*
 * launcher: runs one program under one malloc and says what it took, in a line of JSON on descriptor 3.
 *
 *     launcher <library to preload, or -> <program> <args...>
 *
 * wait4 tells the peak resident memory exactly, where looking at /proc now and then would miss it. It is that of the largest
 * single process of those that the program started. A process of its own does it, and a small one: until exec a child's
 * peak is that of its parent, so a child of Node would never be seen below Node's own size.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REPORT = 3, CANNOT_RUN = 127 };

static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

static double ms_of(struct timeval time) { return (double)time.tv_sec * 1e3 + (double)time.tv_usec * 1e-3; }

_Noreturn static void become(const char *library, char **program) {
    if (strcmp(library, "-") != 0) setenv("LD_PRELOAD", library, 1);
    execvp(program[0], program);
    fprintf(stderr, "%s: %s\n", program[0], strerror(errno));
    _exit(CANNOT_RUN);
}

static void report(double elapsed_ms, int status, const struct rusage *usage) {
    dprintf(REPORT,
            "{\"elapsedMs\":%.3f,\"userMs\":%.3f,\"systemMs\":%.3f,\"peakBytes\":%ld,\"exitCode\":%d,\"signal\":%d}\n",
            elapsed_ms, ms_of(usage->ru_utime), ms_of(usage->ru_stime), usage->ru_maxrss * 1024L,
            WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    fcntl(REPORT, F_SETFD, FD_CLOEXEC);
    double begin = now_ms();
    pid_t child = fork();
    if (child < 0) return 2;
    if (child == 0) become(argv[1], argv + 2);
    int status = 0;
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0) {
        if (errno != EINTR) return 2;
    }
    report(now_ms() - begin, status, &usage);
    return 0;
}
