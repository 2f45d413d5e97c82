/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters: many threads lose nothing, and a page of each length is counted in
 * its bucket.
 */
#include <config.h>

#include "stats.h"
#include "unit.h"

#define THREADS 4
#define ROUNDS  100000

START_TEST (at_first_all_is_0)
{
  struct stats stats;

  ck_assert_int_eq (stats_init (&stats), 0);
  for (enum counter i = 0; i < COUNTERS; i++)
    ck_assert_uint_eq (stats_sum (&stats, i), 0);
  stats_destroy (&stats);
}

/* Each thread takes from NOTIFY_FREE what another may have put there. */
static void
count (void *arg, unsigned me)
{
  const struct stats *const stats = arg;

  for (unsigned i = 0; i < ROUNDS; i++) {
    stats_add (stats, FAILED_READS, 1);
    stats_add (stats, NOTIFY_FREE, me % 2 ? 3 : -2);
  }
}

START_TEST (what_threads_count_adds_up)
{
  struct stats stats;

  ck_assert_int_eq (stats_init (&stats), 0);
  threads_run (THREADS, count, &stats);
  ck_assert_uint_eq (stats_sum (&stats, FAILED_READS), THREADS * ROUNDS);
  ck_assert_uint_eq (stats_sum (&stats, NOTIFY_FREE), THREADS / 2 * ROUNDS);
  ck_assert_uint_eq (stats_sum (&stats, FAILED_WRITES), 0);
  stats_destroy (&stats);
}

/* Stripes are read one after the other, so what has come may be missed while
 * what has gone is not. */
START_TEST (no_sum_is_below_0)
{
  struct stats stats;

  ck_assert_int_eq (stats_init (&stats), 0);
  stats_add (&stats, HUGE_PAGES, -1);
  ck_assert_uint_eq (stats_sum (&stats, HUGE_PAGES), 0);
  stats_destroy (&stats);
}

static const struct {
  uint32_t flags;
  unsigned counter;
} places[] = {
    {SLOT_SAME, SAME_PAGES},
    {SLOT_HUGE | ZRAM_PAGE_SIZE, HUGE_PAGES},
    {1, SIZE_PAGES},
    {256, SIZE_PAGES},
    {257, SIZE_PAGES + 1},
    {512, SIZE_PAGES + 1},
    {513, SIZE_PAGES + 2},
    {3840, SIZE_PAGES + 14},
    {3841, SIZE_PAGES + 15},
    {4096, SIZE_PAGES + 15},
    {SLOT_PRIORITY | 256, SIZE_PAGES},
};

START_TEST (a_page_is_in_the_bucket_of_its_length)
{
  ck_assert_uint_eq (stats_page_counter (places[_i].flags), places[_i].counter);
}

int
main (void)
{
  Suite *suite = suite_create ("stats");
  TCase *tc = suite_case (suite, "stats");

  tcase_add_test (tc, at_first_all_is_0);
  tcase_add_test (tc, what_threads_count_adds_up);
  tcase_add_test (tc, no_sum_is_below_0);
  tcase_add_loop_test (tc, a_page_is_in_the_bucket_of_its_length, 0,
                       sizeof places / sizeof places[0]);
  return suite_run (suite);
}
