/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compiler.h"
#include "lockdep.h"
#include "touch.h"
#include "vmem.h"

/* Newer than some C libraries' headers; the values are the kernel's own. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef PIDFD_SELF_THREAD
#define PIDFD_SELF_THREAD (-10000)
#endif

static size_t
host_page_size (void)
{
  return (size_t) getpagesize ();
}

static size_t
round_to_pages (size_t size)
{
  const size_t page = host_page_size ();

  return (size + page - 1) & ~(page - 1);
}

void *
vmem_reserve (size_t size)
{
  void *const start = mmap (NULL, round_to_pages (size), PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  if (start == MAP_FAILED)
    return NULL;
  /* Both only advise: a kernel without huge pages refuses the first. */
  madvise (start, round_to_pages (size), MADV_NOHUGEPAGE);
  madvise (start, round_to_pages (size), MADV_DONTDUMP);
  return start;
}

void
vmem_release (void *start, size_t size)
{
  if (start)
    munmap (start, round_to_pages (size));
}

static int
protect (void *start, size_t size, int protection)
{
  lockdep_may_sleep ();

  const size_t before = (uintptr_t) start & (host_page_size () - 1);

  return mprotect ((char *) start - before, round_to_pages (size + before),
                   protection) == 0
             ? 0
             : -ENOMEM;
}

int
vmem_open_reading (void *start, size_t size)
{
  return protect (start, size, PROT_READ);
}

int
vmem_open (void *start, size_t size)
{
  return protect (start, size, PROT_READ | PROT_WRITE);
}

/* Kernels before 5.14 know no MADV_POPULATE_WRITE. */
static ZRAM_NOINLINE void
touch_pages (void *start, size_t size)
{
  const size_t page = host_page_size ();

  for (size_t i = 0; i < size; i += page)
    touch_byte ((char *) start + i);
}

int
vmem_populate (void *start, size_t size)
{
  lockdep_may_sleep ();
  while (madvise (start, size, MADV_POPULATE_WRITE) != 0) {
    if (errno == EINVAL) {
      touch_pages (start, size);
      return 0;
    }
    if (errno != EINTR && errno != EAGAIN)
      return -ENOMEM;
  }
  return 0;
}

static void
give_back_one (void *start, size_t size)
{
  if (madvise (start, size, MADV_DONTNEED) == 0)
    return;
  /* Locked memory: 5.18 can drop it as it is, older kernels must unlock; what
   * is filled here later is to be locked again. */
  if (madvise (start, size, MADV_DONTNEED_LOCKED) == 0)
    return;
  munlock (start, size);
  madvise (start, size, MADV_DONTNEED);
  mlock2 (start, size, MLOCK_ONFAULT);
}

/* The kernel cannot give ranges back by one system call. */
static _Atomic bool one_by_one;

/* By one system call.  False, and some may have been given back: the kernel
 * cannot do that; before 6.13 none can, for memory of one's own. */
static bool
give_back_together (const struct iovec *ranges, unsigned nr)
{
  size_t size = 0;

  for (unsigned i = 0; i < nr; i++)
    size += ranges[i].iov_len;
  return syscall (SYS_process_madvise, PIDFD_SELF_THREAD, ranges,
                  (unsigned long) nr, MADV_DONTNEED_LOCKED, 0U) == (long) size;
}

void
vmem_give_back (const struct iovec *ranges, unsigned nr)
{
  lockdep_may_sleep ();
  if (nr > 1 && !one_by_one) {
    if (give_back_together (ranges, nr))
      return;
    one_by_one = true;
  }
  for (unsigned i = 0; i < nr; i++)
    give_back_one (ranges[i].iov_base, ranges[i].iov_len);
}
