/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdlatency: how long random reads of 4 KiB take, over NBD.
 *
 *   nbdlatency URI DEPTH SECONDS [PERCENT]
 *
 * With DEPTH under way on one connection, all over the disk, or the first
 * PERCENT of it.  On stdout: how many there were, the
 * median, the 99th percentile and the longest, in microseconds.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include <libnbd.h>

#include "random.h"
#include "util.h"

#define MAX_DEPTH 64
#define MAX_READS 10000000

struct read {
  char *buf;
  double start;
  bool done;
};

static struct nbd_handle *nbd;
static struct read reads[MAX_DEPTH];
static float *times;
static uint32_t nr_times, nr_pages;
static uint64_t seed = 1;

static int
note (void *arg, int *error)
{
  struct read *const read = arg;

  if (*error)
    fail ("a read failed");
  if (nr_times < MAX_READS)
    times[nr_times++] = (float) ((now () - read->start) * 1e6);
  read->done = true;
  return 1;
}

static void
start_read (struct read *read)
{
  const uint64_t offset =
      (uint64_t) random_below (&seed, nr_pages) * ZRAM_PAGE_SIZE;

  read->done = false;
  read->start = now ();
  if (nbd_aio_pread (
          nbd, read->buf, ZRAM_PAGE_SIZE, offset,
          (nbd_completion_callback){.callback = note, .user_data = read},
          0) < 0)
    fail ("%s", nbd_get_error ());
}

static void
read_for (unsigned depth, double seconds)
{
  const double end = now () + seconds;
  unsigned under_way = depth;

  for (unsigned i = 0; i < depth; i++) {
    reads[i].buf = new_buffer (ZRAM_PAGE_SIZE);
    start_read (&reads[i]);
  }
  while (under_way > 0) {
    if (nbd_poll (nbd, -1) < 0)
      fail ("%s", nbd_get_error ());
    for (unsigned i = 0; i < depth; i++)
      if (reads[i].done) {
        reads[i].done = false;
        if (now () < end)
          start_read (&reads[i]);
        else
          under_way--;
      }
  }
}

static int
compare (const void *a, const void *b)
{
  const float x = *(const float *) a, y = *(const float *) b;

  return (x > y) - (x < y);
}

int
main (int argc, char *argv[])
{
  const unsigned percent = argc > 4 ? (unsigned) atoi (argv[4]) : 100;
  unsigned depth;

  if (argc < 4 || argc > 5 || (depth = (unsigned) atoi (argv[2])) == 0 ||
      depth > MAX_DEPTH || percent == 0 || percent > 100)
    fail ("usage: nbdlatency URI DEPTH SECONDS [PERCENT]");
  nbd = nbd_create ();
  if (!nbd || nbd_connect_uri (nbd, argv[1]) < 0)
    fail ("%s", nbd_get_error ());
  nr_pages = (uint32_t) (nbd_get_size (nbd) / ZRAM_PAGE_SIZE / 100 * percent);
  times = new_array (MAX_READS, sizeof *times);
  read_for (depth, atof (argv[3]));
  qsort (times, nr_times, sizeof *times, compare);
  printf ("%u %.1f %.1f %.1f\n", nr_times, (double) times[nr_times / 2],
          (double) times[nr_times - 1 - nr_times / 100],
          (double) times[nr_times - 1]);
  nbd_shutdown (nbd, 0);
  nbd_close (nbd);
  return EXIT_SUCCESS;
}
