/*
 * Pointers that a program frees and hakmem never handed out.
 *
 *     glibc's own malloc         reached with dlsym or RTLD_DEEPBIND       passed on to glibc's free
 *     glibc's of a namespace     a library loaded by dlmopen has its own   left alone: its heap is out of reach
 *     the dynamic loader's       from before any malloc could be called    left alone, as the loader itself does
 *     nobody's                   the stack, the middle of something        the core names it and aborts
 *
 * Idea: only the core's slow path asks, so a check may take its time. glibc writes a word before each of its blocks, with the
 * size and flags; that word, what follows from it, and where the block lies tell it from nobody's. What reaches into a block of
 * hakmem's is nobody's: before a block that was freed twice lie its neighbour's data. Memory that may not be there is tried by a
 * system call before it is read.
 *
 * Invariants: errno stays. Nothing is held while it looks, so what it calls may allocate.
 * Threads: any.
 * Source: glibc, malloc/malloc.c (layout of a chunk), malloc/arena.c (heap_info), elf/dl-minimal-malloc.c.
 */
#ifndef HAK_PRELOAD_FOREIGN_H
#define HAK_PRELOAD_FOREIGN_H

#include <stddef.h>

/* Tells the core whom to ask. Before the program starts: what lies below the heap then is not glibc's. */
void hak_preload_foreign_start(void);

/* @return bytes behind a block of glibc's, of whichever namespace; 0 for any other pointer. */
size_t hak_preload_foreign_usable_size(const void *block);

#endif
