/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>

#include "random.h"
#include "util.h"

/* When a server dies, every thread that speaks to it comes here, and exit is
 * not for two at once: the others wait for the end. */
void
fail (const char *format, ...)
{
  static atomic_flag ending = ATOMIC_FLAG_INIT;
  va_list args;

  if (atomic_flag_test_and_set (&ending))
    for (;;)
      pause ();

  fprintf (stderr, "%s: ", program_invocation_short_name);
  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
  fputc ('\n', stderr);
  exit (EXIT_FAILURE);
}

void
progress (const char *format, ...)
{
  va_list args;

  if (!isatty (STDERR_FILENO))
    return;
  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
}

static uint64_t
clock_ns (clockid_t clock)
{
  struct timespec ts;

  clock_gettime (clock, &ts);
  return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

double
now (void)
{
  return (double) clock_ns (CLOCK_MONOTONIC) / 1e9;
}

uint64_t
process_cpu (void)
{
  return clock_ns (CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t
thread_cpu (void)
{
  return clock_ns (CLOCK_THREAD_CPUTIME_ID);
}

void *
new_array (size_t nr, size_t size)
{
  void *array = calloc (nr, size);

  if (array == NULL)
    fail ("out of memory");
  return array;
}

char *
new_buffer (size_t size)
{
  char *buf = aligned_alloc (ZRAM_PAGE_SIZE, size);

  if (buf == NULL)
    fail ("out of memory");
  memset (buf, 0, size);
  return buf;
}

uint32_t *
new_permutation (uint32_t nr, uint64_t *random)
{
  uint32_t *array = new_array (nr, sizeof *array);

  for (uint32_t i = 0; i < nr; i++)
    array[i] = i;
  for (uint32_t i = nr; i > 1; i--) {
    const uint32_t j = random_below (random, i);
    const uint32_t swapped = array[i - 1];

    array[i - 1] = array[j];
    array[j] = swapped;
  }
  return array;
}

const char *
corpus_origin (const char *file)
{
  const char *origin = "UNKNOWN";
  char *name, line[512];
  FILE *fp;

  if (asprintf (&name, "%s.txt", file) < 0)
    fail ("out of memory");
  fp = fopen (name, "re");
  free (name);
  if (fp == NULL)
    return origin;
  while (fgets (line, sizeof line, fp) != NULL &&
         strcmp (origin, "SYNTHETIC") != 0)
    origin = strncmp (line, "synthetic", 9) == 0 ? "SYNTHETIC" : "real";
  fclose (fp);
  return origin;
}

static void
tell_origin (const char *file)
{
  const char *const origin = corpus_origin (file);

  if (strcmp (origin, "real") != 0)
    fprintf (stderr, "%s: the pages of %s are %s\n",
             program_invocation_short_name, file, origin);
}

char *
load_corpus (const char *file, uint32_t unit, uint32_t *nr_pages)
{
  const int fd = open (file, O_RDONLY | O_CLOEXEC);
  struct stat st;
  size_t size, at = 0;
  char *corpus;

  if (fd < 0 || fstat (fd, &st) != 0)
    fail ("%s: %s", file, strerror (errno));
  *nr_pages = (uint32_t) (st.st_size / ZRAM_PAGE_SIZE / unit) * unit;
  size = (size_t) *nr_pages * ZRAM_PAGE_SIZE;
  if (size == 0)
    fail ("%s: too small", file);
  corpus = new_buffer (size);
  while (at < size) {
    const ssize_t n = read (fd, corpus + at, size - at);

    if (n <= 0)
      fail ("%s: %s", file, n < 0 ? strerror (errno) : "cut off");
    at += (size_t) n;
  }
  close (fd);
  tell_origin (file);
  return corpus;
}
