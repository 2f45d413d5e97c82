/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdlatency: how long random reads of 4 KiB take, over NBD.
 *
 *   nbdlatency URI DEPTH SECONDS [PERCENT [COMMAND [ARGUMENT]...]]
 *
 * With DEPTH under way on one connection, all over the disk, or the first
 * PERCENT of it.  On stdout: how many there were, the median, the 99th
 * percentile and the longest, in microseconds; and in a second line the same of
 * those that were made while COMMAND ran, right after them; what that prints
 * goes to stderr.
 *
 * Before, reads go on for a moment that nobody times: a server may start
 * threads for a connection, and they have to have come.
 */
#include <config.h>

#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include <libnbd.h>

#include "random.h"
#include "util.h"

#define MAX_DEPTH 64
#define MAX_READS 10000000

/* The moment, in seconds. */
#define WARM_UP 0.2

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

/* Keep DEPTH reads under way as long as GO_ON (ARG). */
static void
read_while (unsigned depth, bool (*go_on) (const void *arg), const void *arg)
{
  unsigned under_way = depth;

  nr_times = 0;
  for (unsigned i = 0; i < depth; i++)
    start_read (&reads[i]);
  while (under_way > 0) {
    if (nbd_poll (nbd, -1) < 0)
      fail ("%s", nbd_get_error ());
    for (unsigned i = 0; i < depth; i++)
      if (reads[i].done) {
        reads[i].done = false;
        if (go_on (arg))
          start_read (&reads[i]);
        else
          under_way--;
      }
  }
}

static bool
is_early (const void *end)
{
  return now () < *(const double *) end;
}

static void
read_for (unsigned depth, double seconds)
{
  const double end = now () + seconds;

  read_while (depth, is_early, &end);
}

/* Nobody waits for a process that has been waited for. */
static bool
runs (const void *arg)
{
  static bool over;
  int status = 0;
  const pid_t ended =
      over ? 0 : waitpid (*(const pid_t *) arg, &status, WNOHANG);

  if (ended < 0 || status != 0)
    fail ("the command failed");
  over = over || ended > 0;
  return !over;
}

static void
read_beside (unsigned depth, char *command[])
{
  posix_spawn_file_actions_t to_stderr;
  pid_t pid;
  int r = posix_spawn_file_actions_init (&to_stderr);

  if (r == 0)
    r = posix_spawn_file_actions_adddup2 (&to_stderr, STDERR_FILENO,
                                          STDOUT_FILENO);
  if (r == 0)
    r = posix_spawnp (&pid, command[0], &to_stderr, NULL, command, environ);
  if (r != 0)
    fail ("%s: %s", command[0], strerror (r));
  posix_spawn_file_actions_destroy (&to_stderr);
  read_while (depth, runs, &pid);
}

static int
compare (const void *a, const void *b)
{
  const float x = *(const float *) a, y = *(const float *) b;

  return (x > y) - (x < y);
}

static void
report (void)
{
  qsort (times, nr_times, sizeof *times, compare);
  printf ("%u %.1f %.1f %.1f\n", nr_times, (double) times[nr_times / 2],
          (double) times[nr_times - 1 - nr_times / 100],
          (double) times[nr_times - 1]);
  fflush (stdout);
}

int
main (int argc, char *argv[])
{
  const unsigned percent = argc > 4 ? (unsigned) atoi (argv[4]) : 100;
  unsigned depth;

  if (argc < 4 || (depth = (unsigned) atoi (argv[2])) == 0 ||
      depth > MAX_DEPTH || percent == 0 || percent > 100)
    fail ("usage: nbdlatency URI DEPTH SECONDS [PERCENT [COMMAND "
          "[ARGUMENT]...]]");
  nbd = nbd_create ();
  if (!nbd || nbd_connect_uri (nbd, argv[1]) < 0)
    fail ("%s", nbd_get_error ());
  nr_pages = (uint32_t) (nbd_get_size (nbd) / ZRAM_PAGE_SIZE / 100 * percent);
  times = new_array (MAX_READS, sizeof *times);
  for (unsigned i = 0; i < depth; i++)
    reads[i].buf = new_buffer (ZRAM_PAGE_SIZE);
  read_for (depth, WARM_UP);
  read_for (depth, atof (argv[3]));
  report ();
  if (argc > 5) {
    read_beside (depth, argv + 5);
    report ();
  }
  nbd_shutdown (nbd, 0);
  nbd_close (nbd);
  return EXIT_SUCCESS;
}
