/* L0 assert: printing by write(2) alone, since the caller may be inside malloc. */
#include "assert.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 320 };

static size_t append(char *line, size_t at, const char *text) {
  size_t length = strlen(text);
  if (length > LINE_BYTES - at) length = LINE_BYTES - at;
  memcpy(line + at, text, length);
  return at + length;
}

static size_t append_pointer(char *line, size_t at, const void *pointer) {
  char text[2 + 16 + 1] = "0x";
  uintptr_t value = (uintptr_t)pointer;
  for (int digit = 0; digit < 16; digit++) text[2 + digit] = "0123456789abcdef"[(value >> (60 - 4 * digit)) & 15];
  return append(line, at, text);
}

_Noreturn void hak_fatal(const char *what, const void *pointer) {
  char line[LINE_BYTES];
  size_t at = append(line, 0, "hakmem: ");
  at = append(line, at, what);
  if (pointer != NULL) {
    at = append(line, at, " (");
    at = append_pointer(line, at, pointer);
    at = append(line, at, ")");
  }
  at = append(line, at, "\n");
  ssize_t written = write(STDERR_FILENO, line, at);
  (void)written; /* nothing is left to be done where standard error is closed */
  abort();
}
