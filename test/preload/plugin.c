/* A C program whose plugin brings the C++ library, for itself alone: operator new asks for it by name when it has no memory. */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "expect.h"

typedef void *(*new_nothrow_t)(size_t size, const void *nothrow);
typedef void (*handler_t)(void);

static handler_t (*set_handler)(handler_t handler);
static int asked;

/* The library's operator asks until there is none. */
static void give_up(void) {
  asked++;
  set_handler(NULL);
}

int main(void) {
  static const char nothrow;
  new_nothrow_t new_nothrow = (new_nothrow_t)dlsym(RTLD_DEFAULT, "_ZnwmRKSt9nothrow_t");
  EXPECT(new_nothrow != NULL && new_nothrow((size_t)1 << 60, &nothrow) == NULL); /* nobody has a handler that could be asked */
  void *library = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
  EXPECT(dlsym(RTLD_DEFAULT, "_ZSt15set_new_handlerPFvvE") == NULL);
  if (library != NULL) {
    *(void **)&set_handler = dlsym(library, "_ZSt15set_new_handlerPFvvE");
    EXPECT(set_handler != NULL && set_handler(give_up) == NULL);
    EXPECT(new_nothrow((size_t)1 << 60, &nothrow) == NULL && asked == 1);
    EXPECT(dlclose(library) == 0);
  }
  puts("holds");
  return 0;
}
