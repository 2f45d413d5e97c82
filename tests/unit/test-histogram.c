/* SPDX-License-Identifier: BSD-3-Clause */
/* What the benchmark's histogram says of times is what a sorted list of them
 * says, within a hundredth.
 */
#include <config.h>

#include <stdlib.h>

#include "histogram.h"
#include "unit.h"

#define NR 20000

static struct histogram histogram, other;
static uint64_t values[NR];

static void
setup (void)
{
  histogram = other = (struct histogram){.nr = 0};
}

static int
compare (const void *a, const void *b)
{
  const uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

  return (x > y) - (x < y);
}

static void
compare_with_sorted (void)
{
  static const double shares[] = {0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};

  qsort (values, NR, sizeof *values, compare);
  for (unsigned i = 0; i < sizeof shares / sizeof *shares; i++) {
    const double rank = shares[i] * NR;
    const double right = (double) values[rank < 1 ? 0 : (size_t) (rank - 0.5)];

    ck_assert_double_eq_tol (
        (double) histogram_quantile (&histogram, shares[i]), right,
        right / 100 + 0.5);
  }
}

/* Of every size from 0 to 2^40 ns. */
START_TEST (quantiles_are_those_of_the_list)
{
  uint64_t random = 1;

  for (unsigned i = 0; i < NR; i++) {
    values[i] = random_next (&random) >> (24 + random_below (&random, 40));
    histogram_add (&histogram, values[i]);
  }
  compare_with_sorted ();
}

START_TEST (two_added_up_are_one)
{
  uint64_t random = 2;

  for (unsigned i = 0; i < NR; i++) {
    values[i] = random_below (&random, 1000000);
    histogram_add (i % 3 == 0 ? &other : &histogram, values[i]);
  }
  histogram_merge (&histogram, &other);
  ck_assert_uint_eq (histogram.nr, NR);
  compare_with_sorted ();
  ck_assert_uint_eq (histogram.max, values[NR - 1]);
}

START_TEST (an_empty_one_says_zero)
{
  ck_assert_uint_eq (histogram_quantile (&histogram, 0.5), 0);
}

START_TEST (what_is_longer_than_all_buckets_is_the_longest)
{
  histogram_add (&histogram, 1);
  histogram_add (&histogram, UINT64_MAX - 1);
  ck_assert_uint_eq (histogram_quantile (&histogram, 0.5), 1);
  ck_assert_uint_eq (histogram_quantile (&histogram, 0.99), UINT64_MAX - 1);
}

int
main (void)
{
  Suite *const suite = suite_create ("histogram");
  TCase *const tc = suite_case (suite, "histogram");

  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_test (tc, quantiles_are_those_of_the_list);
  tcase_add_test (tc, two_added_up_are_one);
  tcase_add_test (tc, an_empty_one_says_zero);
  tcase_add_test (tc, what_is_longer_than_all_buckets_is_the_longest);
  return suite_run (suite);
}
