/* SPDX-License-Identifier: BSD-3-Clause */
/* Recompression: zram's rules for what is tried and what is kept, and nothing
 * lost and nothing leaked when there is no memory, or the run is stopped.
 *
 * Allocations are made to fail: the linker puts this file's zs_malloc before
 * the real one.
 */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "pageio.h"
#include "recompressing.h"
#include "run.h"
#include "slottable.h"
#include "workpool.h"
#include "zsmalloc.h"

/* The names that the linker gives them. */
extern int __real_zs_malloc (struct zs_pool *pool, size_t len, uint64_t owner,
                             uint64_t *handle);
extern int __wrap_zs_malloc (struct zs_pool *pool, size_t len, uint64_t owner,
                             uint64_t *handle);

/* This call of zs_malloc, counted from 1, fails with that; 0: none does. */
static unsigned fail_call, nr_calls;
static int fail_error;

int
__wrap_zs_malloc (struct zs_pool *pool, size_t len, uint64_t owner,
                  uint64_t *handle)
{
  if (fail_call > 0 && ++nr_calls >= fail_call) {
    if (fail_error != -EAGAIN)
      fail_call = 0;
    return fail_error;
  }
  return __real_zs_malloc (pool, len, owner, handle);
}

static void
setup (void)
{
  fail_call = nr_calls = 0;
  make_device ();
}

static void
setup_with_workers (void)
{
  fail_call = nr_calls = 0;
  make_device_with_workers ();
}

START_TEST (pages_get_smaller_and_come_back)
{
  struct zram_stats before, after;

  fill ();
  zram_stats (zram, &before);
  ck_assert_int_eq (recompress_all (1), 0);
  zram_stats (zram, &after);
  ck_assert_uint_eq (recompressed.tried, NR_PAGES);
  ck_assert_uint_gt (recompressed.gained, NR_PAGES / 2);
  ck_assert_uint_lt (after.compr_data_size, before.compr_data_size);
  ck_assert_uint_gt (recompressed.saved, 0);
  ck_assert_uint_eq (after.recomp_tried, recompressed.tried);
  ck_assert_uint_eq (after.recomp_gained, recompressed.gained);
  ck_assert_uint_eq (after.recomp_saved, recompressed.saved);
  must_be_at_rest ();
  must_read_all ();
  /* What gained nothing is tried again, what gained is not. */
  ck_assert_int_eq (recompress_all (1), 0);
  ck_assert_uint_eq (recompressed.tried + after.recomp_gained, NR_PAGES);
  /* A higher priority takes them all. */
  ck_assert_int_eq (recompress_all (2), 0);
  ck_assert_uint_eq (recompressed.tried, NR_PAGES);
  must_be_at_rest ();
  must_read_all ();
}

START_TEST (what_is_saved_is_what_the_pool_has_less)
{
  struct zs_fragmentation fragmentation;
  struct zs_pool_stats before, after;

  fill ();
  write_content (7, CONTENT_NOISE);
  zram_pool_stats (zram, &before, &fragmentation);
  ck_assert_int_eq (recompress_all (1), 0);
  zram_pool_stats (zram, &after, &fragmentation);
  ck_assert_uint_eq (before.live - after.live, recompressed.saved);
}

START_TEST (what_makes_no_sense_is_refused)
{
  const struct zram_recompress bad[] = {
      {.max_pages = ALL, .priority = 0},
      {.max_pages = ALL, .priority = 3},
      {.max_pages = ALL, .priority = 4},
      {.max_pages = ALL,
       .priority = 1,
       .threshold = (uint32_t) zs_huge_size ()},
  };

  fill ();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    recompressed.tried = 1;
    ck_assert_int_eq (recompress (&bad[i], NULL), -EINVAL);
    ck_assert_uint_eq (recompressed.tried, 0);
  }
}

START_TEST (a_device_without_a_second_algorithm_refuses)
{
  const struct zram_config config = {.disksize = ZRAM_PAGE_SIZE};

  zram_destroy (zram);
  ck_assert_int_eq (zram_create (&zram, &config), 0);
  ck_assert_int_eq (recompress_all (1), -EINVAL);
}

