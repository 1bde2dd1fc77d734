/*
 * What the package ships is built on some new system and must load on every one that Node runs on, from glibc 2.28 on. glibc gave these
 * functions a new version when 2.34 moved them into libc; their first one, under which it has them still, is asked for here.
 * binding.gyp includes this before each file, so no macro of a header's may be asked for. scripts/symbols.mjs looks at what came of it.
 * Before 2.34 they are in libpthread and libdl, which Node loads, and for other programs `hakmem run` does.
 */
#if __has_include(<gnu/libc-version.h>)
#if defined(__x86_64__)
#define HAK_AT_FIRST(name) __asm__(".symver " #name ", " #name "@GLIBC_2.2.5")
#elif defined(__aarch64__)
#define HAK_AT_FIRST(name) __asm__(".symver " #name ", " #name "@GLIBC_2.17")
#endif
#endif

#if defined(HAK_AT_FIRST)
HAK_AT_FIRST(dlopen);
HAK_AT_FIRST(dlsym);
HAK_AT_FIRST(pthread_key_create);
HAK_AT_FIRST(pthread_once);
HAK_AT_FIRST(pthread_setspecific);
#endif
