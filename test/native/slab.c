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
  uint64_t free[HAK_WORDS_PER_UNIT];
  _Atomic uint64_t remote[HAK_WORDS_PER_UNIT];
  state_t model[MOST_BLOCKS];
  bool pushed; /* the model's view of "on the stack" */
} bed_t;

static char *const base = (char *)0x7000000000;

static void open_bed(bed_t *bed, unsigned size_class) {
  memset(bed, 0, sizeof *bed);
  bed->slab.base = base;
  bed->slab.free = bed->free;
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
    CHECK(hak_bitmap_get(bed->free, i) == (bed->model[i] == FREE));
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

static void give(bed_t *bed, uint32_t index) {
  bool full = bed->slab.used == bed->slab.blocks;
  hak_give_t given = hak_slab_give(&bed->slab, index);
  if (bed->model[index] != LIVE) {
    CHECK(given == HAK_NOT_LIVE);
    return;
  }
  CHECK(given == (full ? HAK_GIVEN_WAS_FULL : HAK_GIVEN));
  bed->model[index] = FREE;
}

static void give_remote(bed_t *bed, uint32_t index) {
  if (bed->model[index] == FREE) return; /* misuse that only the collection can find: see below */
  hak_remote_give_t given = hak_slab_give_remote(&bed->slab, index);
  if (bed->model[index] == REMOTE) {
    CHECK(given == HAK_REMOTE_NOT_LIVE);
    return;
  }
  CHECK(given == (bed->pushed ? HAK_REMOTE_GIVEN : HAK_REMOTE_GIVEN_FIRST));
  bed->pushed = true;
  bed->model[index] = REMOTE;
}

static void collect(bed_t *bed) {
  CHECK(hak_slab_collect(&bed->slab) == model_count(bed, REMOTE));
  for (size_t i = 0; i < bed->slab.blocks; i++)
    if (bed->model[i] == REMOTE) bed->model[i] = FREE;
  bed->pushed = false;
}

static void step(bed_t *bed, test_random_t *random) {
  uint32_t index = (uint32_t)test_below(random, bed->slab.blocks);
  size_t what = test_below(random, 100);
  if (what < 15)
    take(bed, test_below(random, test_below(random, bed->slab.blocks + 2) + 1));
  else if (what < 60)
    give(bed, index);
  else if (what < 98)
    give_remote(bed, index);
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
  for (uint32_t i = 0; i < bed.slab.blocks; i++) give(&bed, i);
  check(&bed);
  CHECK(bed.slab.used == 0);
}

/* A block that is freed by its owner and by another thread comes back once. */
static void owner_and_remote_free(void) {
  bed_t bed;
  open_bed(&bed, 3);
  take(&bed, 10);
  CHECK(hak_slab_give(&bed.slab, 4) == HAK_GIVEN);
  CHECK(hak_slab_give_remote(&bed.slab, 4) == HAK_REMOTE_GIVEN_FIRST);
  CHECK(hak_slab_collect(&bed.slab) == 0);
  CHECK(bed.slab.used == 9);
  CHECK(hak_slab_give_remote(&bed.slab, 5) == HAK_REMOTE_GIVEN_FIRST);
  CHECK(hak_slab_give(&bed.slab, 5) == HAK_NOT_LIVE);
  CHECK(hak_slab_collect(&bed.slab) == 1);
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

int main(void) {
  test_random_t random = test_random();
  for (unsigned c = 0; c <= HAK_SLAB_CLASSES + 1; c++) {
    random_steps(c, &random);
    only_block_starts_have_an_index(c);
  }
  owner_and_remote_free();
  return 0;
}
