/*
 * options: every row of the table is read once, at first use; a value out of range or no number is reported by name and the
 * default is used. Each case runs in a child, for a process reads its environment once.
 */
#include "test.h"

#include "options.h"

typedef struct row {
  const char *variable;
  uint64_t initial, least, most;
} row_t;

static const row_t rows[hak_option_count] = {
#define HAK_X(name, variable, initial, least, most) {variable, initial, least, most},
    HAK_OPTIONS(HAK_X)
#undef HAK_X
};

/* What the child does: sets `variable` to `value`, or to nothing where that is NULL, and expects to read `expected`. */
static hak_option_t option;
static const char *value;
static uint64_t expected;

static void read_in_child(void) {
  if (value != NULL)
    setenv(rows[option].variable, value, 1);
  else
    unsetenv(rows[option].variable);
  CHECK(hak_option(option) == expected);
  char other[32];
  snprintf(other, sizeof other, "%llu", (unsigned long long)(rows[option].least + 1));
  setenv(rows[option].variable, other, 1);
  CHECK(hak_option(option) == expected); /* read once */
}

static test_outcome_t run(const char *text, uint64_t result) {
  value = text;
  expected = result;
  test_outcome_t outcome = test_in_child(read_in_child);
  if (outcome.status != 0) fprintf(stderr, "%s=%s: %s", rows[option].variable, value, outcome.error);
  CHECK(outcome.status == 0);
  return outcome;
}

static void accept(const char *text, uint64_t result) {
  CHECK(run(text, result).error[0] == '\0');
}

static void accept_number(uint64_t number) {
  char text[32];
  snprintf(text, sizeof text, "%llu", (unsigned long long)number);
  accept(text, number);
}

static void refuse(const char *text) {
  const row_t *row = &rows[option];
  test_outcome_t outcome = run(text, row->initial);
  char message[320];
  snprintf(message, sizeof message, "hakmem: %s=%.64s is no number from %llu to %llu; using %llu\n", row->variable, text,
           (unsigned long long)row->least, (unsigned long long)row->most, (unsigned long long)row->initial);
  if (strcmp(outcome.error, message) != 0) fprintf(stderr, "expected: %sgot: %s", message, outcome.error);
  CHECK(strcmp(outcome.error, message) == 0);
}

static void refuse_number(uint64_t number) {
  char text[32];
  snprintf(text, sizeof text, "%llu", (unsigned long long)number);
  refuse(text);
}

static void borders(void) {
  const row_t *row = &rows[option];
  CHECK(row->least <= row->initial && row->initial <= row->most);
  accept(NULL, row->initial);
  accept_number(row->least);
  accept_number(row->most);
  if (row->least > 0) refuse_number(row->least - 1);
  refuse_number(row->most + 1);
}

static void what_is_no_number(void) {
  const char *bad[] = {"", "x", "64k", " 4194304", "-4194304", "+4194304", "4 194304", "1e7", "0x400000", "18446744073713745920",
                       "99999999999999999999999999999999999999999999999999999999999999999999999999999999"};
  accept("0004194304", 4194304);
  for (size_t i = 0; i < TEST_COUNT(bad); i++) refuse(bad[i]);
}

static void *first_reader(void *result) {
  *(uint64_t *)result = hak_option(hak_option_tcache_bin_bytes);
  return NULL;
}

static void first_readers_agree(void) {
  uint64_t values[4];
  setenv("HAKMEM_TCACHE_BIN_BYTES", "12345", 1);
  test_threads(TEST_COUNT(values), first_reader, values, sizeof values[0]);
  for (size_t i = 0; i < TEST_COUNT(values); i++) CHECK(values[i] == 12345);
}

int main(void) {
  for (unsigned i = 0; i < hak_option_count; i++) {
    option = (hak_option_t)i;
    borders();
  }
  option = hak_option_chunk_bytes_max;
  what_is_no_number();
  test_expect_success(first_readers_agree);
  return 0;
}
