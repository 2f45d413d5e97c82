/* SPDX-License-Identifier: BSD-3-Clause */
/* Page faults taken in advance.
 *
 * Problem.  A server that its own machine swaps to must not need memory when
 * there is none: a page fault then waits for swap, that is, for the server.
 * Locking keeps in memory what is there; it brings nothing in that nobody has
 * touched, and what a fork has left shared with the parent faults when it is
 * written.  To lock all that is mapped would bring in too much: nbdkit alone
 * maps 192 MiB that it never touches, and the pool is three times the disk.
 *
 * Idea.  Touch what a request will touch:
 *
 *   program and libraries        read, for it may come to any of their code
 *   what the parent has written  written again, in a way that changes nothing
 *   heap                         one piece, allocated, written and freed
 *   stacks                       used by as many threads as will be, at once
 *
 * Heap and stacks are the C library's, which must give back nothing: it is told
 * not to trim the heap and not to map large pieces apart, and its advice to
 * drop a stack whose thread has ended comes to nothing if the stack is locked.
 *
 * Invariant: nothing here changes what is in memory, or what has none and will
 * not be needed.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "compiler.h"
#include "prefault.h"
#include "procfile.h"
#include "touch.h"

/* Newer than some C libraries' headers; the value is the kernel's own. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* Of each thread's stack, how much is filled: what was used, and a margin. */
#define STACK_SIZE (256U << 10)
#define STACK_USED (64U << 10)

/* At least a byte in each page, whatever its size. */
#define STRIDE 1024U

static void
keep_heap (void)
{
  mallopt (M_ARENA_MAX, 1);
  mallopt (M_MMAP_MAX, 0);
  mallopt (M_TRIM_THRESHOLD, -1);
}

static void
set_stack_size (void)
{
  pthread_attr_t attr;

  pthread_attr_init (&attr);
  pthread_attr_setstacksize (&attr, STACK_SIZE);
  pthread_setattr_default_np (&attr);
  pthread_attr_destroy (&attr);
}

void
prefault_init (void)
{
  keep_heap ();
  set_stack_size ();
}

void
prefault_heap (size_t size)
{
  /* What is free at the end now would be part of it. */
  volatile char *const room = malloc (mallinfo2 ().keepcost + size);

  size = room ? malloc_usable_size ((void *) room) : 0;
  /* Not memset, which makes a calloc of the two, which touches nothing. */
  for (size_t i = 0; i < size; i += STRIDE)
    room[i] = 0;
  free ((void *) room);
}

static ZRAM_NOINLINE void
fill_own_stack (void)
{
  volatile char stack[STACK_USED];

  for (size_t i = 0; i < sizeof stack; i += STRIDE)
    stack[i] = 0;
}

/* All of them wait for ARG at once, or one stack would serve them all. */
static void *
use_stack (void *arg)
{
  fill_own_stack ();
  pthread_mutex_lock (arg);
  pthread_mutex_unlock (arg);
  return NULL;
}

/* The C library keeps the stacks of threads that have ended for the next ones
 * of the same size. */
void
prefault_stacks (unsigned count)
{
  pthread_mutex_t all_there = PTHREAD_MUTEX_INITIALIZER;
  pthread_t *const threads = calloc (count, sizeof *threads);
  unsigned n = 0;

  fill_own_stack ();
  pthread_mutex_lock (&all_there);
  while (threads && n < count &&
         pthread_create (&threads[n], NULL, use_stack, &all_there) == 0)
    n++;
  pthread_mutex_unlock (&all_there);
  while (n > 0)
    pthread_join (threads[--n], NULL);
  free (threads);
}

/* A line of /proc/self/maps. */
struct mapping {
  uintptr_t start, end;
  bool readable, writable, private, of_file;
};

/* "start-end rwxp offset device inode    /name": or no name, or "[what]". */
static bool
parse_mapping (const char *line, struct mapping *m)
{
  const char *name;
  char *rest;

  m->start = strtoul (line, &rest, 16);
  if (*rest != '-')
    return false;
  m->end = strtoul (rest + 1, &rest, 16);
  if (*rest != ' ' || strlen (rest) < sizeof " rwxp")
    return false;
  m->readable = rest[1] == 'r';
  m->writable = rest[2] == 'w';
  m->private = rest[4] == 'p';
  name = strpbrk (rest, "/[");
  m->of_file = name && *name == '/';
  return true;
}

/* The text and constants of a program or library.  Only kernels before 5.14,
 * which know no MADV_POPULATE_READ, have us read them: what is beyond the end
 * of the file must not be. */
static void
fill_file_mapping (const struct mapping *m)
{
  const size_t page = (size_t) getpagesize ();

  if (madvise ((void *) m->start, m->end - m->start, MADV_POPULATE_READ) == 0 ||
      errno != EINVAL)
    return;
  for (uintptr_t at = m->start; at < m->end; at += page)
    (void) *(const volatile char *) at;
}

/* Bits of an entry of /proc/PID/pagemap: the page is in memory, or in swap. */
#define PAGE_HAS_CONTENT (UINT64_C (3) << 62)

/* A process that has changed its user may not read its own pagemap: then what
 * is in memory, which is all but what has been swapped out by now. */
static bool
has_content (uintptr_t at, size_t page, int pagemap)
{
  unsigned char in_memory = 0;
  uint64_t entry;

  if (pagemap < 0)
    return mincore ((void *) at, page, &in_memory) == 0 && in_memory & 1;
  return pread (pagemap, &entry, sizeof entry, (off_t) (at / page * 8)) ==
             sizeof entry &&
         entry & PAGE_HAS_CONTENT;
}

/* What the parent had written is shared with it until it is written again. */
static void
own_mapping (const struct mapping *m, int pagemap)
{
  const size_t page = (size_t) getpagesize ();

  for (uintptr_t at = m->start; at < m->end; at += page)
    if (has_content (at, page, pagemap))
      touch_byte ((void *) at);
}

static void
fill_mapping (const struct mapping *m, int pagemap)
{
  if (!m->readable || !m->private)
    return;
  if (m->of_file)
    fill_file_mapping (m);
  if (m->writable)
    own_mapping (m, pagemap);
}

void
prefault_mappings (void)
{
  const int pagemap = open ("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  char *const maps = procfile_read ("/proc/self/maps", NULL);
  char *rest = maps;
  struct mapping m;

  for (char *line = strsep (&rest, "\n"); line; line = strsep (&rest, "\n"))
    if (parse_mapping (line, &m))
      fill_mapping (&m, pagemap);
  free (maps);
  if (pagemap >= 0)
    close (pagemap);
}
