/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"

int
stats_init (struct stats *stats)
{
  stats->nr_stripes = cpu_count ();
  stats->stripes = aligned_alloc (ZRAM_CACHE_LINE,
                                  stats->nr_stripes * sizeof *stats->stripes);
  if (!stats->stripes)
    return -ENOMEM;
  memset (stats->stripes, 0, stats->nr_stripes * sizeof *stats->stripes);
  return 0;
}

void
stats_destroy (struct stats *stats)
{
  free (stats->stripes);
}

uint64_t
stats_sum (const struct stats *stats, enum counter counter)
{
  int64_t sum = 0;

  for (unsigned i = 0; i < stats->nr_stripes; i++)
    sum += atomic_load_explicit (&stats->stripes[i].counters[counter],
                                 memory_order_relaxed);
  /* Stripes are read one after the other while I/O goes on. */
  return sum > 0 ? (uint64_t) sum : 0;
}
