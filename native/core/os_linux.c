/*
 * L1 os on Linux: mmap, munmap, madvise.
 *
 * What is touched of the C library becomes resident in windows of up to 64 KiB, and counts in a process of 2 MiB. `syscall` lies beside mmap there:
 * so what every program needs that lies elsewhere (mremap, sched_yield, sysinfo) goes by it.
 */
#if defined(__linux__)
#define _GNU_SOURCE
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "assert.h"
#include "atomic.h"
#include "bits.h"

#if HAK_CHECKED
/* Mappings left until failure, plus one; 0: never. Relaxed: the tests set it while no other thread runs. */
static _Atomic uint64_t failing;

void hak_os_fail_from(uint64_t nth) {
  hak_store_relaxed(&failing, nth);
}

static bool must_fail(void) {
  uint64_t left = hak_load_relaxed(&failing);
  if (left > 1) hak_store_relaxed(&failing, left - 1);
  return left == 1;
}
#else
static bool must_fail(void) {
  return false;
}
#endif

enum { READ_WRITE = PROT_READ | PROT_WRITE, ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };

/* What the allocator does for itself, in a free too, leaves errno alone; who has no memory for a caller says so. */
static void *map(size_t size) {
  if (must_fail()) return NULL;
  int before = errno;
  void *mapped = mmap(NULL, size, READ_WRITE, ANONYMOUS, -1, 0);
  errno = before;
  return mapped == MAP_FAILED ? NULL : mapped;
}

#if !defined(MAP_FIXED_NOREPLACE)
#define MAP_FIXED_NOREPLACE 0 /* before Linux 4.17 the address is a hint */
#endif

