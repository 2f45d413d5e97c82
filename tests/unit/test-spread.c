/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that several threads do: the same bytes at every threshold, length
 * and alignment, whatever the workers do meanwhile; errors are told, and
 * nothing waits for workers that do not come.
 *
 * The linker puts this file's zcomp_stream_get and zs_malloc before the real
 * ones.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "occupying.h"
#include "unit.h"
#include "workpool.h"
#include "zcomp.h"
#include "zram.h"
#include "zsmalloc.h"

#define NR_PAGES   256U
#define DISKSIZE   ((uint64_t) NR_PAGES * ZRAM_PAGE_SIZE)
#define NR_WORKERS 3U

/* The names that the linker gives them. */
extern struct zcomp_stream *
__real_zcomp_stream_get (struct zcomp *comp, enum zcomp_direction direction);
extern struct zcomp_stream *
__wrap_zcomp_stream_get (struct zcomp *comp, enum zcomp_direction direction);
extern int __real_zs_malloc (struct zs_pool *pool, size_t len, uint64_t owner,
                             uint64_t *handle);
extern int __wrap_zs_malloc (struct zs_pool *pool, size_t len, uint64_t owner,
                             uint64_t *handle);

static struct workpool *pool;
static struct zram *zram;
static char *model, *buf;

/* Who has used a stream, for a page that is not all zeros. */
static _Atomic unsigned by_workers, by_callers;

/* Slot whose page finds no room, and what that is; counts those. */
static uint64_t failing_owner;
static int failing_error;
static bool only_workers_fail;
static _Atomic unsigned failed;

static bool
is_worker (void)
{
  char name[16];

  pthread_getname_np (pthread_self (), name, sizeof name);
  return strcmp (name, "zram-io") == 0;
}

struct zcomp_stream *
__wrap_zcomp_stream_get (struct zcomp *comp, enum zcomp_direction direction)
{
  atomic_fetch_add (is_worker () ? &by_workers : &by_callers, 1);
  return __real_zcomp_stream_get (comp, direction);
}

int
__wrap_zs_malloc (struct zs_pool *of, size_t len, uint64_t owner,
                  uint64_t *handle)
{
  if (failing_error && owner >= failing_owner &&
      (!only_workers_fail || is_worker ())) {
    failed++;
    return failing_error;
  }
  return __real_zs_malloc (of, len, owner, handle);
}

static void
make_device (unsigned threshold)
{
  const struct zram_config config = {
      .disksize = DISKSIZE, .workers = pool, .spread_threshold = threshold};

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  memset (model, 0, DISKSIZE);
  failing_error = 0;
  only_workers_fail = false;
  failed = by_workers = by_callers = 0;
}

static void
setup (void)
{
  ck_assert_int_eq (workpool_create (&pool, NR_WORKERS), 0);
  ck_assert_int_eq (workpool_start (pool), 0);
  model = malloc (DISKSIZE);
  buf = malloc (DISKSIZE);
  ck_assert (model && buf);
}

static void
teardown (void)
{
  workpool_destroy (pool);
  free (model);
  free (buf);
}

static void
write_range (uint64_t count, uint64_t offset, uint64_t seed)
{
  for (uint64_t at = 0; at < count; at += ZRAM_PAGE_SIZE)
    content_fill (model + offset + at,
                  count - at < ZRAM_PAGE_SIZE ? count - at : ZRAM_PAGE_SIZE,
                  (enum content) ((seed + at / ZRAM_PAGE_SIZE) % CONTENT_KINDS),
                  seed + at);
  must_equal (zram_write (zram, model + offset, count, offset), 0);
}

static void
must_read (uint64_t count, uint64_t offset)
{
  memset (buf, 0xee, count);
  must_equal (zram_read (zram, buf, count, offset), 0);
  must (memcmp (buf, model + offset, count) == 0);
}

static const unsigned thresholds[] = {0, 1, 2, 7, 64, NR_PAGES + 1};

#define THRESHOLDS (sizeof thresholds / sizeof *thresholds)

START_TEST (the_same_bytes_at_every_threshold)
{
  uint64_t random = 7;

  make_device (thresholds[_i]);
  for (uint64_t i = 0; i < scaled (500); i++) {
    const uint64_t offset = random_below (&random, DISKSIZE);
    const uint64_t most =
        i % 3 ? DISKSIZE - offset : (DISKSIZE - offset) / 64 + 1;
    const uint64_t count = 1 + random_below (&random, most);

    write_range (count, offset, i);
    must_read (count, offset);
  }
  must_read (DISKSIZE, 0);
  zram_destroy (zram);
}

/* Every length and start around pages and pieces, all at once. */
START_TEST (every_alignment)
{
  static const uint64_t ends[] = {0, 1, 511, 2048, 4095};
  const size_t n = sizeof ends / sizeof *ends;

  make_device (2);
  write_range (DISKSIZE, 0, 1);
  for (uint64_t pages = 1; pages <= 18; pages++)
    for (size_t i = 0; i < n * n; i++) {
      const uint64_t offset = 3 * ZRAM_PAGE_SIZE + ends[i / n];
      const uint64_t count = pages * ZRAM_PAGE_SIZE + ends[i % n];

      write_range (count, offset, i);
      must_read (count + 2 * ZRAM_PAGE_SIZE, offset - ZRAM_PAGE_SIZE);
    }
  must_read (DISKSIZE, 0);
  zram_destroy (zram);
}

