/*
 * producer-consumer: pairs of threads; the one only allocates, the other only frees.
 *
 *     producer --- batch, batch, batch ---> consumer        a bounded queue for each pair
 *       malloc                                free
 *
 * An allocator whose threads keep what they free must carry the blocks back somehow, or grow without end. With one thread
 * the same loop makes and frees a batch in turn; of an odd number the last has nobody to send to and does so too.
 *
 * Source: the asymmetric case of Lever and Boreham, "malloc() Performance in a Multithreaded Linux Environment", USENIX 2000.
 *
 * producer-consumer <threads> <batches a producer> <blocks a batch> <least bytes> <most bytes>
 */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <pthread.h>
#include <stdlib.h>

enum { QUEUE_LENGTH = 16 };

typedef struct {
    size_t batches, batch_length, least, most;
} work_t;

/* What a pair shares: a ring of batches under a lock. `made` and `taken` count up for ever. */
typedef struct {
    const work_t *work;
    pthread_mutex_t lock;
    pthread_cond_t not_full, not_empty;
    block_t *ring[QUEUE_LENGTH];
    size_t made, taken;
    uint64_t random;
} queue_t;

/* One thread: makes, frees, or both. */
typedef struct {
    queue_t *queue;
    enum { PRODUCE, CONSUME, ALTERNATE } role;
} role_t;

static void put(queue_t *queue, block_t *batch) {
    pthread_mutex_lock(&queue->lock);
    while (queue->made - queue->taken == QUEUE_LENGTH) pthread_cond_wait(&queue->not_full, &queue->lock);
    queue->ring[queue->made++ % QUEUE_LENGTH] = batch;
    pthread_cond_signal(&queue->not_empty);
    pthread_mutex_unlock(&queue->lock);
}

static block_t *take(queue_t *queue) {
    pthread_mutex_lock(&queue->lock);
    while (queue->made == queue->taken) pthread_cond_wait(&queue->not_empty, &queue->lock);
    block_t *batch = queue->ring[queue->taken++ % QUEUE_LENGTH];
    pthread_cond_signal(&queue->not_full);
    pthread_mutex_unlock(&queue->lock);
    return batch;
}

static block_t *make_batch(queue_t *queue) {
    const work_t *work = queue->work;
    block_t *batch = need(work->batch_length, sizeof *batch);
    uint64_t random = queue->random; /* not in the cache line that the other thread looks at */
    for (size_t at = 0; at < work->batch_length; at++) {
        batch[at] = make_block(random_between(&random, work->least, work->most));
    }
    queue->random = random;
    return batch;
}

static void drop_batch(const work_t *work, block_t *batch) {
    for (size_t at = 0; at < work->batch_length; at++) drop_block(&batch[at]);
    free(batch);
}

static void *play(void *argument) {
    role_t *own = argument;
    queue_t *queue = own->queue;
    for (size_t left = queue->work->batches; left > 0; left--) {
        if (own->role != CONSUME) put(queue, make_batch(queue));
        if (own->role != PRODUCE) drop_batch(queue->work, take(queue));
    }
    return NULL;
}

static void open_queue(queue_t *queue, const work_t *work, uint64_t seed) {
    *queue = (queue_t){.work = work, .random = seed};
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->not_full, NULL);
    pthread_cond_init(&queue->not_empty, NULL);
}

int main(int argc, char **argv) {
    size_t threads = argument(argc, argv, 1, 2, 1);
    work_t work = {
        .batches = argument(argc, argv, 2, 50000, 1),
        .batch_length = argument(argc, argv, 3, 100, 1),
        .least = argument(argc, argv, 4, 16, 1),
        .most = argument(argc, argv, 5, 256, 1),
    };
    if (work.most < work.least) fail("the most bytes are fewer than the least");
    size_t queues = (threads + 1) / 2;
    queue_t *all = need(queues, sizeof *all);
    role_t *roles = need(threads, sizeof *roles);
    for (size_t at = 0; at < queues; at++) open_queue(&all[at], &work, at + 1);
    for (size_t at = 0; at < threads; at++) {
        int alone = at + 1 == threads && at % 2 == 0;
        roles[at] = (role_t){.queue = &all[at / 2], .role = alone ? ALTERNATE : at % 2 == 0 ? PRODUCE : CONSUME};
    }

    double begin = now_seconds();
    run_threads(threads, play, roles, sizeof *roles);
    print_result((uint64_t)queues * work.batches * work.batch_length, now_seconds() - begin);
    free(roles);
    free(all);
    return 0;
}