void *hak_os_map_at(void *start, size_t size, bool *taken) {
  *taken = false;
  if (must_fail()) return NULL;
  int before = errno;
  void *mapped = mmap(start, size, READ_WRITE, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  *taken = mapped == MAP_FAILED ? errno == EEXIST : mapped != start;
  errno = before;
  if (mapped == start) return start;
  if (mapped != MAP_FAILED) hak_os_unmap(mapped, size);
  return NULL;
}

/* Memory that cannot be written to counts for no limit of memory, even where the system never promises more than it has. */
void *hak_os_reserve(size_t size) {
  if (must_fail()) return NULL;
  int before = errno;
  void *start = mmap(NULL, size, PROT_NONE, ANONYMOUS, -1, 0);
  errno = before;
  return start == MAP_FAILED ? NULL : start;
}

bool hak_os_open(void *start, size_t size) {
  int before = errno;
  bool opened = !must_fail() && mprotect(start, size, READ_WRITE) == 0;
  errno = before;
  return opened;
}

/* Maps more than is needed and gives the ends back. The next plain mapping then tends to be aligned by itself. */
static void *map_and_cut(size_t size, size_t alignment) {
  if (size > SIZE_MAX - alignment) return NULL;
  char *start = map(size + alignment);
  if (start == NULL) return NULL;
  char *aligned = (char *)hak_round_up((uintptr_t)start, alignment);
  size_t before = (size_t)(aligned - start);
  if (before != 0) hak_os_unmap(start, before);
  if (before != alignment) hak_os_unmap(aligned + size, alignment - before);
  return aligned;
}

void *hak_os_map(size_t size, size_t alignment) {
  HAK_ASSERT(hak_is_power_of_two(alignment) && size % hak_os_page_size() == 0);
  void *start = map(size);
  if (start == NULL) return NULL;
  if (((uintptr_t)start & (alignment - 1)) == 0) return start;
  hak_os_unmap(start, size);
  return map_and_cut(size, alignment);
}

/* Giving back happens inside free, which leaves errno alone. */
void hak_os_unmap(void *start, size_t size) {
  int before = errno;
  /* Fails only where cutting a mapping in two passes the kernel's limit of mappings: then the memory is given back at least. */
  if (munmap(start, size) != 0) hak_os_purge(start, size);
  errno = before;
}

bool hak_os_purge(void *start, size_t size) {
  int before = errno;
  bool purged = madvise(start, size, MADV_DONTNEED) == 0;
  errno = before;
  return purged;
}

/* Its last page is enough to say which: what was moved into a mapping has made several of it. */
bool hak_os_extend(void *end, size_t size) {
  int before = errno;
  size_t page = hak_os_page_size();
  char *last = (char *)end - page;
  bool extended = !must_fail() && mremap(last, page, page + size, 0) == last;
  errno = before;
  return extended;
}

void *hak_os_resize(void *start, size_t before, size_t size) {
  int error = errno;
  void *resized = size > before && must_fail() ? MAP_FAILED : (void *)syscall(SYS_mremap, start, before, size, MREMAP_MAYMOVE);
  errno = error;
  return resized == MAP_FAILED ? NULL : resized;
}

#if defined(MREMAP_DONTUNMAP)
/* By hand: strtol may allocate in some locales. */
static int read_number(const char **at) {
  int number = 0;
  for (; **at >= '0' && **at <= '9'; (*at)++) number = number * 10 + (**at - '0');
  return number;
}

/* Since Linux 6.17 a range of several mappings can be moved, and what cannot be moved is refused before anything is unmapped. */
static bool moves_many(void) {
  static _Atomic int known; /* 1: yes, 2: no; relaxed: every thread finds the same */
  int answer = hak_load_relaxed(&known);
  if (answer == 0) {
    struct utsname name;
    const char *at = name.release;
    int major = uname(&name) == 0 ? read_number(&at) : 0;
    int minor = major != 0 && *at++ == '.' ? read_number(&at) : 0;
    answer = major * 1000 + minor >= 6017 ? 1 : 2;
    hak_store_relaxed(&known, answer);
  }
  return answer == 1;
}

/* The last resort, where the number of mappings is exhausted: the system has taken `to` away. */
static void restore(void *to, size_t size) {
  void *again = mmap(to, size, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0);
  if (again != to) hak_fatal("no memory to restore a mapping that the system took away", to);
}

static bool move_at_once(void *from, void *to, size_t size) {
  if (mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == to) return true;
  restore(to, size);
  return false;
}

/* Where the first step is refused nothing has happened, whereas a move straight to `to` would begin with unmapping it, and
   another thread's mapping could get there before it is restored. */
static bool move_in_two_steps(void *from, void *to, size_t size) {
  void *between = mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
  if (between == MAP_FAILED) return false;
  if (mremap(between, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to) return true;
  restore(to, size);
  memcpy(to, between, size);
  munmap(between, size);
  return true;
}
#endif

bool hak_os_move(void *from, void *to, size_t size) {
#if defined(MREMAP_DONTUNMAP)
  int before = errno;
  bool moved = moves_many() ? move_at_once(from, to, size) : move_in_two_steps(from, to, size);
  errno = before;
  return moved;
#else
  (void)from, (void)to, (void)size;
  return false; /* before Linux 5.7: the caller copies */
#endif
}

void hak_os_allow_huge_pages(void *start, size_t size, bool allowed) {
  int before = errno;
  madvise(start, size, allowed ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  errno = before;
}

enum { YIELDS_BEFORE_PAUSE = 20, PAUSE_NS = 50000 };

/* By system calls: nanosleep would be a point at which the thread may be cancelled, and malloc is none. */
void hak_os_yield(unsigned turn) {
  int before = errno;
  struct timespec pause = {0, PAUSE_NS};
  if (turn < YIELDS_BEFORE_PAUSE)
    syscall(SYS_sched_yield);
  else
    syscall(SYS_nanosleep, &pause, NULL);
  errno = before;
}

void hak_os_wait(_Atomic uint32_t *word, uint32_t value) {
  int before = errno;
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
  errno = before;
}

void hak_os_wake(_Atomic uint32_t *word, bool all) {
  int before = errno;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, all ? INT_MAX : 1, NULL, NULL, 0);
  errno = before;
}

size_t hak_os_page_size(void) {
  static _Atomic size_t known; /* relaxed: every thread finds the same value */
  size_t size = hak_load_relaxed(&known);
  if (HAK_UNLIKELY(size == 0)) {
    size = (size_t)getpagesize();
    hak_store_relaxed(&known, size);
  }
  return size;
}

/* The directory has a link for each thread, beside its own two. A signal's handler may ask, and a C library of any age. */
bool hak_os_has_one_thread(void) {
  int before = errno;
  struct statx tasks = {0};
  bool known = syscall(SYS_statx, AT_FDCWD, "/proc/self/task", 0, STATX_NLINK, &tasks) == 0;
  errno = before;
  return known && tasks.stx_nlink == 3;
}

/* Not by sysconf, which reads a file. */
size_t hak_os_memory(void) {
  struct sysinfo info;
  return syscall(SYS_sysinfo, &info) == 0 ? (size_t)info.totalram * info.mem_unit : SIZE_MAX;
}

size_t hak_os_addresses(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)limit.rlim_cur;
}

static uint64_t ms_of(const struct timespec *time) {
  return (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_nsec / 1000000;
}

uint64_t hak_os_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return ms_of(&now);
}

uint64_t hak_os_now_ms_seldom(void) {
  struct timespec now = {0, 0};
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, &now);
  return ms_of(&now);
}

const char *hak_os_environment(const char *name) {
  return getenv(name);
}
#endif
