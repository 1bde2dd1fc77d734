/*
 * What the allocator holds, in the words of those who ask: people (a summary), and programs (mallinfo).
 *
 * Idea: one buffer on the stack, one write, no allocation: it may run when everything else has been taken down.
 * Threads: any.
 */
#ifndef HAK_PRELOAD_REPORT_H
#define HAK_PRELOAD_REPORT_H

/* Writes the summary to an open file descriptor. */
void hak_preload_report(int file);

#endif
