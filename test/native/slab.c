/*
 * slab: a slab without a chunk, its memory an invented address that nobody follows. Random takes, frees, double frees,
 * remote frees and collections of every class against a model that knows one state for each block.
 */
#include "test.h"

#include "bitmap.h"
#include "slab.h"

enum { MOST_BLOCKS = HAK_WORDS_PER_UNIT * 64, STEPS = 2000 };

typedef enum state { FREE, LIVE, REMOTE } state_t;

typedef struct bed {
  hak_slab_t slab;
  _Atomic uint64_t remote[HAK_WORDS_PER_UNIT];
  state_t model[MOST_BLOCKS];
  bool pushed; /* the model's view of "on the stack" */
} bed_t;

static char *const base = (char *)0x7000000000;

static void open_bed(bed_t *bed, unsigned size_class) {
  memset(bed, 0, sizeof *bed);
  bed->slab.base = base;
  bed->slab.remote = bed->remote;
  bed->slab.units = size_class < HAK_SLAB_CLASSES ? hak_size_classes[size_class].units : 40;
  hak_slab_open(&bed->slab, size_class, hak_size_class_bytes(size_class), 5);
}

static size_t model_count(const bed_t *bed, state_t state) {
  size_t count = 0;
  for (size_t i = 0; i < bed->slab.blocks; i++) count += bed->model[i] == state;
  return count;
}

static void check(bed_t *bed) {
  bed->slab.listed = bed->slab.used < bed->slab.blocks; /* the heap's part */
  hak_slab_check(&bed->slab);
  CHECK(bed->slab.used == model_count(bed, LIVE) + model_count(bed, REMOTE));
  for (size_t i = 0; i < bed->slab.blocks; i++) {
    CHECK(hak_bitmap_get(bed->slab.free, i) == (bed->model[i] == FREE));
    CHECK((((hak_load_relaxed(&bed->remote[i / 64])) >> (i % 64)) & 1) == (bed->model[i] == REMOTE));
  }
}

/* The lowest free blocks, in ascending order. */
static void take(bed_t *bed, size_t count) {
  void *blocks[MOST_BLOCKS + 1];
  size_t free_before = model_count(bed, FREE);
  size_t taken = hak_slab_take(&bed->slab, count, blocks);
  CHECK(taken == (count < free_before ? count : free_before));
  size_t place = 0;
  for (size_t i = 0; i < taken; i++, place++) {
    while (bed->model[place] != FREE) place++;
    CHECK(blocks[i] == base + place * bed->slab.block_size);
    bed->model[place] = LIVE;
  }
}

static void add(hak_batch_t *batch, uint32_t index) {
  hak_batch_set(batch, index / 64, hak_batch_get(batch, index / 64) | (uint64_t)1 << (index % 64));
}

/* Up to `most` blocks at random, each once; for a remote free none that is free, misuse that only the collection can find: see below. */
static hak_batch_t some(const bed_t *bed, size_t most, bool held, test_random_t *random) {
  hak_batch_t batch = {0};
  memset(batch.bits, 0xff, sizeof batch.bits); /* what `words` does not name means nothing */
  for (size_t count = 1 + test_below(random, most); count > 0; count--) {
    uint32_t index = (uint32_t)test_below(random, bed->slab.blocks);
    if (held && bed->model[index] == FREE) continue;
    add(&batch, index);
  }
  return batch;
}

static bool has(const hak_batch_t *batch, size_t index) {
  return (batch->words >> (index / 64)) % 2 != 0 && hak_bitmap_get(batch->bits, index);
}

/* Those of the batch that were live have become `to`, and the others stay in it. @return how many were. */
static size_t model_give(bed_t *bed, const hak_batch_t *batch, const hak_batch_t *left, state_t to) {
  size_t given = 0;
  for (size_t i = 0; i < bed->slab.blocks; i++) {
    bool live = bed->model[i] == LIVE;
    CHECK(has(left, i) == (has(batch, i) && !live));
    if (!has(batch, i) || !live) continue;
    bed->model[i] = to;
    given++;
  }
  return given;
}

static void give(bed_t *bed, hak_batch_t batch) {
  hak_batch_t left = batch;
  size_t given = hak_slab_give(&bed->slab, &left);
  CHECK(given == model_give(bed, &batch, &left, FREE));
}

