/* L1 options: see options.h. Parsing is by hand, since strtoull may allocate in some locales. */
#include "options.h"

#include <stdio.h>
#include <unistd.h>

#include "atomic.h"
#include "os.h"

typedef struct row {
  const char *variable;
  uint64_t initial, least, most;
} row_t;

static const row_t rows[hak_option_count] = {
#define HAK_X(name, variable, initial, least, most) {variable, initial, least, most},
    HAK_OPTIONS(HAK_X)
#undef HAK_X
};

_Atomic uint64_t hak_option_values[hak_option_count];
_Atomic bool hak_options_filled;

/* Decimal digits only. @return whether `text` is a number in the row's range. */
static bool parse(const row_t *row, const char *text, uint64_t *value) {
  uint64_t number = 0;
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9' || number > (UINT64_MAX - 9) / 10) return false;
    number = number * 10 + (uint64_t)(*text - '0');
  }
  *value = number;
  return number >= row->least && number <= row->most;
}

static uint64_t read_row(const row_t *row) {
  const char *text = hak_os_environment(row->variable);
  uint64_t value;
  if (text == NULL) return row->initial;
  if (parse(row, text, &value)) return value;
  char line[256];
  int length = snprintf(line, sizeof line, "hakmem: %s=%.64s is no number from %llu to %llu; using %llu\n", row->variable,
                        text, (unsigned long long)row->least, (unsigned long long)row->most,
                        (unsigned long long)row->initial);
  ssize_t written = length > 0 ? write(STDERR_FILENO, line, (size_t)length) : 0;
  (void)written; /* a closed standard error leaves nobody to tell */
  return row->initial;
}

void hak_options_fill(void) {
  for (size_t i = 0; i < hak_option_count; i++) hak_store_relaxed(&hak_option_values[i], read_row(&rows[i]));
  hak_store_release(&hak_options_filled, true);
}
