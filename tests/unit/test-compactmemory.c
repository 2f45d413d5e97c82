/* SPDX-License-Identifier: BSD-3-Clause */
/* What compaction gives back is the system's again: measured by what the kernel
 * counts for this process, and by what it has left for others, not by a counter
 * of the device.  The pages compress to the sizes that real ones do.
 */
#include <config.h>

#include <stdio.h>

#include "filling.h"
#include "unit.h"

#define MIB (UINT64_C (1) << 20)

/* 600 MiB of compressed pages, of which 360 MiB go. */
#define NR_PAGES (600 * MIB / REAL_MEAN)
#define KEPT     40

/* What the pool may keep for itself when it has emptied zspages, says the
 * manual. */
#define KEPT_EMPTY (MIB / 2)

/* Others use memory meanwhile: what they take at one moment they do not take at
 * all of them. */
#define ROUNDS 5

static uint64_t
difference (uint64_t more, uint64_t less)
{
  return more > less ? more - less : 0;
}

static struct zram_stats
stats_of (const struct filling *filling)
{
  struct zram_stats stats;

  zram_stats (filling->zram, &stats);
  return stats;
}

/* What is held beyond the pages' compressed sizes, in parts of a thousand. */
static uint64_t
over (uint64_t held, uint64_t compressed)
{
  return difference (held, compressed) * 1000 / compressed;
}

/* What this process has in memory when all that its code needs is there. */
static uint64_t
memory_before (void)
{
  struct filling filling;

  filling_make (&filling, 1000, 0);
  filling_discard (&filling, KEPT);
  zram_compact (filling.zram, NULL);
  filling_check (&filling);
  filling_destroy (&filling);
  return rss_bytes ();
}

static void
must_be_dense (const struct filling *filling)
{
  const struct zram_stats stats = stats_of (filling);
  const uint64_t part = over (stats.mem_used_total, stats.compr_data_size);

  printf ("compacted: %llu MiB compressed; mem_used_total %llu/1000 over\n",
          (unsigned long long) (stats.compr_data_size / MIB),
          (unsigned long long) part);
  ck_assert_uint_le (part, 50);
}

/* All that this process has in memory for the pages, table included. */
static void
must_have_grown_little (const struct filling *filling, uint64_t before)
{
  const uint64_t compressed = stats_of (filling).compr_data_size;
  const uint64_t grown = difference (rss_bytes (), before + KEPT_EMPTY);

  printf ("compacted: RSS growth, with the table, %llu/1000 over\n",
          (unsigned long long) over (grown, compressed));
  ck_assert_uint_ge (grown, compressed);
  ck_assert_uint_le (over (grown, compressed), 50);
}

/* Fill, discard, compact; returns by how much less the system has in use after
 * compaction, of every thousand bytes that this process has become smaller. */
static uint64_t
given_back (void)
{
  const uint64_t before = memory_before ();
  struct filling filling;
  uint64_t rss, sparse, used, freed, fell, gone;
  const char *counter;
  struct zram_stats full;

  filling_make (&filling, NR_PAGES, 0);
  full = stats_of (&filling);
  rss = rss_bytes ();
  filling_discard (&filling, KEPT);
  freed = full.compr_data_size - stats_of (&filling).compr_data_size;
  ck_assert_uint_gt (freed, 256 * MIB);
  /* Without compaction, hardly anything is. */
  sparse = rss_bytes ();
  ck_assert_uint_lt (difference (rss, sparse), freed / 10);
  /* Nothing else in between: others use memory, too. */
  used = system_used (&counter);
  ck_assert_uint_gt (zram_compact (filling.zram, NULL), 0);
  gone = difference (used, system_used (NULL));
  fell = difference (sparse, rss_bytes ());
  printf ("compaction: of %llu MiB discarded, RSS fell by %llu MiB, "
          "%s by %llu MiB\n",
          (unsigned long long) (freed / MIB), (unsigned long long) (fell / MIB),
          counter, (unsigned long long) (gone / MIB));
  ck_assert_uint_ge (difference (rss, rss_bytes ()), freed - freed / 20);
  must_be_dense (&filling);
  must_have_grown_little (&filling, before);
  filling_check (&filling);
  filling_destroy (&filling);
  return gone * 1000 / fell;
}

START_TEST (compaction_gives_memory_back_to_the_system)
{
  uint64_t best = 0;
  unsigned round;

  for (round = 0; round < ROUNDS && best < 900; ++round) {
    const uint64_t part = given_back ();

    best = part > best ? part : best;
  }
  ck_assert_uint_ge (best, 900);
}

/* Once more from where it ended: holes that compaction left, or made, do not
 * add up. */
START_TEST (compacting_again_and_again_keeps_it_dense)
{
  struct filling filling;
  unsigned round;

  filling_make (&filling, NR_PAGES / 4, 0);
  for (round = 0; round < 3; ++round) {
    filling_refill (&filling);
    filling_discard (&filling, KEPT);
    ck_assert_uint_gt (zram_compact (filling.zram, NULL), 0);
    must_be_dense (&filling);
  }
  filling_check (&filling);
  filling_destroy (&filling);
}

int
main (void)
{
  Suite *suite;
  TCase *tc;

  if (instrumented ())
    return skip ("the memory of who watches cannot be told from the program's");
  measure_alone ();
  suite = suite_create ("compactmemory");
  tc = suite_case (suite, "compaction");
  tcase_add_test (tc, compaction_gives_memory_back_to_the_system);
  tcase_add_test (tc, compacting_again_and_again_keeps_it_dense);
  return suite_run (suite);
}
