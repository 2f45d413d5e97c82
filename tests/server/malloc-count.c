/* SPDX-License-Identifier: BSD-3-Clause */
/* A library to preload that counts calls of malloc, in a file that another
 * process has mapped as well.  glibc's own names for the functions serve to
 * reach them without looking anything up, which itself might allocate.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "malloc-count.h"

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t nmemb, size_t size);
extern void *__libc_realloc (void *ptr, size_t size);
extern void *__libc_memalign (size_t alignment, size_t size);

/* Where calls are counted until, and unless, the file is mapped. */
static struct malloc_count nowhere;
static struct malloc_count *count = &nowhere;

static void count_in_file (void) __attribute__ ((constructor));

static void
count_in_file (void)
{
  const char *name = getenv (MALLOC_COUNT_FILE);
  const int fd = name ? open (name, O_RDWR | O_CLOEXEC) : -1;
  void *map;

  if (fd == -1)
    return;
  map = mmap (NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close (fd);
  if (map != MAP_FAILED)
    count = map;
}

static void
count_call (void)
{
  atomic_fetch_add_explicit (&count->calls, 1, memory_order_relaxed);
}

void *
malloc (size_t size)
{
  count_call ();
  return __libc_malloc (size);
}

void *
calloc (size_t nmemb, size_t size)
{
  count_call ();
  return __libc_calloc (nmemb, size);
}

void *
realloc (void *ptr, size_t size)
{
  count_call ();
  return __libc_realloc (ptr, size);
}

void *
memalign (size_t alignment, size_t size)
{
  count_call ();
  return __libc_memalign (alignment, size);
}

void *
aligned_alloc (size_t alignment, size_t size)
{
  return memalign (alignment, size);
}

int
posix_memalign (void **ptr, size_t alignment, size_t size)
{
  const int saved = errno;
  void *start = memalign (alignment, size);

  errno = saved;
  if (start == NULL)
    return ENOMEM;
  *ptr = start;
  return 0;
}
