/* What the programs under the preload library share: a condition that must hold, and a function that must abort. */
#ifndef EXPECT_H
#define EXPECT_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPECT(condition)                                                                   \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);     \
      exit(1);                                                                              \
    }                                                                                       \
  } while (0)

/* Runs `function` in a child that must abort, with `message` on its standard error. */
__attribute__((unused)) static void expect_abort(void (*function)(void), const char *message) {
  int pipes[2];
  char text[4096] = "";
  size_t length = 0;
  EXPECT(pipe(pipes) == 0);
  const pid_t child = fork();
  EXPECT(child >= 0);
  if (child == 0) {
    dup2(pipes[1], STDERR_FILENO);
    close(pipes[1]);
    function();
    _exit(0);
  }
  close(pipes[1]);
  for (ssize_t got; (got = read(pipes[0], text + length, sizeof text - 1 - length)) > 0;) length += (size_t)got;
  close(pipes[0]);
  int status = 0;
  EXPECT(waitpid(child, &status, 0) == child);
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || strstr(text, message) == NULL)
    fprintf(stderr, "status %x, standard error: %s\n", (unsigned)status, text);
  EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(text, message) != NULL);
}

#endif