START_TEST (with_threshold_0_the_workers_do_everything)
{
  make_device (0);
  write_range (DISKSIZE, 0, 1);
  must_read (DISKSIZE, 0);
  must_read (ZRAM_PAGE_SIZE, 2 * ZRAM_PAGE_SIZE);
  must_read (100, 2 * ZRAM_PAGE_SIZE + 5);
  memset (model + 100, 0, 3 * ZRAM_PAGE_SIZE);
  ck_assert_int_eq (zram_zero (zram, 3 * ZRAM_PAGE_SIZE, 100), 0);
  must_read (5 * ZRAM_PAGE_SIZE, 0);
  ck_assert_uint_gt (by_workers, 0);
  ck_assert_uint_eq (by_callers, 0);
  zram_destroy (zram);
}

START_TEST (below_the_threshold_nobody_is_called)
{
  make_device (8);
  for (uint64_t i = 0; i + 8 <= NR_PAGES; i += 8) {
    write_range (8 * ZRAM_PAGE_SIZE - 1, i * ZRAM_PAGE_SIZE, i);
    must_read (8 * ZRAM_PAGE_SIZE - 1, i * ZRAM_PAGE_SIZE);
  }
  ck_assert_uint_eq (by_workers, 0);
  ck_assert_uint_gt (by_callers, 0);
  zram_destroy (zram);
}

/* On one CPU the workers may come too late for one request, but not always. */
START_TEST (above_it_both_work)
{
  make_device (1);
  for (unsigned i = 0; i < 10000 && (by_workers == 0 || by_callers == 0); i++) {
    write_range (DISKSIZE, 0, i);
    must_read (DISKSIZE, 0);
  }
  ck_assert_uint_gt (by_workers, 0);
  ck_assert_uint_gt (by_callers, 0);
  zram_destroy (zram);
}

/* They are let go only when the requests are done. */
START_TEST (busy_workers_are_not_waited_for)
{
  struct occupation occupations[NR_WORKERS];

  make_device (1);
  workers_occupy (pool, WORK_IO, occupations, NR_WORKERS);
  write_range (DISKSIZE, 0, 1);
  must_read (DISKSIZE, 0);
  ck_assert_uint_eq (by_workers, 0);
  workers_release ();
  zram_destroy (zram);
}

START_TEST (a_pool_that_does_not_run_is_done_without)
{
  make_device (0);
  workpool_stop (pool);
  write_range (DISKSIZE, 0, 1);
  must_read (DISKSIZE, 0);
  ck_assert_uint_eq (by_workers, 0);
  zram_destroy (zram);
}

/* The error is told, counted once, and the device goes on. */
START_TEST (an_error_is_told)
{
  struct zram_stats stats;

  make_device (thresholds[_i]);
  write_range (DISKSIZE, 0, 1);
  failing_owner = NR_PAGES / 2;
  failing_error = -ENOSPC;
  content_fill (buf, DISKSIZE, CONTENT_TEXT, 5);
  ck_assert_int_eq (zram_write (zram, buf, DISKSIZE, 0), -ENOSPC);
  failing_error = 0;
  zram_stats (zram, &stats);
  ck_assert_uint_eq (stats.failed_writes, 1);
  ck_assert_int_eq (zram_read (zram, buf, DISKSIZE, 0), 0);
  /* No page that found no room has changed. */
  ck_assert (memcmp (buf + DISKSIZE / 2, model + DISKSIZE / 2, DISKSIZE / 2) ==
             0);
  write_range (DISKSIZE, 0, 2);
  must_read (DISKSIZE, 0);
  zram_destroy (zram);
}

/* A worker does not wait for the reserve: it leaves that to the caller, who
 * finds room here. */
START_TEST (workers_leave_what_would_wait_to_the_caller)
{
  struct zram_stats stats;

  make_device (thresholds[_i]);
  only_workers_fail = true;
  failing_owner = 0;
  failing_error = -EAGAIN;
  for (unsigned i = 0; i < 1000 && failed == 0; i++) {
    write_range (DISKSIZE, 0, i);
    must_read (DISKSIZE, 0);
  }
  ck_assert_uint_gt (failed, 0);
  zram_stats (zram, &stats);
  ck_assert_uint_eq (stats.failed_writes, 0);
  zram_destroy (zram);
}

static void
use_device (void *arg, unsigned me)
{
  const uint64_t part = DISKSIZE / 4, start = me * part;
  char *const mine = malloc (part);
  uint64_t random = me;

  (void) arg;
  must (mine);
  for (uint64_t i = 0; i < scaled (200); i++) {
    const uint64_t offset = random_below (&random, part);
    const uint64_t count = 1 + random_below (&random, part - offset);

    write_range (count, start + offset, me + i);
    must_equal (zram_read (zram, mine, part, start), 0);
    must (memcmp (mine, model + start, part) == 0);
  }
  free (mine);
}

START_TEST (many_requests_share_the_workers)
{
  make_device (thresholds[_i]);
  threads_run (4, use_device, NULL);
  must_read (DISKSIZE, 0);
  zram_destroy (zram);
}

int
main (void)
{
  Suite *const suite = suite_create ("spread");
  TCase *const tc = suite_case (suite, "spread");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_loop_test (tc, the_same_bytes_at_every_threshold, 0, THRESHOLDS);
  tcase_add_test (tc, every_alignment);
  tcase_add_test (tc, with_threshold_0_the_workers_do_everything);
  tcase_add_test (tc, below_the_threshold_nobody_is_called);
  tcase_add_test (tc, above_it_both_work);
  tcase_add_test (tc, busy_workers_are_not_waited_for);
  tcase_add_test (tc, a_pool_that_does_not_run_is_done_without);
  tcase_add_loop_test (tc, an_error_is_told, 0, THRESHOLDS);
  tcase_add_loop_test (tc, workers_leave_what_would_wait_to_the_caller, 0, 3);
  tcase_add_loop_test (tc, many_requests_share_the_workers, 0, THRESHOLDS);
  return suite_run (suite);
}
