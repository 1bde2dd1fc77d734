/*
 * L1 os: the operating system, behind the few calls that the allocator needs. One file a system.
 */
#ifndef HAK_OS_H
#define HAK_OS_H

#include "atomic.h"

/* @return `size` zero bytes at a multiple of `alignment`, or NULL. Both are multiples of the OS page; alignment a power of two. */
void *hak_os_map(size_t size, size_t alignment);

/* The same at `start` exactly, where nothing is mapped yet; else NULL, and `taken` says whether something was. */
void *hak_os_map_at(void *start, size_t size, bool *taken);

/* Addresses of which hak_os_open makes memory, zero bytes; until then they count for nothing but the process's addresses. @return NULL: none. */
void *hak_os_reserve(size_t size);
/* Whole OS pages of a reservation; again, too. @return false: no memory. */
bool hak_os_open(void *start, size_t size);

/* `size` more zero bytes behind a mapping that ends at `end`. @return false: something lies there, or no memory. */
bool hak_os_extend(void *end, size_t size);

/* Makes a mapping longer, by zero bytes, or shorter; elsewhere where there is no room behind it, without copying.
   @return where it is now; NULL: no memory, and it stays as it was. */
void *hak_os_resize(void *start, size_t before, size_t size);

/* Gives a whole mapping, or whole OS pages of one, back. */
void hak_os_unmap(void *start, size_t size);

/* Gives the memory back and keeps the addresses: the bytes read as zero from now on. @return false: they keep their contents. */
bool hak_os_purge(void *start, size_t size);

/* Moves the memory of whole OS pages to other mapped ones, without copying; what the old ones hold is undefined from now on.
   @return false: the old ones are as they were, and what the others hold is undefined. */
bool hak_os_move(void *from, void *to, size_t size);

/* Whether the system may use huge pages where whole ones lie within a mapping. It need not, and may not have any. */
void hak_os_allow_huge_pages(void *start, size_t size, bool allowed);

/* Lets other threads run: for the `turn`-th time in a row. After some it sleeps a little, for one of a lower priority gets no turn else. */
void hak_os_yield(unsigned turn);

/* Sleeps while the word has the value; may wake for no reason. And wakes those who sleep so: one, or all. */
void hak_os_wait(_Atomic uint32_t *word, uint32_t value);
void hak_os_wake(_Atomic uint32_t *word, bool all);

size_t hak_os_page_size(void);

/* Whether the process has one thread for certain. */
bool hak_os_has_one_thread(void);

/* Bytes of memory that the machine has, and of addresses that the process may map. */
size_t hak_os_memory(void);
size_t hak_os_addresses(void);

/* A clock that is cheap to read and only grows, in milliseconds. */
uint64_t hak_os_now_ms(void);
/* The same for who asks seldom: dearer, but nothing more of the C library becomes resident for it. */
uint64_t hak_os_now_ms_seldom(void);

/* An environment variable, or NULL; safe before main. */
const char *hak_os_environment(const char *name);

#if HAK_CHECKED
/* The n-th mapping from now on fails, and all after it; 0 ends that. For the tests of exhaustion. */
void hak_os_fail_from(uint64_t nth);
#endif

#endif
