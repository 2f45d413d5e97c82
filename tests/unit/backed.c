/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backed.h"
#include "packed.h"
#include "pageio.h"
#include "seglog.h"
#include "slottable.h"
#include "workpool.h"
#include "writeback.h"
#include "zcomp.h"

struct zram *zram;
struct store *store;
struct workpool *workers;
struct zram_written written;

void
make_device_on (struct zram_config config, struct store *on)
{
  store = on;
  config.disksize = DISKSIZE;
  config.store = store;
  config.workers = workers;
  config.spread_threshold = 8;
  config.algorithms[1].backend = zcomp_backend_find ("zstd");
  must_equal (zram_create (&zram, &config), 0);
  must_equal (zram_start (zram), 0);
}

void
make_device_of (struct zram_config config, unsigned segments, unsigned block)
{
  make_device_on (config,
                  memory_store_make ((uint64_t) segments * SEGMENT_MIN, block));
}

void
make_device (void)
{
  make_device_of ((struct zram_config){0}, STORE_SEGMENTS, 512);
}

void
make_device_with_workers (void)
{
  must_equal (workpool_create (&workers, 2), 0);
  must_equal (workpool_start (workers), 0);
  make_device_of ((struct zram_config){0}, STORE_SEGMENTS, 4096);
}

struct zram_stats
stats (void)
{
  struct zram_stats s;

  zram_stats (zram, &s);
  return s;
}

/* Whatever has failed: when all pages have gone, and the logs, which have a
 * segment each to go on with, nothing keeps one.  (A pin that is left would do
 * so for ever.) */
static void
must_free_all_segments (void)
{
  struct writeback *const writeback = zram->writeback;
  struct zram_stats s;

  zram_discard (zram, DISKSIZE, 0);
  seglog_destroy (writeback->fresh);
  seglog_destroy (writeback->moved);
  writeback->fresh = writeback->moved = NULL;
  s = stats ();
  ck_assert_uint_eq (s.bd_live, 0);
  ck_assert_uint_eq (s.bd_free_segments, s.bd_segments);
}

void
destroy_device (void)
{
  must_free_all_segments ();
  zram_destroy (zram);
  workpool_destroy (workers);
  zram = NULL;
  workers = NULL;
}

static enum content
content_of (uint64_t index)
{
  return (enum content) (index % CONTENT_KINDS);
}

void
fill_page (char *page, uint64_t index, uint64_t seed)
{
  content_fill (page, ZRAM_PAGE_SIZE, content_of (index), index + seed * 1000);
}

void
write_page (uint64_t index, uint64_t seed)
{
  char page[ZRAM_PAGE_SIZE];

  fill_page (page, index, seed);
  must_equal (zram_write (zram, page, sizeof page, index * sizeof page), 0);
}

void
fill (uint64_t seed)
{
  for (uint64_t i = 0; i < NR_PAGES; i++)
    write_page (i, seed);
}

void
must_read (uint64_t index, uint64_t seed)
{
  char page[ZRAM_PAGE_SIZE], read[ZRAM_PAGE_SIZE];

  fill_page (page, index, seed);
  must_equal (zram_read (zram, read, sizeof read, index * sizeof read), 0);
  must (memcmp (page, read, sizeof page) == 0);
}

void
must_read_all (uint64_t seed)
{
  for (uint64_t i = 0; i < NR_PAGES; i++)
    must_read (i, seed);
}

void
must_read_at_once (uint64_t seed)
{
  char *const all = malloc (DISKSIZE);
  char page[ZRAM_PAGE_SIZE];

  must_equal (zram_read (zram, all, DISKSIZE, 0), 0);
  for (uint64_t i = 0; i < NR_PAGES; i++) {
    fill_page (page, i, seed);
    must (memcmp (page, all + i * sizeof page, sizeof page) == 0);
  }
  free (all);
}

int
writeback_range (uint64_t first, uint64_t end, const struct run *run)
{
  return zram_writeback (zram,
                         &(struct zram_writeback){.first = first, .end = end},
                         run, &written);
}

int
writeback_all (void)
{
  return writeback_range (0, NR_PAGES, NULL);
}

uint32_t
flags_of (uint64_t index)
{
  uint32_t flags = 0;

  return slot_next_allocated (zram->table, index, index + 1, &flags) == index
             ? flags
             : 0;
}

uint64_t
word_of (uint64_t index)
{
  uint32_t flags;
  struct slot *const slot = slot_borrow (zram->table, index, &flags);
  const uint64_t word = slot->word;

  slot_return (zram->table, index, slot, flags);
  return word;
}

void
must_be_at_rest (void)
{
  uint64_t live = 0;

  for (uint64_t i = 0; i < NR_PAGES; i++) {
    const uint32_t flags = flags_of (i);

    must (!(flags & SLOT_PP));
    if (flags & SLOT_WB)
      live += packed_size (slot_wb_len (word_of (i)));
  }
  ck_assert_uint_eq (stats ().bd_live, live);
}

void
wait_held (unsigned n)
{
  while (memory_store_held (store) < n)
    usleep (1000);
}
