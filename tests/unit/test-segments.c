/* SPDX-License-Identifier: BSD-3-Clause */
/* Which segments are free: none that holds something alive, or that somebody
 * has pinned; all others; and which is worth cleaning.
 */
#include <config.h>

#include <errno.h>

#include "segments.h"
#include "unit.h"

#define NR_SEGMENTS 10U

static const char device;
static struct segments *segments;

static void
make (void)
{
  must_equal (segments_create (&segments,
                               (NR_SEGMENTS + 1) * (uint64_t) SEGMENT_MIN,
                               SEGMENT_MAX, &device),
              0);
}

static void
destroy (void)
{
  segments_destroy (segments);
}

static struct segments_stats
stats (void)
{
  struct segments_stats s;

  segments_stats (segments, &s);
  return s;
}

static uint32_t
claim (void)
{
  uint32_t segment;

  must_equal (segments_claim (segments, false, &segment), 0);
  must (segment > 0 && segment <= NR_SEGMENTS);
  return segment;
}

/* Claim one and fill BYTES of it. */
static uint64_t
fill (uint32_t bytes)
{
  const uint64_t where = segments_start (segments, claim ());

  segments_live (segments, where, bytes);
  segments_unpin (segments, where);
  return where;
}

START_TEST (one_is_free_when_all_is_dead_and_nobody_has_it)
{
  const uint64_t where = segments_start (segments, claim ());

  ck_assert_uint_eq (stats ().free, NR_SEGMENTS - 1);
  segments_live (segments, where, 1000);
  segments_live (segments, where + 1000, 500);
  segments_unpin (segments, where);
  ck_assert_uint_eq (stats ().live, 1500);
  ck_assert_uint_eq (stats ().dead, SEGMENT_MIN - 1500);
  segments_dead (segments, where, 1000);
  ck_assert_uint_eq (stats ().free, NR_SEGMENTS - 1);
  segments_pin (segments, where);
  segments_dead (segments, where + 1000, 500);
  ck_assert_uint_eq (stats ().free, NR_SEGMENTS - 1);
  segments_unpin (segments, where);
  ck_assert_uint_eq (stats ().free, NR_SEGMENTS);
  ck_assert_uint_eq (stats ().live, 0);
}

/* With another seed each time. */
START_TEST (a_free_one_is_used_again)
{
  uint64_t seeds[100];

  for (unsigned i = 0; i < 100; i++) {
    const uint64_t where = segments_start (segments, claim ());

    ck_assert_uint_eq (segments_at (segments, where), 1);
    seeds[i] = segments_seed (segments, where);
    for (unsigned k = 0; k < i; k++)
      must (seeds[i] != seeds[k]);
    segments_unpin (segments, where);
  }
}

START_TEST (the_last_are_for_cleaning)
{
  uint32_t segment;

  for (unsigned i = 0; i < NR_SEGMENTS - SEGMENTS_SPARE; i++)
    claim ();
  ck_assert_int_eq (segments_claim (segments, false, &segment), -ENOSPC);
  for (unsigned i = 0; i < SEGMENTS_SPARE; i++)
    ck_assert_int_eq (segments_claim (segments, true, &segment), 0);
  ck_assert_int_eq (segments_claim (segments, true, &segment), -ENOSPC);
  ck_assert_uint_eq (stats ().free, 0);
}

START_TEST (the_emptiest_is_cleaned_first)
{
  const uint64_t full = fill (SEGMENT_MIN / 16 * 14),
                 half = fill (SEGMENT_MIN / 2),
                 most = fill (SEGMENT_MIN / 16 * 13);
  unsigned turn = 0;
  uint32_t victim;

  ck_assert (segments_victim (segments, &turn, &victim));
  ck_assert_uint_eq (victim, segments_at (segments, half));
  ck_assert_uint_gt (turn, 0);
  /* It is pinned now. */
  ck_assert (segments_victim (segments, &turn, &victim));
  ck_assert_uint_eq (victim, segments_at (segments, most));
  ck_assert (!segments_victim (segments, &turn, &victim));
  segments_unpin (segments, half);
  segments_spoiled (segments, segments_at (segments, half));
  ck_assert (!segments_victim (segments, &turn, &victim));
  /* What could not be cleaned once can be another time. */
  segments_retry (segments);
  ck_assert (segments_victim (segments, &turn, &victim));
  ck_assert_uint_eq (victim, segments_at (segments, half));
  segments_dead (segments, full, SEGMENT_MIN / 16 * 14);
  ck_assert (!segments_victim (segments, &turn, &victim));
}

/* What could not be moved has gone from it. */
START_TEST (a_spoiled_one_that_was_free_can_be_cleaned)
{
  const uint64_t where = fill (SEGMENT_MIN / 2);
  unsigned turn = 0;
  uint32_t victim;

  segments_spoiled (segments, segments_at (segments, where));
  ck_assert (!segments_victim (segments, &turn, &victim));
  segments_dead (segments, where, SEGMENT_MIN / 2);
  ck_assert_uint_eq (fill (SEGMENT_MIN / 2), where);
  ck_assert (segments_victim (segments, &turn, &victim));
  ck_assert_uint_eq (victim, segments_at (segments, where));
}

