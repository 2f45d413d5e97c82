/* SPDX-License-Identifier: BSD-3-Clause */
/* What fails on a page's way to the store and back, in every place in turn, is
 * told, loses nothing and leaves nothing behind.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backed.h"
#include "vmem.h"
#include "zsmalloc.h"

/* The allocation after the next so many fails; less than 0: none does. */
static _Thread_local int allocations_left = -1;

extern void *__real_calloc (size_t n, size_t size);
extern void *__wrap_calloc (size_t n, size_t size);
extern int __real_vmem_open (void *start, size_t size);
extern int __wrap_vmem_open (void *start, size_t size);
extern int __real_zs_malloc (struct zs_pool *pool, size_t len, uint64_t owner,
                             uint64_t *handle);
extern int __wrap_zs_malloc (struct zs_pool *pool, size_t len, uint64_t owner,
                             uint64_t *handle);

static bool
fails (void)
{
  return allocations_left >= 0 && allocations_left-- == 0;
}

void *
__wrap_calloc (size_t n, size_t size)
{
  return fails () ? NULL : __real_calloc (n, size);
}

int
__wrap_vmem_open (void *start, size_t size)
{
  return fails () ? -ENOMEM : __real_vmem_open (start, size);
}

int
__wrap_zs_malloc (struct zs_pool *pool, size_t len, uint64_t owner,
                  uint64_t *handle)
{
  return fails () ? -ENOMEM : __real_zs_malloc (pool, len, owner, handle);
}

/* Each that making a device takes; the store is the caller's then.  What leaks,
 * a sanitizer tells. */
START_TEST (a_device_that_cannot_be_made_leaves_nothing)
{
  struct zram_config config = {.disksize = DISKSIZE};
  struct zram *made;
  int n, r;

  config.store =
      memory_store_make (STORE_SEGMENTS * (uint64_t) SEGMENT_MIN, 512);
  for (n = 0;; n++) {
    allocations_left = n;
    r = zram_create (&made, &config);
    if (r == 0)
      break;
    ck_assert_int_eq (r, -ENOMEM);
  }
  allocations_left = -1;
  ck_assert_int_gt (n, 5);
  zram_destroy (made);
}

/* Each that changing parts of pages takes which are in the store. */
START_TEST (a_change_that_finds_no_memory_changes_nothing)
{
  char page[ZRAM_PAGE_SIZE], part[100];
  unsigned failed = 0;

  memset (part, 0x5a, sizeof part);
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  for (uint64_t i = 2; i < NR_PAGES; i += CONTENT_KINDS) {
    const int r = (allocations_left = 0,
                   zram_write (zram, part, sizeof part, i * sizeof page));

    allocations_left = -1;
    must_equal (r, -ENOMEM);
    failed++;
    must_be_at_rest ();
  }
  ck_assert_uint_eq (stats ().bd_count,
                     NR_PAGES - 2 * (NR_PAGES / CONTENT_KINDS + 1));
  must_read_all (1);
  ck_assert_uint_gt (failed, 0);
}

/* Every read of cleaning and every write in turn, in a store that is so small
 * that it has to be cleaned all the time; each page is what it was last made,
 * and every sum is right. */
static void
overwrite (uint64_t seeds[NR_PAGES], uint64_t seed)
{
  for (uint64_t i = seed % 3; i < NR_PAGES; i += 3) {
    write_page (i, seed);
    seeds[i] = seed;
  }
}

