/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates, and when there is none. */
#include <config.h>

#include "rate.h"
#include "unit.h"

static struct sample before, now;

static void
setup (void)
{
  before = now = (struct sample){.when = 1000};
  before.n[SAMPLE_STAT] = now.n[SAMPLE_STAT] = STAT_COLUMNS;
  now.when = 1500;
  before.columns[SAMPLE_STAT][STAT_READS] = 10;
  now.columns[SAMPLE_STAT][STAT_READS] = 25;
}

static double
reads (void)
{
  return rate_of (&before, &now, SAMPLE_STAT, STAT_READS);
}

START_TEST (it_is_of_the_time_that_has_passed)
{
  ck_assert_double_eq (reads (), 30);
  now.when = 11000;
  ck_assert_double_eq (reads (), 1.5);
  ck_assert_double_eq (rate_of (&before, &now, SAMPLE_STAT, STAT_WRITES), 0);
}

START_TEST (there_may_be_none)
{
  ck_assert_double_lt (rate_of (NULL, &now, SAMPLE_STAT, STAT_READS), 0);
  now.when = before.when;
  ck_assert_double_lt (reads (), 0);
  setup ();
  now.columns[SAMPLE_STAT][STAT_READS] = 9;
  ck_assert_double_lt (reads (), 0);
  setup ();
  before.n[SAMPLE_STAT] = 0;
  ck_assert_double_lt (reads (), 0);
  setup ();
  now.n[SAMPLE_STAT] = 0;
  ck_assert_double_lt (reads (), 0);
}

int
main (void)
{
  Suite *suite = suite_create ("rate");
  TCase *tc = suite_case (suite, "rate");

  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_test (tc, it_is_of_the_time_that_has_passed);
  tcase_add_test (tc, there_may_be_none);
  return suite_run (suite);
}