/* Of two that are as empty, the one that has stayed so for longer. */
START_TEST (the_older_is_cleaned_first)
{
  const uint64_t older = fill (SEGMENT_MIN / 2);
  unsigned turn = 0;
  uint32_t victim;

  fill (SEGMENT_MIN / 2);
  ck_assert (segments_victim (segments, &turn, &victim));
  ck_assert_uint_eq (victim, segments_at (segments, older));
}

/* Threads claim, fill, pin and free; at the end all are free. */
static void
use (void *arg, unsigned me)
{
  uint64_t random = me;
  unsigned turn = 0;

  (void) arg;
  for (unsigned i = 0; i < 20000; i++) {
    uint32_t segment;
    uint64_t where;

    if (segments_claim (segments, false, &segment) < 0)
      continue;
    where = segments_start (segments, segment);
    for (unsigned k = 0; k < 3; k++)
      segments_live (segments, where + k * 1000, 1000);
    segments_pin (segments, where);
    segments_unpin (segments, where);
    for (unsigned k = 0; k < 3; k++)
      segments_dead (segments, where + k * 1000, 1000);
    if (random_below (&random, 2) &&
        segments_victim (segments, &turn, &segment))
      segments_unpin (segments, segments_start (segments, segment));
    segments_unpin (segments, where);
  }
}

START_TEST (threads_leave_all_free)
{
  threads_run (4, use, NULL);
  ck_assert_uint_eq (stats ().free, NR_SEGMENTS);
  ck_assert_uint_eq (stats ().live, 0);
}

START_TEST (they_are_as_large_as_pays)
{
  const uint64_t mib = 1U << 20, tib = UINT64_C (1) << 40;

  ck_assert_uint_eq (segments_size_for (0, SEGMENT_MAX), SEGMENT_MIN);
  ck_assert_uint_eq (segments_size_for (128 * mib - 1, SEGMENT_MAX), 64 << 10);
  ck_assert_uint_eq (segments_size_for (128 * mib, SEGMENT_MAX), 128 << 10);
  ck_assert_uint_eq (segments_size_for (1023 * mib, SEGMENT_MAX), 512 << 10);
  ck_assert_uint_eq (segments_size_for (1024 * mib, SEGMENT_MAX), SEGMENT_MAX);
  ck_assert_uint_eq (segments_size_for (512 * tib, UINT32_MAX), SEGMENT_MAX);
  ck_assert_uint_eq (segments_size_for (tib, 256 << 10), 256 << 10);
  ck_assert_uint_eq (segments_size_for (tib, (256 << 10) - 1), 128 << 10);
  ck_assert_uint_eq (segments_size_for (tib, 0), SEGMENT_MIN);
}

/* Whatever their size, each place is in the one that it is from the start of.
 */
START_TEST (a_place_is_in_its_segment)
{
  struct segments *large;

  ck_assert_int_eq (
      segments_create (&large, UINT64_C (1) << 40, SEGMENT_MAX, &device), 0);
  ck_assert_uint_eq (segments_size (large), SEGMENT_MAX);
  for (uint32_t i = 1; i < 1U << 20; i = i * 3 + 1) {
    const uint64_t start = segments_start (large, i);

    must_equal (start, (uint64_t) i << 20);
    must_equal (segments_at (large, start), i);
    must_equal (segments_at (large, start + SEGMENT_MAX - 8), i);
  }
  segments_destroy (large);
}

START_TEST (a_store_can_be_too_small)
{
  struct segments *none;

  ck_assert_int_eq (segments_create (&none, 0, SEGMENT_MAX, &device), -EINVAL);
  ck_assert_int_eq (
      segments_create (&none, 4 * SEGMENT_MIN, SEGMENT_MAX, &device), -EINVAL);
  segments_destroy (NULL);
}

/* The last place that a slot can name is in the last segment. */
START_TEST (a_store_can_be_too_large)
{
  const uint64_t most = UINT64_C (1) << 49;
  struct segments *all, *none;

  ck_assert_int_eq (segments_create (&all, most, SEGMENT_MAX, &device), 0);
  ck_assert_uint_eq (segments_at (all, most - 8), (most >> 20) - 1);
  segments_destroy (all);
  ck_assert_int_eq (segments_create (&none, most + 1, SEGMENT_MAX, &device),
                    -EINVAL);
  ck_assert_int_eq (segments_create (&none, UINT64_MAX, SEGMENT_MAX, &device),
                    -EINVAL);
}

int
main (void)
{
  Suite *const suite = suite_create ("segments");
  TCase *const tc = suite_case (suite, "segments");

  tcase_add_checked_fixture (tc, make, destroy);
  tcase_add_test (tc, one_is_free_when_all_is_dead_and_nobody_has_it);
  tcase_add_test (tc, a_free_one_is_used_again);
  tcase_add_test (tc, the_last_are_for_cleaning);
  tcase_add_test (tc, the_emptiest_is_cleaned_first);
  tcase_add_test (tc, a_spoiled_one_that_was_free_can_be_cleaned);
  tcase_add_test (tc, the_older_is_cleaned_first);
  tcase_add_test (tc, threads_leave_all_free);
  tcase_add_test (tc, they_are_as_large_as_pays);
  tcase_add_test (tc, a_place_is_in_its_segment);
  tcase_add_test (tc, a_store_can_be_too_small);
  tcase_add_test (tc, a_store_can_be_too_large);
  return suite_run (suite);
}