START_TEST (cleaning_that_fails_loses_nothing)
{
  uint64_t seeds[NR_PAGES] = {0};
  unsigned ended = 0;

  destroy_device ();
  make_device_of ((struct zram_config){0}, 52, 4096);
  fill (0);
  ck_assert_int_eq (writeback_all (), 0);
  for (unsigned n = 0; n < scaled (60); n++) {
    overwrite (seeds, n + 1);
    (_i == 0 ? memory_store_fail_read
             : memory_store_fail_write) (store, (int) n % 20, -EIO);
    ended += writeback_all () == 0;
    memory_store_fail_read (store, 0, 0);
    memory_store_fail_write (store, 0, 0);
    must_be_at_rest ();
    for (uint64_t i = 0; i < NR_PAGES; i++)
      must_read (i, seeds[i]);
  }
  ck_assert_uint_gt (_i == 0 ? ended : stats ().bd_write_errors, 0);
  ck_assert_uint_gt (
      _i == 0 ? stats ().bd_read_errors : stats ().bd_write_errors, 0);
  ck_assert_uint_eq (stats ().bd_checksum_errors, 0);
}

/* The store is stopped before the run, or while all its writes are on their
 * way. */
static void
write_back_until_it_stops (void *arg, unsigned me)
{
  (void) arg;
  if (me == 0) {
    must_equal (writeback_all (), -ECANCELED);
    return;
  }
  wait_held (1);
  memory_store_fail_write (store, 0, -ECANCELED);
  memory_store_let_go (store);
}

START_TEST (a_run_whose_store_stops_loses_nothing)
{
  fill (1);
  if (_i == 0) {
    zram_stop (zram);
    ck_assert_int_eq (writeback_all (), -ECANCELED);
    ck_assert_uint_eq (written.pages, 0);
    ck_assert_int_eq (zram_start (zram), 0);
  }
  else {
    memory_store_hold (store, false, true);
    threads_run (2, write_back_until_it_stops, NULL);
  }
  must_be_at_rest ();
  must_read_all (1);
  ck_assert_int_eq (writeback_all (), 0);
  ck_assert_uint_eq (stats ().compr_data_size, 0);
  must_read_all (1);
}

/* Every write in turn, or where that takes long some of them. */
START_TEST (a_write_that_fails_loses_nothing)
{
  const unsigned step = instrumented () ? 5 : 1;
  unsigned n;

  for (n = 0;; n += step) {
    fill (n);
    memory_store_fail_write (store, (int) n, -EIO);
    if (writeback_all () == 0)
      break;
    must_be_at_rest ();
    ck_assert_uint_gt (stats ().compr_data_size, 0);
    ck_assert_int_eq (writeback_all (), 0);
    ck_assert_uint_eq (stats ().compr_data_size, 0);
    must_read_all (n);
  }
  ck_assert_uint_gt (n, 2);
  ck_assert_uint_eq (stats ().bd_write_errors, n / step);
}

START_TEST (a_read_that_fails_can_be_repeated)
{
  char page[ZRAM_PAGE_SIZE];
  char *const all = malloc (DISKSIZE);

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memory_store_fail_read (store, 0, -EIO);
  ck_assert_int_eq (zram_read (zram, page, sizeof page, 2 * sizeof page), -EIO);
  must_read (2, 1);
  memory_store_fail_read (store, 0, -EIO);
  ck_assert_int_eq (zram_write (zram, page, 1, 2 * sizeof page), -EIO);
  must_read (2, 1);
  memory_store_fail_read (store, 10, -EIO);
  ck_assert_int_eq (zram_read (zram, all, DISKSIZE, 0), -EIO);
  must_read_at_once (1);
  must_be_at_rest ();
  free (all);
}

/* In requests for more pages than reads may be in flight, more often than so
 * many (64): none of these is lost, or reads would wait for one for ever. */
START_TEST (reads_may_fail_often)
{
  char *const all = malloc (DISKSIZE);

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  for (unsigned n = 0; n < 100; n++) {
    memory_store_fail_read (store, 0, -EIO);
    must_equal (zram_read (zram, all, DISKSIZE, 0), -EIO);
  }
  must_read_at_once (1);
  must_be_at_rest ();
  free (all);
}

/* The store is full: what found room is there, the others stay. */
/* Pages that nobody wants any more are half of a store that has little room
 * else; there is a budget for less than a segment at a time.  As often as it is
 * given, it is of use: what could be cleaned in part only is cleaned later. */
