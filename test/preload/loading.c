/* Libraries that come and go while threads allocate: dlopen and dlclose, and what the C library loads by itself. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <iconv.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>

#include "expect.h"

static const char *const libraries[] = {"libm.so.6", "libresolv.so.2", "libnss_files.so.2", "libgcc_s.so.1",
                                        "libstdc++.so.6", "libz.so.1"};
static bool over;

static void *allocate(void *unused) {
  for (size_t size = 1; !__atomic_load_n(&over, __ATOMIC_RELAXED); size = size * 7 % 100003) free(malloc(size));
  return unused;
}

/* One that is not there is left out. A library that sees its own C library first allocates there, and its blocks come here. */
static void *load(void *flags) {
  for (int round = 0; round < 30; round++)
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
      void *library = dlopen(libraries[i], *(int *)flags);
      if (library != NULL) EXPECT(dlclose(library) == 0);
      else EXPECT(strlen(dlerror()) > 0);
    }
  return NULL;
}

static void *convert(void *unused) {
  for (int round = 0; round < 30; round++) {
    iconv_t conversion = iconv_open("UTF-16", "ISO-8859-15");
    if (conversion != (iconv_t)-1) EXPECT(iconv_close(conversion) == 0);
    struct addrinfo *found = NULL;
    if (getaddrinfo("localhost", "80", NULL, &found) == 0) freeaddrinfo(found);
  }
  return unused;
}

int main(void) {
  int now = RTLD_NOW, deep = RTLD_LAZY | RTLD_DEEPBIND;
  pthread_t busy, threads[4];
  EXPECT(pthread_create(&busy, NULL, allocate, NULL) == 0);
  EXPECT(pthread_create(&threads[0], NULL, load, &now) == 0);
  EXPECT(pthread_create(&threads[1], NULL, load, &deep) == 0);
  EXPECT(pthread_create(&threads[2], NULL, convert, NULL) == 0);
  EXPECT(pthread_create(&threads[3], NULL, convert, NULL) == 0);
  for (int i = 0; i < 4; i++) EXPECT(pthread_join(threads[i], NULL) == 0);
  __atomic_store_n(&over, true, __ATOMIC_RELAXED);
  EXPECT(pthread_join(busy, NULL) == 0);
  puts("holds");
  return 0;
}