START_TEST (only_the_class_asked_for_is_tried)
{
  struct zram_recompress what = {.max_pages = ALL, .priority = 1};

  fill ();
  for (uint64_t i = 0; i < 10; i++)
    write_content (i, CONTENT_NOISE);
  write_content (20, CONTENT_SAME);
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
  for (uint64_t i = 5; i < 100; i++)
    must_read (i, i < 10    ? CONTENT_NOISE
                  : i == 20 ? CONTENT_SAME
                            : content_of (i));
  what.huge = what.idle = true;
  ck_assert_int_eq (recompress (&what, NULL), 0);
  ck_assert_uint_eq (recompressed.tried, 5);
  ck_assert_uint_eq (recompressed.gained, 0);
  /* Those are no longer idle. */
  what.huge = false;
  ck_assert_int_eq (recompress (&what, NULL), 0);
  ck_assert_uint_eq (recompressed.tried, NR_PAGES - 100);
  what.huge = true;
  what.idle = false;
  ck_assert_int_eq (recompress (&what, NULL), 0);
  ck_assert_uint_eq (recompressed.tried, 10);
}

START_TEST (shorter_pages_than_the_threshold_stay)
{
  struct zram_recompress what = {
      .max_pages = ALL, .priority = 1, .threshold = 2000};
  uint64_t expected = 0;

  fill ();
  for (uint64_t i = 0; i < NR_PAGES; i++)
    expected += slot_size (flags_of (i)) >= 2000;
  ck_assert_uint_gt (expected, 0);
  ck_assert_uint_lt (expected, NR_PAGES);
  ck_assert_int_eq (recompress (&what, NULL), 0);
  ck_assert_uint_eq (recompressed.tried, expected);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    if (slot_priority (flags_of (i)) > 0)
      must (slot_size (flags_of (i)) < 2000);
}

/* Whatever number is tried, it is that number, and none that was left is longer
 * by a bucket than one that was tried.  Nothing gains, so all stay as long as
 * they are: the pages have been recompressed by the highest algorithm. */
START_TEST (the_longest_come_first)
{
  struct zram_recompress what = {.priority = 1};
  uint32_t before[NR_PAGES];

  for (what.max_pages = 0; what.max_pages < NR_PAGES;
       what.max_pages += 1 + what.max_pages / 3) {
    uint32_t shortest = UINT32_MAX, longest = 0;

    for (uint64_t i = 0; i < NR_PAGES; i++)
      write_content (i, i % 2 ? CONTENT_MIXED : CONTENT_TEXT);
    for (uint64_t i = 0; i < NR_PAGES; i++)
      before[i] = slot_size (flags_of (i));
    ck_assert_int_eq (recompress (&what, NULL), 0);
    ck_assert_uint_eq (recompressed.tried, what.max_pages);
    for (uint64_t i = 0; i < NR_PAGES; i++)
      if (slot_priority (flags_of (i)) == 0)
        longest = before[i] > longest ? before[i] : longest;
      else
        shortest = before[i] < shortest ? before[i] : shortest;
    if (recompressed.gained == recompressed.tried)
      ck_assert_uint_le (longest / 64, shortest / 64);
  }
}

START_TEST (only_the_highest_finds_a_page_incompressible)
{
  write_content (0, CONTENT_NOISE);
  ck_assert_int_eq (recompress_all (1), 0);
  ck_assert_uint_eq (recompressed.tried, 1);
  ck_assert (!(flags_of (0) & SLOT_INCOMPRESSIBLE));
  ck_assert_int_eq (recompress_all (2), 0);
  ck_assert_uint_eq (recompressed.tried, 1);
  ck_assert (flags_of (0) & SLOT_INCOMPRESSIBLE);
  ck_assert_int_eq (recompress_all (2), 0);
  ck_assert_uint_eq (recompressed.tried, 0);
  must_read (0, CONTENT_NOISE);
  ck_assert (flags_of (0) & SLOT_INCOMPRESSIBLE);
  write_content (0, CONTENT_NOISE);
  ck_assert (!(flags_of (0) & SLOT_INCOMPRESSIBLE));
}

