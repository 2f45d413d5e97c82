/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's zram: by its own mm_stat, with what that leaves out. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "density.h"
#include "kernelzram.h"
#include "util.h"

static int fd = -1;
static uint32_t nr_slots;

static const char *
kernel_missing (const struct input *input)
{
  return kernel_zram_missing (input->algorithm);
}

static void
kernel_open (const struct input *input)
{
  nr_slots = input->nr_pages;
  fd = kernel_zram_add (input->algorithm, (uint64_t) nr_slots * ZRAM_PAGE_SIZE);
}

static void
kernel_write (const struct input *input, uint32_t slot, uint32_t page)
{
  if (pwrite (fd, input_page (input, page), ZRAM_PAGE_SIZE,
              (off_t) slot * ZRAM_PAGE_SIZE) != ZRAM_PAGE_SIZE)
    fail ("writing to the kernel's zram: %s", strerror (errno));
}

static void
kernel_discard (uint32_t slot)
{
  uint64_t range[2] = {(uint64_t) slot * ZRAM_PAGE_SIZE, ZRAM_PAGE_SIZE};

  if (ioctl (fd, BLKDISCARD, range) != 0)
    fail ("BLKDISCARD: %s", strerror (errno));
}

static uint64_t
kernel_compact (void)
{
  struct zram_stats before, after;

  kernel_zram_stats (&before);
  kernel_zram_set ("compact", "1");
  kernel_zram_stats (&after);
  return after.pages_compacted - before.pages_compacted;
}

static void
kernel_read (uint32_t slot, char *buf)
{
  if (pread (fd, buf, ZRAM_PAGE_SIZE, (off_t) slot * ZRAM_PAGE_SIZE) !=
      ZRAM_PAGE_SIZE)
    fail ("reading from the kernel's zram: %s", strerror (errno));
}

static void
kernel_usage (struct usage *usage)
{
  struct zram_stats stats;

  kernel_zram_stats (&stats);
  usage->objects = stats.orig_data_size / ZRAM_PAGE_SIZE - stats.same_pages;
  usage->compressed = stats.compr_data_size;
  usage->used = stats.mem_used_total;
  usage->held = kernel_held (usage, nr_slots);
}

const struct store store_kernel = {
    .name = "kernel",
    .missing = kernel_missing,
    .open = kernel_open,
    .close = kernel_zram_remove,
    .write = kernel_write,
    .discard = kernel_discard,
    .compact = kernel_compact,
    .read = kernel_read,
    .usage = kernel_usage,
};
