/* SPDX-License-Identifier: BSD-3-Clause */
/* This project's device, in this process.  What it takes is what the process
 * has more than before the device was made: pool, slot table, streams,
 * statistics and the page tables for them.
 */
#include <config.h>

#include "density.h"
#include "device.h"
#include "memory.h"

static struct zram *zram;
static struct memory before;

static const char *
zram_missing (const struct input *input)
{
  return zcomp_backend_find (input->algorithm) == NULL ? "no such algorithm"
                                                       : NULL;
}

static void
zram_close (void)
{
  zram_destroy (zram);
  zram = NULL;
}

static void
zram_write_slot (const struct input *input, uint32_t slot, uint32_t page)
{
  device_write (zram, slot, input_page (input, page));
}

static void
zram_discard_slot (uint32_t slot)
{
  zram_discard (zram, ZRAM_PAGE_SIZE, (uint64_t) slot * ZRAM_PAGE_SIZE);
}

static void
zram_read_slot (uint32_t slot, char *buf)
{
  device_read (zram, slot, buf);
}

static uint64_t
zram_compact_all (void)
{
  return zram_compact (zram, NULL);
}

static void
zram_open (const struct input *input)
{
  device_warm_up (input->algorithm);
  memory_now (&before);
  zram = device_for (input->algorithm, input->nr_pages);
}

static void
zram_usage (struct usage *usage)
{
  const struct zram_stats stats = device_stats (zram);
  struct memory memory;

  memory_now (&memory);
  usage->objects = stats.orig_data_size / ZRAM_PAGE_SIZE - stats.same_pages;
  usage->compressed = stats.compr_data_size;
  usage->used = stats.mem_used_total;
  usage->held = (uint64_t) (memory.rss - before.rss + memory.page_tables -
                            before.page_tables);
}

const struct store store_zram = {
    .name = "zram",
    .missing = zram_missing,
    .open = zram_open,
    .close = zram_close,
    .write = zram_write_slot,
    .discard = zram_discard_slot,
    .compact = zram_compact_all,
    .read = zram_read_slot,
    .usage = zram_usage,
};
