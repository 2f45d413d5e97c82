/* SPDX-License-Identifier: BSD-3-Clause */
/* There may be no descriptor more than before the first round, and no thread.
 * Memory, but for what files have, is never the same twice: which of the C
 * library's heaps has a hole where something was freed, and how many stacks of
 * threads that have ended it keeps, is chance.  That can only add to what is
 * needed, and what leaks never goes.  In the first rounds some more is made
 * that stays, when it is used first: compressors, heaps for more threads.  So
 * of the points of the run's second third and of its last the least are
 * compared.
 */
#include <config.h>

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "server.h"
#include "soakflat.h"

/* What the last third's least may have more: it has been 0.3 MiB on a busy
 * machine; a page lost by each run of recompression, of which there are five in
 * a second, makes 1.6 MiB in three minutes. */
#define ALLOWANCE MiB

/* Threads that the kernel has made for io_uring come and go. */
static bool
is_kernels (const struct server *server, const char *task)
{
  char path[320], name[32] = "";
  FILE *fp;

  snprintf (path, sizeof path, "/proc/%ld/task/%s/comm", (long) server->pid,
            task);
  fp = fopen (path, "r");
  if (fp == NULL)
    return true; /* it has just ended */
  if (!fgets (name, sizeof name, fp))
    name[0] = '\0';
  fclose (fp);
  return strncmp (name, "iou-", 4) == 0;
}

static unsigned
count_threads (const struct server *server)
{
  const struct dirent *entry;
  char path[64];
  unsigned n = 0;
  DIR *dir;

  snprintf (path, sizeof path, "/proc/%ld/task", (long) server->pid);
  dir = opendir (path);
  CHECK (dir != NULL);
  while ((entry = readdir (dir)) != NULL)
    n += isdigit ((unsigned char) entry->d_name[0]) &&
         !is_kernels (server, entry->d_name);
  closedir (dir);
  return n;
}

struct comparison {
  const struct flat *flat;
  char found[128];
};

static int
is_as_at_first (void *arg)
{
  struct comparison *const comparison = arg;
  const struct flat *const flat = comparison->flat;
  const unsigned threads = count_threads (flat->server);
  const unsigned descriptors = server_entries (flat->server, "fd");

  snprintf (comparison->found, sizeof comparison->found,
            "%u threads, at first %u; %u descriptors, at first %u", threads,
            flat->threads, descriptors, flat->descriptors);
  return threads <= flat->threads && descriptors <= flat->descriptors;
}

static unsigned
lesser (unsigned a, unsigned b)
{
  return a < b ? a : b;
}

/* Clients may have gone for whom a thread has not ended yet: the least there is
 * in some seconds. */
static void
take_first (struct flat *flat)
{
  const struct timespec ts = {.tv_nsec = 10000000};

  flat->threads = flat->descriptors = UINT_MAX;
  for (unsigned i = 0; i < 300; i++) {
    flat->threads = lesser (flat->threads, count_threads (flat->server));
    flat->descriptors =
        lesser (flat->descriptors, server_entries (flat->server, "fd"));
    nanosleep (&ts, NULL);
  }
}

void
flat_begin (struct flat *flat, const struct server *server, bool watched)
{
  *flat = (struct flat){.server = server, .watched = watched, .merged = 1};
  take_first (flat);
}

static uint64_t
least (const uint64_t *memory, unsigned n)
{
  uint64_t found = memory[0];

  for (unsigned i = 1; i < n; i++)
    if (memory[i] < found)
      found = memory[i];
  return found;
}

/* Two by two: of each pair, the least counts. */
static void
merge_points (struct flat *flat)
{
  flat->n /= 2;
  flat->merged *= 2;
  for (unsigned i = 0; i < flat->n; i++)
    flat->points[i] = least (flat->points + 2 * (size_t) i, 2);
}

void
flat_note (struct flat *flat, uint64_t memory)
{
  flat->memory = memory;
  if (flat->rounds++ % flat->merged > 0) {
    if (memory < flat->points[flat->n - 1])
      flat->points[flat->n - 1] = memory;
    return;
  }
  if (flat->n == FLAT_POINTS)
    merge_points (flat);
  flat->points[flat->n++] = memory;
}

void
flat_take (struct flat *flat)
{
  struct comparison comparison = {.flat = flat};

  wait_until (is_as_at_first, &comparison, comparison.found);
  flat_note (flat, server_memory (flat->server, "Anonymous"));
}

static uint64_t
least_of_second_third (const struct flat *flat)
{
  return least (flat->points + flat->n / 3, flat->n / 3);
}

static uint64_t
least_of_last_third (const struct flat *flat)
{
  return least (flat->points + flat->n - flat->n / 3, flat->n / 3);
}

bool
flat_has_grown (const struct flat *flat)
{
  return least_of_last_third (flat) > least_of_second_third (flat) + ALLOWANCE;
}

static void
report_memory (const struct flat *flat)
{
  if (flat->rounds < FLAT_ROUNDS)
    fail ("ended after %u rounds: whether memory grows, %u can tell",
          flat->rounds, FLAT_ROUNDS);
  printf ("%.1f MiB at least in the second third, %.1f in the last\n",
          (double) least_of_second_third (flat) / (double) MiB,
          (double) least_of_last_third (flat) / (double) MiB);
  if (flat_has_grown (flat))
    fail ("the server's memory has grown from %" PRIu64 " to %" PRIu64 " bytes",
          least_of_second_third (flat), least_of_last_third (flat));
}

void
flat_report (const struct flat *flat)
{
  printf ("REPORT: soak: %u times nobody was connected and nothing stored: "
          "%u descriptors, %u threads; ",
          flat->rounds, flat->descriptors, flat->threads);
  if (flat->watched)
    puts ("memory was not compared: a sanitizer's own is in it");
  else
    report_memory (flat);
}