START_TEST (when_it_was_used_stays)
{
  struct zram_page page;
  uint64_t index = 0;
  uint32_t accessed;

  write_content (0, CONTENT_TEXT);
  ck_assert (zram_next_page (zram, &index, &page));
  accessed = page.accessed;
  ck_assert (!page.recompressed);
  sleep (2);
  ck_assert_int_eq (recompress_all (1), 0);
  ck_assert_uint_eq (recompressed.gained, 1);
  ck_assert (zram_next_page (zram, &index, &page));
  ck_assert (page.recompressed);
  ck_assert_uint_eq (page.accessed, accessed);
}

/* Bytes of which four bits say nothing: lz4 finds no two that are alike, zstd
 * does with half. */
static void
write_half (uint64_t index)
{
  unsigned char page[ZRAM_PAGE_SIZE];
  uint64_t random = index;

  for (size_t i = 0; i < sizeof page; i++)
    page[i] = (unsigned char) (random_next (&random) & 0x0f);
  must_equal (zram_write (zram, page, sizeof page, index * sizeof page), 0);
}

/* Neither raw nor idle is what has become smaller. */
START_TEST (marks_go_with_what_they_were_for)
{
  struct zram_stats stats;

  write_half (0);
  ck_assert (flags_of (0) & SLOT_HUGE);
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
  ck_assert_int_eq (recompress_all (1), 0);
  ck_assert_uint_eq (recompressed.gained, 1);
  ck_assert (!(flags_of (0) & (SLOT_HUGE | SLOT_IDLE)));
  zram_stats (zram, &stats);
  ck_assert_uint_eq (stats.huge_pages, 0);
}

/* Every allocation of a run fails in turn. */
START_TEST (no_failure_leaks)
{
  static const struct {
    int error, result;
  } cases[] = {{-ENOMEM, -ENOMEM}, {-ENOSPC, 0}};

  for (unsigned call = 1; call <= NR_PAGES; call += 1 + call / 4) {
    zram_discard (zram, NR_PAGES * ZRAM_PAGE_SIZE, 0);
    for (uint64_t i = 0; i < NR_PAGES; i++)
      write_content (i, CONTENT_TEXT);
    ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
    nr_calls = 0;
    fail_call = call;
    fail_error = cases[_i].error;
    ck_assert_int_eq (recompress_all (1), cases[_i].result);
    ck_assert_uint_eq (fail_call, 0);
    if (_i == 0) {
      /* What workers had begun is kept. */
      ck_assert_uint_ge (recompressed.gained, call - 1);
      ck_assert_uint_lt (recompressed.gained,
                         call + (workers ? MOST_IN_HAND : 0));
    }
    else {
      ck_assert_uint_eq (recompressed.gained, NR_PAGES - 1);
      /* The one that found no room is as it was. */
      ck_assert_int_eq (recompress_idle (), 0);
      ck_assert_uint_eq (recompressed.gained, 1);
    }
    must_be_at_rest ();
    for (uint64_t i = 0; i < NR_PAGES; i++)
      must_read (i, CONTENT_TEXT);
  }
}

/* What the run is told to do when the reserve stays empty: give up a page. */
START_TEST (an_empty_reserve_is_waited_for)
{
  write_content (0, CONTENT_TEXT);
  fail_call = 1;
  fail_error = -EAGAIN;
  ck_assert_int_eq (recompress_all (1), 0);
  ck_assert_uint_gt (nr_calls, 10);
  ck_assert_uint_eq (recompressed.tried, 1);
  ck_assert_uint_eq (recompressed.gained, 0);
  fail_call = 0;
  must_be_at_rest ();
  must_read (0, CONTENT_TEXT);
}

START_TEST (without_memory_for_its_streams_it_does_nothing)
{
  if (!memory_can_be_limited ())
    return;
  fill ();
  memory_limit (0);
  ck_assert_int_eq (recompress_all (2), -ENOMEM);
  memory_limit_lift ();
  ck_assert_uint_eq (recompressed.tried, 0);
  ck_assert_int_eq (recompress_all (2), 0);
  ck_assert_uint_eq (recompressed.tried, NR_PAGES);
}

/* Stopped when so many are recompressed. */
struct stopping {
  _Atomic bool stop;
  uint64_t after;
  uint64_t last, total;
};

