/* huge_pages: which blocks the system may give huge pages, by the flags that it shows of their mappings; where it has none, that they work. */
#include "test.h"

#include "guard.h"

/* The flags of the mapping that an address lies in, such as " rd wr mr ... hg "; empty: the system shows none. */
static const char *flags_of(const void *address) {
  static char line[512];
  unsigned long start, end;
  bool inside = false;
  FILE *file = fopen("/proc/self/smaps", "r");
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "%lx-%lx ", &start, &end) == 2) inside = (uintptr_t)address >= start && (uintptr_t)address < end;
    if (inside && strncmp(line, "VmFlags:", 8) == 0) break;
    line[0] = '\0';
  }
  fclose(file);
  return line;
}

static bool advised(size_t size) {
  char *block = hak_malloc(size);
  CHECK(block != NULL);
  block[0] = block[size / 2] = block[size - 1] = 1;
  bool flag = strstr(flags_of(block), " hg") != NULL;
  hak_free(block);
  hak_trim();
  return flag;
}

/* The chunk that a heap maps once it has so much of blocks of this size; the block is of its last slab. */
static bool chunk_advised(size_t size, size_t used) {
  static void *blocks[60 * HAK_MIB / 1000];
  size_t count = used / size;
  CHECK(count > 0 && count <= TEST_COUNT(blocks));
  for (size_t i = 0; i < count; i++) CHECK((blocks[i] = hak_malloc(size)) != NULL);
  bool flag = strstr(flags_of(blocks[count - 1]), " hg") != NULL;
  for (size_t i = 0; i < count; i++) hak_free(blocks[i]);
  hak_trim();
  return flag;
}

/* A chunk that has given some of its memory back; the others go as a whole. */
static void expect_none_where_holes_are(void) {
  enum { BLOCKS = 60000, RUN = 256 };
  static void *blocks[BLOCKS];
  for (size_t i = 0; i < BLOCKS; i++) CHECK((blocks[i] = hak_malloc(1000)) != NULL);
  for (size_t i = 0; i < BLOCKS; i++)
    if (i % (8 * RUN) >= RUN) hak_free(blocks[i]);
  hak_trim();
  for (size_t i = 0; i < BLOCKS; i += 8 * RUN) CHECK(strstr(flags_of(blocks[i]), " hg") == NULL);
  for (size_t i = 0; i < BLOCKS; i++)
    if (i % (8 * RUN) < RUN) hak_free(blocks[i]);
}

int main(int count, char **arguments) {
  hak_guard_off();
  bool forbidden = count > 1;
  bool may = !forbidden && access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) == 0;
  CHECK(advised(2 * HAK_MIB) == may && advised(8 * HAK_MIB) == may && advised(64 * HAK_MIB) == may);
  CHECK(!advised(HAK_MIB + HAK_MIB / 2) && !advised(64 * HAK_MIB + 1));
  CHECK(chunk_advised(1000, 60 * HAK_MIB) == may && chunk_advised(100000, 60 * HAK_MIB) == may);
  CHECK(!chunk_advised(1000, 12 * HAK_MIB) && !chunk_advised(100000, 12 * HAK_MIB));
  expect_none_where_holes_are();
  test_expect_quiet();
  if (forbidden) return 0;
  setenv("HAKMEM_HUGE_PAGE_BYTES_MAX", "0", 1);
  execv("/proc/self/exe", (char *[]){arguments[0], "forbidden", NULL});
  CHECK(false);
}
