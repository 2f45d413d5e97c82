/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a pipe and a thread: a handler may hardly do more than write(2), and
 * what it interrupts may be in the middle of anything. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "diskset.h"
#include "planted.h"
#include "report.h"

/* What the pipe says: a person asked, or the server ends. */
#define ASKED   '?'
#define STOPPED '.'

/* Room for all attributes, with large numbers and the longest path, and not
 * more than PIPE_BUF: a pipe that has room for anything takes it whole. */
#define REPORT_MAX PIPE_BUF

/* Milliseconds until a report that nobody takes is dropped. */
#define PATIENCE 1000

static struct {
  int pipe[2];
  int file; /* -1: standard error or syslog */
  char text[REPORT_MAX + 1];
  FILE *fp; /* writes to text */
  struct diskset *set;
  pthread_t thread;
  bool running;
  const char *made; /* the name of the statsfile, if it was not there */
} report = {.pipe = {-1, -1}, .file = -1};

static void
handle_signal (int sig)
{
  const int saved = errno;
  const char asked = ASKED;

  (void) sig;
  /* A full pipe has enough requests in it. */
  if (write (report.pipe[1], &asked, 1) < 0)
    errno = saved;
}

static int
refuse_statsfile (const char *statsfile, const char *why)
{
  nbdkit_error ("statsfile: %s: %s", statsfile, why);
  return -1;
}

/* Without O_NONBLOCK a named pipe would keep the server from starting until
 * somebody reads it. */
static int
open_statsfile (const char *statsfile)
{
  const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  struct stat statbuf;
  bool made, planted;

  report.file = planted_make_or_open (statsfile, flags, &made, &planted);
  report.made = made ? statsfile : NULL;
  if (planted)
    return refuse_statsfile (
        statsfile, "is a link or somebody else's, in a directory where "
                   "everybody may make files: give one elsewhere");
  if (report.file < 0 || fstat (report.file, &statbuf) < 0) {
    nbdkit_error ("statsfile: %s: %m: give a file that can be written",
                  statsfile);
    return -1;
  }
  if (!S_ISREG (statbuf.st_mode) && !S_ISCHR (statbuf.st_mode))
    return refuse_statsfile (statsfile, "is no regular file: give one");
  return 0;
}

int
report_prepare (const char *statsfile)
{
  struct sigaction action = {.sa_handler = handle_signal,
                             .sa_flags = SA_RESTART};

  if (statsfile && open_statsfile (statsfile) < 0)
    return -1;
  report.fp = fmemopen (report.text, sizeof report.text, "w");
  if (!report.fp || pipe2 (report.pipe, O_CLOEXEC) < 0 ||
      fcntl (report.pipe[1], F_SETFL, O_NONBLOCK) < 0 ||
      sigaction (SIGUSR1, &action, NULL) < 0) {
    nbdkit_error ("cannot prepare for SIGUSR1: %m");
    return -1;
  }
  return 0;
}

/* The parameters that can be read, and the statistics, but for those that would
 * hold up the server's end by as much as is stored. */
static bool
is_reported (const struct attr *attr)
{
  return attr->show && (attr->store || attr->columns) &&
         attr->walk != ATTR_WALKS_SLOTS;
}

/* One line, also of what has several; none of what has none. */
static int
print_value (struct disk *disk, const char *name, FILE *fp)
{
  struct attr_error error;
  const long from = ftell (fp);
  char *value, *end;
  int r;

  fprintf (fp, "%s: ", name);
  fflush (fp);
  value = report.text + ftell (fp);
  r = attr_get (disk, name, fp, &error);
  fflush (fp);
  end = report.text + ftell (fp);
  if (end == value)
    fseek (fp, from, SEEK_SET);
  for (char *c = value; c + 1 < end; c++)
    if (*c == '\n')
      *c = ' ';
  return r;
}

/* The disk's name; then of each attribute name and columns, and the values. -1:
 * it has been removed meanwhile. */
static int
print_attributes (struct disk *disk, FILE *fp)
{
  int r = 0;

  fprintf (fp, "disk: %s\n", disk->name);

  for (size_t i = 0; i < attr_count && r == 0; i++) {
    if (!is_reported (&attrs[i]))
      continue;
    if (attrs[i].columns)
      fprintf (fp, "%s: %s\n", attrs[i].name, attrs[i].columns);
    r = print_value (disk, attrs[i].name, fp);
  }
  return r;
}

