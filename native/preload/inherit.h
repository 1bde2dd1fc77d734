/*
 * HAKMEM_INHERIT=0: the library serves one process, and programs that it starts run without.
 *
 *     start       the library leaves the environment, so no child gets it
 *     exec        a process that replaces its program is still the same one: the library goes along (env, a shell's exec)
 *     fork, exec  another process: nothing is added; so too posix_spawn, system and popen, which need nothing done
 *
 * Not covered are fexecve and execveat: the process goes on without the library.
 *
 * Threads: start once, before the program; exec any.
 */
#ifndef HAK_PRELOAD_INHERIT_H
#define HAK_PRELOAD_INHERIT_H

/* @param left NULL, or the environment that the library shall leave. */
void hak_preload_inherit_start(char **left);

#endif
