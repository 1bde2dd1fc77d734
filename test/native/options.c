/* options: read once, at first use; a value out of range or no number is reported by name and the default is used. */
#include "test.h"

#include "options.h"

static const char *given; /* what the child finds in HAKMEM_CHUNK_UNITS; NULL: nothing */
static uint64_t expected;

static void read_in_child(void) {
  if (given != NULL)
    setenv("HAKMEM_CHUNK_UNITS", given, 1);
  else
    unsetenv("HAKMEM_CHUNK_UNITS");
  CHECK(hak_option(hak_option_chunk_units) == expected);
  setenv("HAKMEM_CHUNK_UNITS", "96", 1);
  CHECK(hak_option(hak_option_chunk_units) == expected); /* read once */
}

static test_outcome_t run(const char *value, uint64_t result) {
  given = value;
  expected = result;
  test_outcome_t outcome = test_in_child(read_in_child);
  if (outcome.status != 0) fprintf(stderr, "HAKMEM_CHUNK_UNITS=%s: %s", value, outcome.error);
  CHECK(outcome.status == 0);
  return outcome;
}

static void accept(const char *value, uint64_t result) {
  CHECK(run(value, result).error[0] == '\0');
}

static void refuse(const char *value) {
  test_outcome_t outcome = run(value, 32);
  char message[256];
  snprintf(message, sizeof message, "hakmem: HAKMEM_CHUNK_UNITS=%.64s is no number from 32 to 32768; using 32\n", value);
  if (strcmp(outcome.error, message) != 0) fprintf(stderr, "expected: %sgot: %s", message, outcome.error);
  CHECK(strcmp(outcome.error, message) == 0);
}

static void *first_reader(void *value) {
  *(uint64_t *)value = hak_option(hak_option_tcache_bytes);
  return NULL;
}

static void two_first_readers_agree(void) {
  uint64_t values[4];
  setenv("HAKMEM_TCACHE_BYTES", "12345", 1);
  test_threads(TEST_COUNT(values), first_reader, values, sizeof values[0]);
  for (size_t i = 0; i < TEST_COUNT(values); i++) CHECK(values[i] == 12345);
}

int main(void) {
  accept(NULL, 32);
  accept("32", 32);
  accept("64", 64);
  accept("0032768", 32768);
  const char *bad[] = {"", "31", "32769", "x", "64k", " 64", "-64", "+64", "6 4", "1e3", "0x40", "18446744073709551680",
                       "99999999999999999999999999999999999999999999999999999999999999999999999999999999"};
  for (size_t i = 0; i < TEST_COUNT(bad); i++) refuse(bad[i]);
  test_expect_success(two_first_readers_agree);
  return 0;
}
