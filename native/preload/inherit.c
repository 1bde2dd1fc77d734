/* Which processes are served: see inherit.h. */
#define _GNU_SOURCE
#include "inherit.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static pid_t served; /* the one process; 0: all of them */
static char *taken;  /* "HAKMEM_STATS=..." where it was taken out of the environment, or NULL */
static char own[4096]; /* this library, as LD_PRELOAD had it */

/* ---- out of the environment ---- */

static bool is_separator(char letter) {
  return letter == ':' || letter == ' ';
}

/* Whether the file's name is that of this library, wherever it lies. */
static bool is_own(const char *path, size_t length) {
  static const char name[] = "libhakmem-preload.so";
  const size_t bytes = sizeof name - 1;
  if (length < bytes || length >= sizeof own || memcmp(path + length - bytes, name, bytes) != 0) return false;
  return length == bytes || path[length - bytes - 1] == '/';
}

/* Takes this library out of a list of libraries, where the list stands. @return whether others are left. */
static bool strike_out(char *list) {
  char *to = list;
  for (char *from = list; *from != '\0';) {
    size_t length = 0;
    while (from[length] != '\0' && !is_separator(from[length])) length++;
    if (is_own(from, length)) {
      memcpy(own, from, length);
      own[length] = '\0';
    } else if (length != 0) {
      if (to != list) *to++ = ':';
      memmove(to, from, length);
      to += length;
    }
    from += length + (from[length] != '\0');
  }
  *to = '\0';
  return to != list;
}

/* The value of `entry`, "name=value", if it is the variable's. */
static char *value_of(char *entry, const char *variable) {
  const size_t length = strlen(variable);
  return strncmp(entry, variable, length) == 0 && entry[length] == '=' ? entry + length + 1 : NULL;
}

static bool is_left(char *entry) {
  char *list = value_of(entry, "LD_PRELOAD");
  if (list != NULL) return strike_out(list);
  if (value_of(entry, "HAKMEM_STATS") != NULL) taken = entry;
  return entry != taken && value_of(entry, "HAKMEM_INHERIT") == NULL;
}

/* By hand and in place: setenv would allocate, and a shell has a getenv and an unsetenv of its own. */
static void leave(char **variables) {
  char **to = variables;
  for (char **from = variables; *from != NULL; from++)
    if (is_left(*from)) *to++ = *from;
  *to = NULL;
}

/* ---- along with exec ---- */

typedef int execvpe_t(const char *file, char *const arguments[], char *const environment[]);

/* The C library's, for it searches PATH. */
static execvpe_t *searching(void) {
  static execvpe_t *known; /* found at the start: a child of fork had better not look for it */
  if (known == NULL) *(void **)&known = dlsym(RTLD_NEXT, "execvpe");
  return known;
}

void hak_preload_inherit_start(char **left) {
  searching();
  if (left == NULL) return;
  served = getpid();
  leave(left);
}

static size_t count(char *const list[]) {
  size_t entries = 0;
  while (list != NULL && list[entries] != NULL) entries++;
  return entries;
}

static const char *preloaded_by(char *const environment[]) {
  for (char *const *entry = environment; entry != NULL && *entry != NULL; entry++) {
    const char *list = value_of(*entry, "LD_PRELOAD");
    if (list != NULL) return list;
  }
  return "";
}

/* The environment with what `leave` took; `line` is for LD_PRELOAD. */
static void add_own(char **to, char *line, char *const environment[]) {
  static char inherit[] = "HAKMEM_INHERIT=0";
  const char *others = preloaded_by(environment);
  char *end = stpcpy(stpcpy(line, "LD_PRELOAD="), own);
  if (*others != '\0') stpcpy(stpcpy(end, ":"), others);
  *to++ = line;
  *to++ = inherit;
  const size_t entries = count(environment);
  for (size_t i = 0; i < entries; i++)
    if (value_of(environment[i], "LD_PRELOAD") == NULL) *to++ = environment[i];
  *to++ = taken;
  *to = NULL;
}

/* Runs one of the functions below with the environment that the new program shall have. On the stack: a signal handler may call exec. */
static int execute(execvpe_t *function, const char *file, char *const arguments[], char *const environment[]) {
  if (served == 0 || served != getpid() || *own == '\0') return function(file, arguments, environment);
  char line[sizeof "LD_PRELOAD=:" + strlen(own) + strlen(preloaded_by(environment))];
  char *changed[count(environment) + 4];
  add_own(changed, line, environment);
  return function(file, arguments, changed);
}

static int system_execve(const char *path, char *const arguments[], char *const environment[]) {
  return (int)syscall(SYS_execve, path, arguments, environment);
}

EXPORT int execve(const char *path, char *const arguments[], char *const environment[]) {
  return execute(system_execve, path, arguments, environment);
}

EXPORT int execv(const char *path, char *const arguments[]) {
  return execute(system_execve, path, arguments, environ);
}

EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[]) {
  return execute(searching(), file, arguments, environment);
}

EXPORT int execvp(const char *file, char *const arguments[]) {
  return execute(searching(), file, arguments, environ);
}

/* ---- the same with the arguments one by one: the C library's own would not come by here ---- */

typedef struct program {
  execvpe_t *function;
  const char *file;
} program_t;

static size_t count_listed(const char *first, va_list list) {
  size_t entries = 0;
  for (const char *entry = first; entry != NULL; entry = va_arg(list, const char *)) entries++;
  return entries;
}

/* `first` and what follows it in the list up to NULL. @param environment NULL: it follows too. */
static int execute_listed(program_t program, const char *first, va_list list, char **const *environment) {
  va_list again;
  va_copy(again, list);
  const size_t entries = count_listed(first, again);
  va_end(again);
  char *arguments[entries + 1];
  arguments[0] = (char *)first;
  for (size_t i = 1; i <= entries; i++) arguments[i] = va_arg(list, char *);
  return execute(program.function, program.file, arguments, environment != NULL ? *environment : va_arg(list, char **));
}

EXPORT int execl(const char *path, const char *first, ...) {
  va_list list;
  va_start(list, first);
  const int result = execute_listed((program_t){system_execve, path}, first, list, &environ);
  va_end(list);
  return result;
}

EXPORT int execlp(const char *file, const char *first, ...) {
  va_list list;
  va_start(list, first);
  const int result = execute_listed((program_t){searching(), file}, first, list, &environ);
  va_end(list);
  return result;
}

EXPORT int execle(const char *path, const char *first, ...) {
  va_list list;
  va_start(list, first);
  const int result = execute_listed((program_t){system_execve, path}, first, list, NULL);
  va_end(list);
  return result;
}
