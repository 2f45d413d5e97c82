/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <string.h>

#include "pageio.h"
#include "recompressing.h"
#include "slottable.h"
#include "workpool.h"
#include "zcomp.h"
#include "zsmalloc.h"

struct zram *zram;
struct workpool *workers;
struct zram_recompressed recompressed;

void
make_device (void)
{
  const struct zcomp_backend *const zstd = zcomp_backend_find ("zstd");
  const struct zram_config config = {
      .disksize = NR_PAGES * ZRAM_PAGE_SIZE,
      .workers = workers,
      .spread_threshold = NR_PAGES,
      .algorithms[1].backend = zstd,
      .algorithms[2].backend = zstd,
      .algorithms[2].params = {.has_level = true, .level = 15},
  };

  ck_assert_int_eq (zram_create (&zram, &config), 0);
}

void
make_device_with_workers (void)
{
  ck_assert_int_eq (workpool_create (&workers, NR_WORKERS), 0);
  ck_assert_int_eq (workpool_start (workers), 0);
  make_device ();
}

void
destroy_device (void)
{
  zram_destroy (zram);
  workpool_destroy (workers);
  workers = NULL;
}

enum content
content_of (uint64_t index)
{
  return index % 4 == 3 ? CONTENT_MIXED : CONTENT_TEXT;
}

void
write_content (uint64_t index, enum content content)
{
  char page[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, content, index);
  must_equal (zram_write (zram, page, sizeof page, index * sizeof page), 0);
}

void
fill (void)
{
  for (uint64_t i = 0; i < NR_PAGES; i++)
    write_content (i, content_of (i));
}

void
must_read (uint64_t index, enum content content)
{
  char page[ZRAM_PAGE_SIZE], read[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, content, index);
  must_equal (zram_read (zram, read, sizeof read, index * sizeof read), 0);
  must (memcmp (page, read, sizeof page) == 0);
}

void
must_read_all (void)
{
  for (uint64_t i = 0; i < NR_PAGES; i++)
    must_read (i, content_of (i));
}

uint32_t
flags_of (uint64_t index)
{
  uint32_t flags = 0;

  return slot_next_allocated (zram->table, index, index + 1, &flags) == index
             ? flags
             : 0;
}

void
must_be_at_rest (void)
{
  struct zs_fragmentation fragmentation;
  struct zs_pool_stats stats;
  uint64_t live = 0;

  for (uint64_t i = 0; i < NR_PAGES; i++) {
    const uint32_t flags = flags_of (i);

    must (!(flags & SLOT_PP));
    if (slot_size (flags) > 0)
      live += flags & SLOT_HUGE ? ZRAM_PAGE_SIZE : zs_cost (slot_size (flags));
  }
  zram_pool_stats (zram, &stats, &fragmentation);
  ck_assert_uint_eq (stats.live, live);
}

int
recompress (const struct zram_recompress *what, const struct run *run)
{
  return zram_recompress (zram, what, run, &recompressed);
}

int
recompress_all (unsigned priority)
{
  return recompress (
      &(struct zram_recompress){.max_pages = ALL, .priority = priority}, NULL);
}

int
recompress_idle (void)
{
  return recompress (
      &(struct zram_recompress){.max_pages = ALL, .priority = 1, .idle = true},
      NULL);
}
