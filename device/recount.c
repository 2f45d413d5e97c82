/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "pageio.h"
#include "recount.h"
#include "slottable.h"

void
zram_recount (struct zram *zram, struct zram_stats *sums)
{
  const uint64_t end = zram->disksize >> ZRAM_PAGE_SHIFT;

  *sums = (struct zram_stats){0};
  for (uint64_t i = slot_table_next (zram->table, 0, end); i < end;
       i = slot_table_next (zram->table, i + 1, end)) {
    uint32_t flags;
    struct slot *const slot = slot_borrow (zram->table, i, &flags);

    if (!slot)
      continue;
    slot_return (zram->table, i, slot, flags);
    sums->orig_data_size += slot_allocated (flags) ? ZRAM_PAGE_SIZE : 0;
    sums->compr_data_size += slot_size (flags);
    sums->same_pages += flags & SLOT_SAME ? 1 : 0;
    sums->huge_pages += flags & SLOT_HUGE ? 1 : 0;
  }
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

void
recount_check (struct zram *zram)
{
  struct zram_stats counters, sums;

  if (!zram->table || !zram->pool)
    return;
  zram_stats (zram, &counters);
  zram_recount (zram, &sums);
  must_be ("orig_data_size", counters.orig_data_size, sums.orig_data_size);
  must_be ("compr_data_size", counters.compr_data_size, sums.compr_data_size);
  must_be ("same_pages", counters.same_pages, sums.same_pages);
  must_be ("huge_pages", counters.huge_pages, sums.huge_pages);
}

#endif
