/* SPDX-License-Identifier: BSD-3-Clause */
/* The contestant is the kernel's own zram (kernelzram.h).
 *
 * One request at a time, pread and pwrite with O_DIRECT: the caller's thread
 * does the work, so its CPU time is the contestant's.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "bench.h"
#include "kernelzram.h"
#include "util.h"

static int fd;

static bool
trim (off_t offset, size_t count)
{
  uint64_t range[2] = {(uint64_t) offset, count};

  return ioctl (fd, BLKDISCARD, range) == 0;
}

/* Do OP, with a buffer for what is read. */
static void
do_op (const struct load *load, const struct op *op, char *buf)
{
  const size_t count = (size_t) load->phase->block * ZRAM_PAGE_SIZE;
  const off_t offset = (off_t) op->page * ZRAM_PAGE_SIZE;
  ssize_t r;

  if (load->phase->access == ACCESS_WRITE)
    r = pwrite (fd, data_source (load->data, op->source), count, offset);
  else if (load->phase->access == ACCESS_TRIM)
    r = trim (offset, count) ? (ssize_t) count : -1;
  else
    r = pread (fd, buf, count, offset);
  if (r != (ssize_t) count)
    fail ("the kernel's zram: %s", r < 0 ? strerror (errno) : "short");
}

static void
kernel_run (unsigned i ZRAM_UNUSED, struct load *load)
{
  char *buf = new_buffer ((size_t) load->phase->block * ZRAM_PAGE_SIZE);
  struct op op;

  while (load_next (load, &op)) {
    do_op (load, &op, buf);
    load_done (load, &op, buf);
  }
  free (buf);
}

/* Its work is done by this program's threads, and its memory is the kernel's.
 */
static void
use_kernel (struct usage *usage)
{
  struct zram_stats stats;
  struct rusage self;

  kernel_zram_stats (&stats);
  getrusage (RUSAGE_SELF, &self);
  usage->memory = usage->rss = stats.mem_used_total;
  usage->switches = (uint64_t) self.ru_nvcsw + (uint64_t) self.ru_nivcsw;
  usage->cpu = process_cpu ();
}

const struct target *
target_kernel (const char *algorithm, uint64_t size)
{
  static const struct target target = {
      .client = "pread",
      .one_at_a_time = true,
      .nr_threads = 1,
      .run = kernel_run,
      .use = use_kernel,
  };

  stop_target = kernel_zram_remove;
  fd = kernel_zram_add (algorithm, size);
  return &target;
}