static void
stop_after (void *arg, uint64_t n, uint64_t total)
{
  struct stopping *const stopping = arg;

  must (n > stopping->last && n <= total);
  must (stopping->total == 0 || stopping->total == total);
  stopping->last = n;
  stopping->total = total;
  if (n >= stopping->after)
    stopping->stop = true;
}

START_TEST (a_run_can_be_stopped)
{
  for (uint64_t after = 1; after + MOST_IN_HAND < NR_PAGES; after += 50) {
    struct stopping stopping = {.after = after};
    const struct run run = {
        .stop = &stopping.stop, .progress = stop_after, .arg = &stopping};

    fill ();
    ck_assert_int_eq (
        recompress (&(struct zram_recompress){.max_pages = ALL, .priority = 1},
                    &run),
        -EINTR);
    ck_assert_uint_ge (recompressed.tried, after);
    ck_assert_uint_lt (recompressed.tried, NR_PAGES);
    must_be_at_rest ();
    must_read_all ();
  }
}

START_TEST (a_run_that_is_stopped_before_it_begins_does_nothing)
{
  static const _Atomic bool stop = true;
  const struct run run = {.stop = &stop};

  fill ();
  ck_assert_int_eq (
      recompress (&(struct zram_recompress){.max_pages = ALL, .priority = 1},
                  &run),
      -EINTR);
  ck_assert_uint_eq (recompressed.tried, 0);
}

static void
run_twice (void *arg, unsigned me)
{
  struct zram_recompressed *const each = arg;

  must_equal (zram_recompress (
                  zram,
                  &(struct zram_recompress){.max_pages = ALL, .priority = 2},
                  NULL, &each[me]),
              0);
}

START_TEST (a_second_run_waits_for_the_first)
{
  struct zram_recompressed each[2];

  for (uint64_t i = 0; i < NR_PAGES; i++)
    write_content (i, CONTENT_TEXT);
  threads_run (2, run_twice, each);
  ck_assert_uint_eq (each[0].tried + each[1].tried, NR_PAGES);
  ck_assert (each[0].tried == 0 || each[1].tried == 0);
}

/* A worker pool that is busy with something else, or has ended: the run does
 * everything itself. */
START_TEST (a_pool_that_does_not_run_is_done_without)
{
  fill ();
  workpool_stop (workers);
  ck_assert_int_eq (recompress_all (1), 0);
  ck_assert_uint_eq (recompressed.tried, NR_PAGES);
  must_be_at_rest ();
  must_read_all ();
}

static void
add_tests (TCase *tc)
{
  tcase_add_test (tc, pages_get_smaller_and_come_back);
  tcase_add_test (tc, what_is_saved_is_what_the_pool_has_less);
  tcase_add_test (tc, what_makes_no_sense_is_refused);
  tcase_add_test (tc, a_device_without_a_second_algorithm_refuses);
  tcase_add_test (tc, only_the_class_asked_for_is_tried);
  tcase_add_test (tc, shorter_pages_than_the_threshold_stay);
  tcase_add_test (tc, the_longest_come_first);
  tcase_add_test (tc, marks_go_with_what_they_were_for);
  tcase_add_test (tc, only_the_highest_finds_a_page_incompressible);
  tcase_add_loop_test (tc, no_failure_leaks, 0, 2);
  tcase_add_test (tc, an_empty_reserve_is_waited_for);
  tcase_add_test (tc, without_memory_for_its_streams_it_does_nothing);
  tcase_add_test (tc, a_run_can_be_stopped);
  tcase_add_test (tc, a_run_that_is_stopped_before_it_begins_does_nothing);
  tcase_add_test (tc, a_second_run_waits_for_the_first);
}

int
main (void)
{
  Suite *const suite = suite_create ("recompress");
  TCase *tc;

  tc = suite_case (suite, "alone");
  tcase_add_checked_fixture (tc, setup, destroy_device);
  add_tests (tc);
  tcase_add_test (tc, when_it_was_used_stays);

  tc = suite_case (suite, "with workers");
  tcase_add_checked_fixture (tc, setup_with_workers, destroy_device);
  add_tests (tc);
  tcase_add_test (tc, a_pool_that_does_not_run_is_done_without);
  return suite_run (suite);
}
