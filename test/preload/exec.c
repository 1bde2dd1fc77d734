/*
 * The exec family: whichever function replaces the program, its arguments and its environment arrive. With HAKMEM_INHERIT=0 the library
 * goes along with the process, and with none that it has forked. Returns 0, or names the line that does not hold.
 *
 *     exec-c                                         starts, for each function and with HAKMEM_INHERIT=0,
 *     exec-c start <function>                        of which a child, and then the process itself, becomes
 *     exec-c land along|without <more arguments>     this, with the library or without
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdbool.h>

#include "expect.h"

static char path[4096]; /* of this program */
static const char *name; /* the same, without its directory, which PATH has */
static const char *wanted;

static char *with_mark[] = {"MARK=1", NULL};
#define LANDING "exec", "land", wanted, "a b", "", "last", (char *)NULL
#define LANDING_LIST {"exec", "land", (char *)wanted, "a b", "", "last", NULL}

static int by_execl(void) { return execl(path, LANDING); }
static int by_execlp(void) { return execlp(name, LANDING); }
static int by_execle(void) { return execle(path, LANDING, with_mark); }
static int by_execv(void) { return execv(path, (char *[])LANDING_LIST); }
static int by_execvp(void) { return execvp(name, (char *[])LANDING_LIST); }
static int by_execve(void) { return execve(path, (char *[])LANDING_LIST, with_mark); }
static int by_execvpe(void) { return execvpe(name, (char *[])LANDING_LIST, with_mark); }

static int (*const functions[])(void) = {by_execl, by_execlp, by_execle, by_execv, by_execvp, by_execve, by_execvpe};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static bool is_preloaded(void) {
  Dl_info info;
  return dladdr(dlsym(RTLD_DEFAULT, "malloc_usable_size"), &info) != 0 && strstr(info.dli_fname, "hakmem-preload") != NULL;
}

static void find_self(void) {
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  EXPECT(length > 0);
  path[length] = '\0';
  char *slash = strrchr(path, '/');
  name = slash + 1;
  *slash = '\0';
  EXPECT(setenv("PATH", path, 1) == 0);
  *slash = '/';
}

static void expect_success(pid_t child) {
  int status = 0;
  EXPECT(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void land(int count, char **arguments) {
  EXPECT(count == 6 && strcmp(arguments[0], "exec") == 0);
  EXPECT(strcmp(arguments[3], "a b") == 0 && *arguments[4] == '\0' && strcmp(arguments[5], "last") == 0);
  EXPECT(getenv("MARK") != NULL && strcmp(getenv("MARK"), "1") == 0);
  EXPECT(is_preloaded() == (strcmp(arguments[2], "along") == 0));
}

static void start(int (*function)(void)) {
  EXPECT(is_preloaded() && setenv("MARK", "1", 1) == 0);
  const pid_t child = fork();
  wanted = child == 0 ? "without" : "along";
  if (child != 0) expect_success(child);
  function();
  EXPECT(!"replaced");
}

static void the_library_goes_along(int function) {
  const char number[] = {(char)('0' + function), '\0'};
  const pid_t child = fork();
  if (child != 0) {
    expect_success(child);
    return;
  }
  EXPECT(setenv("HAKMEM_INHERIT", "0", 1) == 0);
  execl(path, "exec", "start", number, (char *)NULL);
  EXPECT(!"replaced");
}

static void failure_is_told(void) {
  errno = 0;
  EXPECT(execl("/none/such", "such", (char *)NULL) == -1 && errno == ENOENT);
  errno = 0;
  EXPECT(execlp("none-such", "such", (char *)NULL) == -1 && errno == ENOENT);
  errno = 0;
  EXPECT(execle("/none/such", "such", (char *)NULL, with_mark) == -1 && errno == ENOENT);
}

int main(int count, char **arguments) {
  find_self();
  if (count > 1 && strcmp(arguments[1], "land") == 0) {
    land(count, arguments);
    return 0;
  }
  if (count > 1) start(functions[atoi(arguments[2])]);
  failure_is_told();
  for (int function = 0; function < FUNCTIONS; function++) the_library_goes_along(function);
  puts("holds");
  return 0;
}