START_TEST (a_small_budget_is_enough_in_the_end)
{
  const uint64_t budget = SEGMENT_MIN / 2;
  uint64_t seeds[NR_PAGES];
  unsigned segments, ended = 0;

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  segments = (unsigned) (stats ().bd_segments - stats ().bd_free_segments) + 4;
  destroy_device ();
  make_device_of ((struct zram_config){0}, segments, 4096);
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    seeds[i] = 1;
  for (uint64_t i = 0; i < NR_PAGES; i += 2) {
    zram_discard (zram, ZRAM_PAGE_SIZE, i * ZRAM_PAGE_SIZE);
    seeds[i] = 0;
  }
  for (uint64_t round = 2; round < 400; round++) {
    const uint64_t page = round * 2 % NR_PAGES;
    int r;

    write_page (page, seeds[page] = round);
    zram_set_writeback_limit (zram, true, budget);
    r = writeback_all ();
    must (r == 0 || r == -EIO);
    ended += r == -EIO;
  }
  ck_assert_uint_gt (ended, 0);
  zram_set_writeback_limit (zram, false, 0);
  ck_assert_int_eq (writeback_all (), 0);
  must_be_at_rest ();
  for (uint64_t i = 0; i < NR_PAGES; i++)
    if (seeds[i] > 0)
      must_read (i, seeds[i]);
}

/* What does not go away by going on ends a run: pages are left that nobody
 * tried. */
START_TEST (an_error_that_stays_ends_the_run)
{
  static const int errors[] = {-ENOSPC, -ETIMEDOUT, -ECANCELED};

  fill (1);
  memory_store_fail_write (store, 0, errors[_i]);
  ck_assert_int_eq (writeback_all (), errors[_i]);
  ck_assert_uint_lt (written.tried, NR_PAGES / 2);
  must_be_at_rest ();
  must_read_all (1);
}

START_TEST (a_full_store_is_told)
{
  destroy_device ();
  make_device_of ((struct zram_config){0}, 24, 512);
  fill (1);
  ck_assert_int_eq (writeback_all (), -ENOSPC);
  ck_assert_uint_gt (written.pages, 0);
  must_be_at_rest ();
  must_read_all (1);
  /* When something has died there is room again. */
  zram_discard (zram, DISKSIZE / 4 * 3, 0);
  ck_assert_int_eq (writeback_all (), 0);
  must_be_at_rest ();
  for (uint64_t i = NR_PAGES / 4 * 3; i < NR_PAGES; i++)
    must_read (i, 1);
}

static void
add_tests (TCase *tc)
{
  tcase_add_test (tc, a_write_that_fails_loses_nothing);
  tcase_add_test (tc, a_read_that_fails_can_be_repeated);
  tcase_add_test (tc, reads_may_fail_often);
  tcase_add_test (tc, a_change_that_finds_no_memory_changes_nothing);
  tcase_add_loop_test (tc, a_run_whose_store_stops_loses_nothing, 0, 2);
}

int
main (void)
{
  Suite *const suite = suite_create ("writebackfailures");
  TCase *tc;

  tc = suite_case (suite, "alone");
  tcase_add_checked_fixture (tc, make_device, destroy_device);
  add_tests (tc);
  tcase_add_test (tc, a_small_budget_is_enough_in_the_end);
  tcase_add_loop_test (tc, an_error_that_stays_ends_the_run, 0, 3);
  tcase_add_test (tc, a_full_store_is_told);
  tcase_add_test (tc, a_device_that_cannot_be_made_leaves_nothing);
  tcase_add_loop_test (tc, cleaning_that_fails_loses_nothing, 0, 2);

  tc = suite_case (suite, "with workers");
  tcase_add_checked_fixture (tc, make_device_with_workers, destroy_device);
  add_tests (tc);
  return suite_run (suite);
}