static void
log_lines (char *text)
{
  char *rest;

  for (char *line = strtok_r (text, "\n", &rest); line;
       line = strtok_r (NULL, "\n", &rest))
    syslog (LOG_DAEMON | LOG_INFO, "zram: %s", line);
}

/* nbdkit points standard error there when it goes into the background. */
static bool
stderr_is_null (void)
{
  struct stat statbuf;

  return fstat (STDERR_FILENO, &statbuf) == 0 && S_ISCHR (statbuf.st_mode) &&
         statbuf.st_rdev == makedev (1, 3);
}

/* In one piece, so that two reports never mix; and not to a pipe that nobody
 * empties, which would keep the server from ending.  False: nobody takes it. */
static bool
write_text (int fd, const char *text, size_t len)
{
  struct pollfd room = {.fd = fd, .events = POLLOUT};

  if (poll (&room, 1, PATIENCE) == 1 && write (fd, text, len) >= 0)
    return true;
  if (fd == report.file)
    nbdkit_error ("statsfile: the statistics could not be written: %m");
  return false;
}

/* Lines that have no room are left out whole: another report may follow. */
static char *
end_of_text (void)
{
  const long len = ftell (report.fp);

  if (len <= REPORT_MAX)
    return report.text + len;
  return (char *) memrchr (report.text, '\n', REPORT_MAX) + 1;
}

/* The stream ends its text only where it has never been before. */
static int
make_text (struct disk *disk)
{
  int r;

  rewind (report.fp);
  r = print_attributes (disk, report.fp);
  fflush (report.fp);
  *end_of_text () = '\0';
  return r;
}

/* False: nobody takes it. */
static bool
report_disk (struct disk *disk)
{
  if (make_text (disk) < 0)
    return true;
  if (report.file >= 0)
    return write_text (report.file, report.text, strlen (report.text));
  if (!stderr_is_null ())
    return write_text (STDERR_FILENO, report.text, strlen (report.text));
  log_lines (report.text);
  return true;
}

/* Who has not taken one in time is not waited for again with each of the
 * others. */
static void
write_report (void)
{
  struct disk *disk = diskset_next (report.set, NULL);

  while (disk && report_disk (disk))
    disk = diskset_next (report.set, disk);
  if (disk)
    diskset_put (report.set, disk);
}

/* All that was asked before a report begins, it answers.  No signal is taken
 * here: SIGXFSZ, when the file may not grow, would end the server.  The pipe
 * does not end before the thread does, and whoever asks after it could not be
 * read is to be answered, too. */
static void *
run (void *arg)
{
  const struct timespec moment = {.tv_nsec = 100000000};
  char asked[64];
  sigset_t all;
  ssize_t n;

  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, NULL);
  do {
    n = read (report.pipe[0], asked, sizeof asked);
    if (n > 0)
      write_report ();
    else
      nanosleep (&moment, NULL); /* as long as that lasts */
  } while (n <= 0 || !memchr (asked, STOPPED, (size_t) n));
  return arg;
}

int
report_start (struct diskset *set)
{
  int r;

  report.set = set;
  r = pthread_create (&report.thread, NULL, run, NULL);
  if (r != 0) {
    errno = r;
    nbdkit_error ("cannot start the statistics thread: %m");
    return -1;
  }
  report.running = true;
  return 0;
}

void
report_stop (void)
{
  struct pollfd room = {.fd = report.pipe[1], .events = POLLOUT};
  const char stopped = STOPPED;

  if (!report.running)
    return;
  /* Signals may have filled the pipe; the thread empties it. */
  while (write (report.pipe[1], &stopped, 1) < 0)
    poll (&room, 1, -1);
  pthread_join (report.thread, NULL);
  report.running = false;
}

/* Is its name our file's still? */
static bool
statsfile_is_ours (void)
{
  struct stat ours, named;

  return fstat (report.file, &ours) == 0 && lstat (report.made, &named) == 0 &&
         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

void
report_undo (void)
{
  if (report.made && statsfile_is_ours ())
    unlink (report.made);
}

static void
close_if_open (int fd)
{
  if (fd >= 0)
    close (fd);
}

void
report_unload (void)
{
  signal (SIGUSR1, SIG_IGN);
  if (report.fp)
    fclose (report.fp);
  close_if_open (report.file);
  close_if_open (report.pipe[0]);
  close_if_open (report.pipe[1]);
}
