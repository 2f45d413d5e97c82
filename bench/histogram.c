/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "histogram.h"

/* Below 2^BITS each value has its own bucket; above, what is left of a value
 * without its lowest SHIFT bits. */
static unsigned
bucket_of (uint64_t value)
{
  unsigned shift;

  if (value >> HISTOGRAM_BITS == 0)
    return (unsigned) value;
  shift = 63 - (unsigned) __builtin_clzll (value) - HISTOGRAM_BITS;
  if (shift >= (HISTOGRAM_BUCKETS >> HISTOGRAM_BITS) - 1)
    return HISTOGRAM_BUCKETS - 1;
  return (shift << HISTOGRAM_BITS) + (unsigned) (value >> shift);
}

/* The middle of it. */
static uint64_t
value_of (unsigned bucket)
{
  const unsigned power = bucket >> HISTOGRAM_BITS;
  uint64_t shifted;

  if (power <= 1)
    return bucket;
  shifted = bucket - ((power - 1) << HISTOGRAM_BITS);
  return (shifted << (power - 1)) + (UINT64_C (1) << (power - 1)) / 2;
}

void
histogram_add (struct histogram *histogram, uint64_t value)
{
  histogram->nr++;
  histogram->bucket[bucket_of (value)]++;
  if (value > histogram->max)
    histogram->max = value;
}

void
histogram_merge (struct histogram *histogram, const struct histogram *from)
{
  histogram->nr += from->nr;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
    histogram->bucket[i] += from->bucket[i];
  if (from->max > histogram->max)
    histogram->max = from->max;
}

uint64_t
histogram_quantile (const struct histogram *histogram, double share)
{
  const double wanted = share * (double) histogram->nr;
  uint64_t seen = 0, value;

  for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
    seen += histogram->bucket[i];
    if (seen > 0 && (double) seen >= wanted) {
      value = value_of (i);
      return value < histogram->max ? value : histogram->max;
    }
  }
  return histogram->max;
}
