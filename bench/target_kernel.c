/* SPDX-License-Identifier: BSD-3-Clause */
/* The contestant is the kernel's own zram, on a device that is added for the
 * purpose and removed again.  No other zram device is touched.
 *
 * One request at a time, pread and pwrite with O_DIRECT: the caller's thread
 * does the work, so its CPU time is the contestant's.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "util.h"

#define CONTROL "/sys/class/zram-control/"

static char number[16];
static char node[64], reset[64], mm_stat[64];
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

/* Others (udev) may hold the new device open for a moment. */
static void
kernel_stop (void)
{
  const struct timespec tick = {.tv_nsec = 20000000};

  if (number[0] == '\0')
    return;
  if (fd >= 0)
    close (fd);
  fd = -1;
  for (int i = 0; i < 250; i++) {
    if (write_string (reset, "1") &&
        write_string (CONTROL "hot_remove", number)) {
      number[0] = '\0';
      return;
    }
    nanosleep (&tick, NULL);
  }
  fprintf (stderr, "nbdbench: zram%s could not be removed\n", number);
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

static void
set_attribute (const char *name, const char *value)
{
  char path[64];

  snprintf (path, sizeof path, "/sys/block/zram%s/%s", number, name);
  if (!write_string (path, value))
    fail ("%s: %s: %s", path, value, strerror (errno));
}

static void
kernel_run (unsigned i ZRAM_UNUSED, struct load *load)
{
  const size_t count = (size_t) load->phase->block * ZRAM_PAGE_SIZE;
  char *buf = new_buffer (count);
  struct op op;

  while (load_next (load, &op)) {
    const off_t offset = (off_t) op.page * ZRAM_PAGE_SIZE;
    const ssize_t r = load->phase->access == ACCESS_WRITE
                          ? pwrite (fd, load_source (load, &op), count, offset)
                          : pread (fd, buf, count, offset);

    if (r != (ssize_t) count)
      fail ("%s: %s", node, r < 0 ? strerror (errno) : "short");
    load_done (load, &op, buf);
  }
  free (buf);
}

/* mm_stat's third column: mem_used_total. */
static uint64_t
kernel_memory (void)
{
  char line[256];
  uint64_t used;

  if (!read_line (mm_stat, line, sizeof line) ||
      sscanf (line, "%*u %*u %" SCNu64, &used) != 1)
    fail ("%s: %s", mm_stat, strerror (errno));
  return used;
}

const struct target *
target_kernel (const char *algorithm, uint64_t size)
{
  static const struct target target = {
      .one_at_a_time = true,
      .nr_threads = 1,
      .run = kernel_run,
      .cpu = process_cpu,
      .memory = kernel_memory,
  };
  char disksize[32];

  stop_target = kernel_stop;
  if (!read_line (CONTROL "hot_add", number, sizeof number))
    fail (CONTROL "hot_add: %s", strerror (errno));
  snprintf (node, sizeof node, "/dev/zram%s", number);
  snprintf (reset, sizeof reset, "/sys/block/zram%s/reset", number);
  snprintf (mm_stat, sizeof mm_stat, "/sys/block/zram%s/mm_stat", number);
  snprintf (disksize, sizeof disksize, "%" PRIu64, size);
  set_attribute ("comp_algorithm", algorithm);
  set_attribute ("disksize", disksize);
  fd = open (node, O_RDWR | O_DIRECT | O_CLOEXEC);
  if (fd < 0)
    fail ("%s: %s", node, strerror (errno));
  return &target;
}
