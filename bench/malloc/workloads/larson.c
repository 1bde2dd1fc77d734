/*
 * larson: a server whose threads come and go while its blocks live on.
 *
 *     thread 1 --- replaces random blocks ---> ends     thread 2 ---> ends     thread 3 ...
 *              \__ hands all its blocks to ___________/
 *
 * Each of the lines of threads owns an array of blocks. A thread frees and makes blocks at random places of it, then starts
 * its successor, which inherits the array, and ends: most blocks are freed by another thread than made them.
 *
 * Source: Larson and Krishnan, "Memory Allocation for Long-Running Server Applications", ISMM 1998. Their measure is
 * throughput in a fixed time; here the work is fixed and its time is measured.
 *
 * larson <threads> <generations> <operations a generation> <blocks a thread> <least bytes> <most bytes>
 */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t running; /* lines that have not ended, under the lock */
    size_t operations, block_count, least, most;
} server_t;

/* One line of threads: passed from each to the next, so only one at a time has it. */
typedef struct {
    server_t *server;
    block_t *blocks;
    uint64_t random;
    size_t generations; /* still to come */
} line_t;

static void *serve(void *argument);

static void start(line_t *line) {
    pthread_attr_t detached;
    pthread_t thread;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, serve, line) != 0) fail("no thread");
    pthread_attr_destroy(&detached);
}

static void end_line(server_t *server) {
    pthread_mutex_lock(&server->lock);
    if (--server->running == 0) pthread_cond_signal(&server->ended);
    pthread_mutex_unlock(&server->lock);
}

static void *serve(void *argument) {
    line_t *line = argument;
    server_t *server = line->server;
    uint64_t random = line->random; /* in the thread's own stack: neighbouring lines share a cache line */
    for (size_t left = server->operations; left > 0; left--) {
        block_t *block = &line->blocks[next_random(&random) % server->block_count];
        replace_block(block, random_between(&random, server->least, server->most));
    }
    line->random = random;
    if (--line->generations > 0) {
        start(line);
    } else {
        end_line(server);
    }
    return NULL;
}

static void open_line(line_t *line, server_t *server, size_t number, size_t generations) {
    *line = (line_t){.server = server, .random = number + 1, .generations = generations};
    line->blocks = need(server->block_count, sizeof *line->blocks);
    for (size_t at = 0; at < server->block_count; at++) {
        line->blocks[at] = make_block(random_between(&line->random, server->least, server->most));
    }
}

static void close_line(line_t *line) {
    for (size_t at = 0; at < line->server->block_count; at++) drop_block(&line->blocks[at]);
    free(line->blocks);
}

int main(int argc, char **argv) {
    size_t threads = argument(argc, argv, 1, 2, 1);
    size_t generations = argument(argc, argv, 2, 100, 1);
    server_t server = {
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .ended = PTHREAD_COND_INITIALIZER,
        .running = threads,
        .operations = argument(argc, argv, 3, 100000, 1),
        .block_count = argument(argc, argv, 4, 5000, 1),
        .least = argument(argc, argv, 5, 8, 1),
        .most = argument(argc, argv, 6, 1000, 1),
    };
    if (server.most < server.least) fail("the most bytes are fewer than the least");
    line_t *lines = need(threads, sizeof *lines);
    for (size_t at = 0; at < threads; at++) open_line(&lines[at], &server, at, generations);

    double begin = now_seconds();
    for (size_t at = 0; at < threads; at++) start(&lines[at]);
    pthread_mutex_lock(&server.lock);
    while (server.running > 0) pthread_cond_wait(&server.ended, &server.lock);
    pthread_mutex_unlock(&server.lock);
    print_result((uint64_t)threads * generations * server.operations, now_seconds() - begin);

    for (size_t at = 0; at < threads; at++) close_line(&lines[at]);
    free(lines);
    return 0;
}
