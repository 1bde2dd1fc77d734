/* A C program whose plugin brings the C++ library, for itself alone: operator new asks for it by name when it has no memory. */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "expect.h"

typedef void *(*new_nothrow_t)(size_t size, const void *nothrow);

int main(void) {
  static const char nothrow;
  new_nothrow_t new_nothrow = (new_nothrow_t)dlsym(RTLD_DEFAULT, "_ZnwmRKSt9nothrow_t");
  EXPECT(new_nothrow != NULL && new_nothrow((size_t)1 << 60, &nothrow) == NULL); /* nobody has a handler that could be asked */
  void *library = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
  EXPECT(dlsym(RTLD_DEFAULT, "_ZSt15get_new_handlerv") == NULL);
  EXPECT(new_nothrow((size_t)1 << 60, &nothrow) == NULL);
  EXPECT(library == NULL || dlclose(library) == 0);
  puts("holds");
  return 0;
}
