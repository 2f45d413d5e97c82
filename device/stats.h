/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters that every page, or every request, of I/O moves.
 *
 * One cache line shared by all CPUs would cost each of them more than the
 * counting, so there is a stripe for each CPU and a sum is made when somebody
 * asks.  A stripe alone means nothing (a page stored on one CPU may be freed on
 * another); the sum is exact when there is no I/O.
 */
#ifndef ZRAM_STATS_H
#define ZRAM_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "compiler.h"
#include "cpu.h"
#include "slot.h"
#include "zram.h"

enum counter {
  SAME_PAGES, /* every stored page is in one of these: same-filled, ... */
  SIZE_PAGES, /* ... the first of ZRAM_SIZE_BUCKETS, by stored length, ... */
  HUGE_PAGES = SIZE_PAGES + ZRAM_SIZE_BUCKETS, /* ... or raw, ... */
  WB_PAGES, /* ... or whatever it was, and written back */
  COMPR_DATA_SIZE,
  HUGE_PAGES_SINCE,
  FAILED_READS,
  FAILED_WRITES,
  NOTIFY_FREE,
  READS, /* requests; the bytes come after each kind of them */
  READ_BYTES,
  WRITES,
  WRITE_BYTES,
  DISCARDS,
  DISCARD_BYTES,
  RECOMP_TRIED,
  RECOMP_GAINED,
  RECOMP_SAVED,
  BD_READS, /* pages */
  BD_CHECKSUM_ERRORS,
  COUNTERS
};

struct stats_stripe {
  _Alignas(ZRAM_CACHE_LINE) _Atomic int64_t counters[COUNTERS];
};

struct stats {
  struct stats_stripe *stripes;
  unsigned nr_stripes;
};

/* One stripe for each CPU, all 0.  -ENOMEM. */
extern int stats_init (struct stats *stats);
extern void stats_destroy (struct stats *stats);

extern uint64_t stats_sum (const struct stats *stats, enum counter counter);

/* That of this CPU, for who moves several counters at once. */
static inline struct stats_stripe *
stats_stripe (const struct stats *stats)
{
  return &stats->stripes[cpu_index (stats->nr_stripes)];
}

static inline void
stats_stripe_add (struct stats_stripe *stripe, enum counter counter, int64_t n)
{
  atomic_fetch_add_explicit (&stripe->counters[counter], n,
                             memory_order_relaxed);
}

static inline void
stats_add (const struct stats *stats, enum counter counter, int64_t n)
{
  if (n != 0)
    stats_stripe_add (stats_stripe (stats), counter, n);
}

/* Which of them a page is in that is stored with these FLAGS of a slot. */
static inline enum counter
stats_page_counter (uint32_t flags)
{
  if (flags & SLOT_WB)
    return WB_PAGES;
  if (flags & SLOT_SAME)
    return SAME_PAGES;
  if (flags & SLOT_HUGE)
    return HUGE_PAGES;
  return SIZE_PAGES + (slot_size (flags) - 1) / ZRAM_SIZE_BUCKET;
}

/* Bytes that it takes of the pool. */
static inline int64_t
stats_page_bytes (uint32_t flags)
{
  return slot_in_pool (flags) ? (int64_t) slot_size (flags) : 0;
}

/* A page stored with the flags OLD is now stored with those of NEW; either may
 * be those of an empty slot. */
static inline void
stats_count_page (const struct stats *stats, uint32_t old, uint32_t new)
{
  const bool was = slot_allocated (old), is = slot_allocated (new);

  stats_add (stats, COMPR_DATA_SIZE,
             stats_page_bytes (new) - stats_page_bytes (old));
  if (was && is && stats_page_counter (old) == stats_page_counter (new))
    return;
  if (was)
    stats_add (stats, stats_page_counter (old), -1);
  if (is)
    stats_add (stats, stats_page_counter (new), 1);
}

#endif /* ZRAM_STATS_H */
