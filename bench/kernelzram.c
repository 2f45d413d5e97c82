/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernelzram.h"
#include "util.h"

#define CONTROL "/sys/class/zram-control/"

static char number[16]; /* of the device; empty: there is none */
static int fd = -1;

static bool
write_string (const char *path, const char *value)
{
  const int file = open (path, O_WRONLY | O_CLOEXEC);
  const size_t len = strlen (value);
  bool ok;

  if (file < 0)
    return false;
  ok = write (file, value, len) == (ssize_t) len;
  return close (file) == 0 && ok;
}

static bool
read_line (const char *path, char *line, size_t size)
{
  FILE *fp = fopen (path, "re");
  bool ok;

  if (fp == NULL)
    return false;
  ok = fgets (line, (int) size, fp) != NULL;
  fclose (fp);
  line[ok ? strcspn (line, "\n") : 0] = '\0';
  return ok;
}

/* Where attribute NAME is. */
static const char *
attribute (const char *name)
{
  static char path[64];

  snprintf (path, sizeof path, "/sys/block/zram%s/%s", number, name);
  return path;
}

/* A signal whose handler removes the device comes when "number" is that of the
 * device that is there, and not in between. */
static void
hold_signals (sigset_t *held)
{
  sigset_t all;

  sigfillset (&all);
  sigprocmask (SIG_BLOCK, &all, held);
}

static void
release_signals (const sigset_t *held)
{
  sigprocmask (SIG_SETMASK, held, NULL);
}

/* Others (udev) may hold the new device open for a moment. */
static void
do_remove (void)
{
  const struct timespec tick = {.tv_nsec = 20000000};

  if (number[0] == '\0')
    return;
  if (fd >= 0)
    close (fd);
  fd = -1;
  for (int i = 0; i < 250; i++) {
    if (write_string (attribute ("reset"), "1") &&
        write_string (CONTROL "hot_remove", number)) {
      number[0] = '\0';
      return;
    }
    nanosleep (&tick, NULL);
  }
  fprintf (stderr, "%s: zram%s could not be removed\n",
           program_invocation_short_name, number);
}

void
kernel_zram_remove (void)
{
  sigset_t held;

  hold_signals (&held);
  do_remove ();
  release_signals (&held);
}

static void
add_device (void)
{
  static bool registered;
  sigset_t held;
  bool added;

  if (!registered)
    atexit (kernel_zram_remove);
  registered = true;
  hold_signals (&held);
  added = read_line (CONTROL "hot_add", number, sizeof number);
  release_signals (&held);
  if (!added)
    fail (CONTROL "hot_add: %s", strerror (errno));
}

/* Whether WORD is in LIST, where one may stand in brackets. */
static bool
in_list (char *list, const char *word)
{
  char *rest;

  for (const char *at = strtok_r (list, " []", &rest); at != NULL;
       at = strtok_r (NULL, " []", &rest))
    if (strcmp (at, word) == 0)
      return true;
  return false;
}

const char *
kernel_zram_missing (const char *algorithm)
{
  char algorithms[256];
  const char *why = NULL;

  if (access (CONTROL "hot_add", F_OK) != 0)
    return "this kernel has no zram, or its module is not loaded";
  if (access (CONTROL "hot_add", R_OK) != 0)
    return "only root may add a zram device";
  add_device ();
  if (!read_line (attribute ("comp_algorithm"), algorithms, sizeof algorithms))
    fail ("%s: %s", attribute ("comp_algorithm"), strerror (errno));
  if (!in_list (algorithms, algorithm))
    why = "this kernel's zram was built without the algorithm";
  kernel_zram_remove ();
  return why;
}

void
kernel_zram_set (const char *name, const char *value)
{
  if (!write_string (attribute (name), value))
    fail ("%s: %s: %s", attribute (name), value, strerror (errno));
}

int
kernel_zram_add (const char *algorithm, uint64_t size)
{
  char text[32];

  add_device ();
  snprintf (text, sizeof text, "%" PRIu64, size);
  kernel_zram_set ("comp_algorithm", algorithm);
  kernel_zram_set ("disksize", text);
  snprintf (text, sizeof text, "/dev/zram%s", number);
  fd = open (text, O_RDWR | O_DIRECT | O_CLOEXEC);
  if (fd < 0)
    fail ("%s: %s", text, strerror (errno));
  return fd;
}

void
kernel_zram_stats (struct zram_stats *stats)
{
  char line[256];

  *stats = (struct zram_stats){.orig_data_size = 0};
  if (!read_line (attribute ("mm_stat"), line, sizeof line) ||
      sscanf (line,
              "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
              " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
              &stats->orig_data_size, &stats->compr_data_size,
              &stats->mem_used_total, &stats->mem_limit, &stats->mem_used_max,
              &stats->same_pages, &stats->pages_compacted, &stats->huge_pages,
              &stats->huge_pages_since) < 7)
    fail ("%s: %s", attribute ("mm_stat"), strerror (errno));
}
