/* The library as its users see it: the header, and nothing but what it exports. */
#include <hakmem.h>
#include <string.h>

int main(void) {
  char *text = hak_calloc(1, 100);
  if (text == NULL || hak_usable_size(text) < 100 || text[99] != 0) return 1;
  strcpy(text, "hakmem");
  text = hak_realloc(text, 100000);
  if (text == NULL || strcmp(text, "hakmem") != 0) return 2;
  hak_free(text);
  return hak_version() == HAK_VERSION_MAJOR * 10000 + HAK_VERSION_MINOR * 100 + HAK_VERSION_PATCH ? 0 : 3;
}