static void give_remote(bed_t *bed, hak_batch_t batch) {
  hak_batch_t left = batch;
  if (batch.words == 0) return;
  CHECK(hak_slab_give_remote(&bed->slab, &left) == !bed->pushed);
  bed->pushed = true;
  model_give(bed, &batch, &left, REMOTE);
}

static hak_batch_t only(uint32_t index) {
  hak_batch_t batch = {0};
  add(&batch, index);
  CHECK(hak_batch_get(&batch, index / 64) == (uint64_t)1 << (index % 64) && hak_popcount(batch.words) == 1);
  return batch;
}

static void collect(bed_t *bed) {
  hak_batch_t twice;
  CHECK(hak_slab_collect(&bed->slab, &twice) == model_count(bed, REMOTE));
  for (size_t i = 0; i < bed->slab.blocks; i++)
    if (bed->model[i] == REMOTE) bed->model[i] = FREE;
  bed->pushed = false;
}

static void step(bed_t *bed, test_random_t *random) {
  size_t most = 1 + test_below(random, bed->slab.blocks);
  size_t what = test_below(random, 100);
  if (what < 15)
    take(bed, test_below(random, test_below(random, bed->slab.blocks + 2) + 1));
  else if (what < 60)
    give(bed, some(bed, most, false, random));
  else if (what < 98)
    give_remote(bed, some(bed, most, true, random));
  else
    collect(bed);
}

static void random_steps(unsigned size_class, test_random_t *random) {
  bed_t bed;
  open_bed(&bed, size_class);
  check(&bed);
  for (int i = 0; i < STEPS / TEST_SLOWER; i++) {
    step(&bed, random);
    if (i % 32 == 0) check(&bed);
  }
  collect(&bed);
  for (uint32_t i = 0; i < bed.slab.blocks; i++) give(&bed, only(i));
  check(&bed);
  CHECK(bed.slab.used == 0);
}

/* A block that is freed by its owner and by another thread comes back once. */
static void owner_and_remote_free(void) {
  bed_t bed;
  open_bed(&bed, 3);
  take(&bed, 10);
  hak_batch_t twice = only(4);
  CHECK(hak_slab_give(&bed.slab, &twice) == 1);
  twice = only(4);
  CHECK(hak_slab_give_remote(&bed.slab, &twice));
  CHECK(hak_slab_collect(&bed.slab, &twice) == 0 && has(&twice, 4));
  CHECK(bed.slab.used == 9);
  twice = only(5);
  CHECK(hak_slab_give_remote(&bed.slab, &twice) && !has(&twice, 5));
  twice = only(5);
  CHECK(hak_slab_give(&bed.slab, &twice) == 0 && has(&twice, 5));
  CHECK(hak_slab_collect(&bed.slab, &twice) == 1 && twice.words == 0);
  CHECK(bed.slab.used == 8);
}

/* Every offset of a slab, and a little around it. */
static void only_block_starts_have_an_index(unsigned size_class) {
  bed_t bed;
  open_bed(&bed, size_class);
  size_t size = bed.slab.block_size;
  for (size_t offset = 0; offset < bed.slab.units * HAK_UNIT_SIZE; offset++) {
    bool start = offset % size == 0 && offset / size < bed.slab.blocks;
    CHECK(hak_slab_index(&bed.slab, base + offset) == (start ? offset / size : bed.slab.blocks));
  }
}

/* Here the remote bits lie nowhere: who looks at them dies of it. */
static void alone_looks_at_no_remote_bits(void) {
  static bed_t bed;
  open_bed(&bed, 3);
  bed.slab.remote = (_Atomic uint64_t *)(uintptr_t)HAK_CACHE_LINE;
  take(&bed, 100);
  for (uint32_t index = 0; index < 100; index++) {
    hak_batch_t one = only(index);
    CHECK(hak_slab_give(&bed.slab, &one) == 1);
  }
  hak_batch_t twice;
  CHECK(bed.slab.used == 0 && hak_slab_collect(&bed.slab, &twice) == 0);
}

int main(void) {
  test_random_t random = test_random();
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES + 1; c++) {
    random_steps(c, &random);
    only_block_starts_have_an_index(c);
  }
  owner_and_remote_free();
  alone_looks_at_no_remote_bits();
  return 0;
}
