/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "pageio.h"
#include "recount.h"
#include "slottable.h"

/* Not by stats_page_counter: what is wrong there is to be found. */
static void
count_page (struct zram_stats *sums, uint32_t flags)
{
  const uint32_t len = slot_size (flags);

  sums->orig_data_size += ZRAM_PAGE_SIZE;
  if (flags & SLOT_WB) {
    sums->bd_count++;
    return;
  }
  sums->compr_data_size += len;
  if (flags & SLOT_SAME)
    sums->same_pages++;
  else if (flags & SLOT_HUGE)
    sums->huge_pages++;
  else
    sums->size_pages[(len + ZRAM_SIZE_BUCKET - 1) / ZRAM_SIZE_BUCKET - 1]++;
}

void
zram_recount (struct zram *zram, struct zram_stats *sums)
{
  const uint64_t end = zram->disksize >> ZRAM_PAGE_SHIFT;
  uint32_t flags = 0;

  *sums = (struct zram_stats){0};
  for (uint64_t i = slot_next_allocated (zram->table, 0, end, &flags); i < end;
       i = slot_next_allocated (zram->table, i + 1, end, &flags))
    count_page (sums, flags);
}

#if ZRAM_DEBUG

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void
must_be (const char *name, uint64_t counter, uint64_t sum)
{
  if (counter == sum)
    return;
  fprintf (stderr, "zram: %s is %" PRIu64 ", the slots make %" PRIu64 "\n",
           name, counter, sum);
  abort ();
}

/* By the name of its column in size_stat. */
static void
must_be_bucket (unsigned bucket, uint64_t counter, uint64_t sum)
{
  char name[16];

  snprintf (name, sizeof name, "c%u", (bucket + 1) * ZRAM_SIZE_BUCKET);
  must_be (name, counter, sum);
}

void
recount_check (struct zram *zram)
{
  struct zram_stats counters, sums;

  if (!zram->table || !zram->pool)
    return;
  zram_stats (zram, &counters);
  zram_recount (zram, &sums);
  /* orig_data_size is made of the counts of pages below. */
  must_be ("compr_data_size", counters.compr_data_size, sums.compr_data_size);
  must_be ("same_pages", counters.same_pages, sums.same_pages);
  must_be ("huge_pages", counters.huge_pages, sums.huge_pages);
  must_be ("bd_count", counters.bd_count, sums.bd_count);
  for (unsigned i = 0; i < ZRAM_SIZE_BUCKETS; i++)
    must_be_bucket (i, counters.size_pages[i], sums.size_pages[i]);
}

#endif
