/* SPDX-License-Identifier: BSD-3-Clause */
/* A device that grows from its reserve only: what does not fit waits, fails in
 * the end, and changes nothing; nobody waits with a page in hand.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "reserve.h"
#include "unit.h"
#include "zram.h"
#include "zscheck.h"
#include "zsmalloc.h"

#define MIB     (UINT64_C (1) << 20)
#define RESERVE MIB

/* Noise takes as much as it is, and whole zspages of sixteen. */
#define RESERVE_PAGES (RESERVE / ZRAM_PAGE_SIZE)

static struct zram *
make_device_keeping_free (unsigned waiters, uint64_t (*keep_free) (void))
{
  const struct zram_config config = {
      .disksize = 64 * MIB,
      .reserve = RESERVE,
      .keep_free = keep_free,
      .no_faults = true,
      .reserve_waiters = waiters,
  };
  struct zram *zram;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  ck_assert_int_eq (zram_start (zram), 0);
  return zram;
}

static struct zram *
make_device (unsigned waiters)
{
  return make_device_keeping_free (waiters, NULL);
}

static int
write_noise (struct zram *zram, uint64_t index, uint64_t seed)
{
  char page[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, CONTENT_NOISE, seed);
  return zram_write (zram, page, sizeof page, index * sizeof page);
}

static void
must_hold_noise (struct zram *zram, uint64_t index, uint64_t seed)
{
  char page[ZRAM_PAGE_SIZE], want[ZRAM_PAGE_SIZE];

  content_fill (want, sizeof want, CONTENT_NOISE, seed);
  must_equal (zram_read (zram, page, sizeof page, index * sizeof page), 0);
  must (memcmp (page, want, sizeof page) == 0);
}

/* A device whose reserve nobody refills any more, and which has used it up. */
static struct zram *
make_exhausted (unsigned waiters)
{
  struct zram *zram = make_device (waiters);
  uint64_t i;

  zram_stop (zram);
  for (i = 0; i < RESERVE_PAGES; ++i)
    must_equal (write_noise (zram, i, i), 0);
  return zram;
}

START_TEST (the_reserve_is_a_share_within_bounds)
{
  ck_assert_uint_eq (reserve_for (4096), 4 * MIB);
  ck_assert_uint_eq (reserve_for (512 * MIB), 4 * MIB);
  ck_assert_uint_eq (reserve_for (1024 * MIB), 8 * MIB);
  ck_assert_uint_eq (reserve_for (8192 * MIB), 64 * MIB);
  ck_assert_uint_eq (reserve_for (UINT64_C (1) << 44), 64 * MIB);
}

/* So much is filled if nobody says how much, where all must be in advance. */
START_TEST (without_faults_there_is_a_reserve)
{
  struct zram_config config = {.disksize = 64 * MIB};
  const uint64_t without = zram_filled_bytes (&config);
  struct zs_fragmentation unused;
  struct zs_pool_stats stats;
  struct zram *zram;

  config.no_faults = true;
  ck_assert_uint_eq (zram_filled_bytes (&config),
                     without + reserve_for (config.disksize));
  ck_assert_int_eq (zram_create (&zram, &config), 0);
  ck_assert_int_eq (zram_start (zram), 0);
  zram_pool_stats (zram, &stats, &unused);
  ck_assert_uint_eq (stats.reserve, reserve_for (config.disksize));
  zram_destroy (zram);
}

START_TEST (an_empty_reserve_refuses_and_changes_nothing)
{
  struct zram *zram = make_exhausted (0);
  struct zram_stats before, after;
  uint64_t i;

  zram_stats (zram, &before);
  ck_assert_uint_eq (before.reserve_refused, 0);
  ck_assert_int_eq (write_noise (zram, RESERVE_PAGES, 7), -ENOSPC);
  ck_assert_int_eq (write_noise (zram, 5, 7), -ENOSPC);
  ck_assert_int_eq (zram_write (zram, "x", 1, 5 * ZRAM_PAGE_SIZE + 9), -ENOSPC);
  ck_assert_int_eq (zram_zero (zram, 100, 5 * ZRAM_PAGE_SIZE + 9), -ENOSPC);
  zram_stats (zram, &after);
  ck_assert_uint_eq (after.reserve_refused, 4);
  ck_assert_uint_eq (after.failed_writes, 4);
  ck_assert_uint_eq (after.mem_used_total, before.mem_used_total);
  for (i = 0; i < RESERVE_PAGES; ++i)
    must_hold_noise (zram, i, i);
  zram_destroy (zram);
}

START_TEST (what_is_freed_can_be_used_again)
{
  struct zram *zram = make_exhausted (0);
  uint64_t i;

  zram_discard (zram, RESERVE, 0);
  for (i = 0; i < RESERVE_PAGES; ++i)
    must_equal (write_noise (zram, 1000 + i, i), 0);
  ck_assert_int_eq (write_noise (zram, 0, 0), -ENOSPC);
  zram_destroy (zram);
}

/* With somebody who refills, a hundred times the reserve can be written. */
START_TEST (writes_wait_for_the_refill)
{
  struct zram *zram = make_device (8);
  const uint64_t pages = scaled (48 * MIB / ZRAM_PAGE_SIZE);
  uint64_t i;

  for (i = 0; i < pages; ++i)
    must_equal (write_noise (zram, i, i), 0);
  for (i = 0; i < pages; ++i)
    must_hold_noise (zram, i, i);
  zram_destroy (zram);
}

/* More than there ever is, until it is changed. */
static _Atomic uint64_t kept;

static uint64_t
keep_free (void)
{
  return kept;
}

/* It is filled at the start all the same.  Who refills can be told to stop. */
START_TEST (nothing_is_taken_while_the_system_is_short)
{
  kept = UINT64_MAX;

  struct zram *zram = make_device_keeping_free (1, keep_free);
  struct zs_fragmentation unused;
  struct zs_pool_stats stats;
  uint64_t i;

  for (i = 0; i < RESERVE_PAGES; ++i)
    must_equal (write_noise (zram, i, i), 0);
  ck_assert_int_eq (write_noise (zram, RESERVE_PAGES, 7), -ENOSPC);
  zram_pool_stats (zram, &stats, &unused);
  ck_assert_uint_eq (stats.reserve, 0);
  zram_destroy (zram);
}

/* What is to be left free may become less; a write waits for it. */
START_TEST (the_mark_is_looked_up_again)
{
  kept = UINT64_MAX;

  struct zram *zram = make_device_keeping_free (1, keep_free);
  uint64_t i;

  for (i = 0; i < RESERVE_PAGES; ++i)
    must_equal (write_noise (zram, i, i), 0);
  kept = 0;
  ck_assert_int_eq (write_noise (zram, RESERVE_PAGES, 7), 0);
  zram_destroy (zram);
}

struct waiter {
  struct zram *zram;
  uint64_t offset, len;
  int result;
  _Atomic bool done;
};

static void *
write_part (void *arg)
{
  struct waiter *waiter = arg;
  char page[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, CONTENT_NOISE, 99);
  waiter->result = zram_write (waiter->zram, page, waiter->len, waiter->offset);
  return NULL;
}

static bool
somebody_waits (struct zram *zram)
{
  struct zram_stats stats;

  zram_stats (zram, &stats);
  return stats.reserve_waiting > 0;
}

/* While one write waits, its page can be read and trimmed, a second writer is
 * refused at once if one may wait, and the first gets what the trim freed. */
static void
check_waiting (uint64_t len, uint64_t offset)
{
  struct zram *zram = make_exhausted (1);
  struct waiter waiter = {.zram = zram, .offset = offset, .len = len};
  pthread_t thread;

  pthread_create (&thread, NULL, write_part, &waiter);
  while (!somebody_waits (zram))
    ;
  must_hold_noise (zram, offset / ZRAM_PAGE_SIZE, offset / ZRAM_PAGE_SIZE);
  must_hold_noise (zram, 1, 1);
  ck_assert_int_eq (write_noise (zram, RESERVE_PAGES, 0), -ENOSPC);
  zram_discard (zram, RESERVE / 2, RESERVE / 2);
  pthread_join (thread, NULL);
  ck_assert_int_eq (waiter.result, 0);
  zram_destroy (zram);
}

START_TEST (a_page_can_be_read_while_its_write_waits)
{
  check_waiting (ZRAM_PAGE_SIZE, 3 * ZRAM_PAGE_SIZE);
}

START_TEST (a_page_can_be_read_while_part_of_it_waits)
{
  check_waiting (1000, 3 * ZRAM_PAGE_SIZE + 1);
}

START_TEST (patience_ends)
{
  struct zram *zram = make_exhausted (1);

  ck_assert_int_eq (write_noise (zram, RESERVE_PAGES, 0), -ENOSPC);
  must_hold_noise (zram, 1, 1);
  zram_destroy (zram);
}

/* Ten writes wait no longer than one: or a server with one thread would answer
 * no read for a minute. */
START_TEST (patience_ends_for_all_at_once)
{
  struct zram *zram = make_exhausted (1);
  const uint64_t start = clock_ms ();
  int i;

  for (i = 0; i < 10; ++i)
    ck_assert_int_eq (write_noise (zram, RESERVE_PAGES, 0), -ENOSPC);
  ck_assert_uint_lt (clock_ms () - start, 20000);
  zram_destroy (zram);
}

static void
wait_for_reserve (struct zram *zram, uint64_t bytes)
{
  struct zs_fragmentation unused;
  struct zs_pool_stats stats;

  do
    zram_pool_stats (zram, &stats, &unused);
  while (stats.reserve != bytes);
}

static void *
write_page (void *arg)
{
  struct waiter *waiter = arg;

  waiter->result = write_noise (waiter->zram, waiter->offset, 7);
  waiter->done = true;
  return NULL;
}

/* Its write waits, and gets what is freed then: all that was written first. */
static void
write_when_all_is_freed (struct waiter *waiter)
{
  pthread_t thread;

  pthread_create (&thread, NULL, write_page, waiter);
  while (!somebody_waits (waiter->zram) && !waiter->done)
    ;
  zram_discard (waiter->zram, RESERVE, 0);
  pthread_join (thread, NULL);
  ck_assert_int_eq (waiter->result, 0);
}

/* Without a refill writes fail at once in the end; with one they wait again. */
START_TEST (a_refill_gives_patience_back)
{
  kept = UINT64_MAX;

  struct zram *zram = make_device_keeping_free (1, keep_free);
  struct waiter waiter = {.zram = zram, .offset = 4 * RESERVE_PAGES};
  uint64_t i;

  for (i = 0; i < RESERVE_PAGES; ++i)
    must_equal (write_noise (zram, i, i), 0);
  ck_assert_int_eq (write_noise (zram, i, i), -ENOSPC);
  kept = 0;
  wait_for_reserve (zram, RESERVE);
  zram_stop (zram);
  for (; i < 2 * RESERVE_PAGES; ++i)
    must_equal (write_noise (zram, i, i), 0);
  write_when_all_is_freed (&waiter);
  zram_destroy (zram);
}

/* Told in turn: long enough that it is asked again at once, for one zspage, and
 * then that there is nothing to be had. */
static uint64_t
keep_free_but_once (void)
{
  const struct timespec longer_than_a_mark = {.tv_nsec = 600 * 1000000L};

  if (kept > 0)
    return UINT64_MAX;
  kept = UINT64_MAX;
  nanosleep (&longer_than_a_mark, NULL);
  return 0;
}

/* A refill that ends early, because memory is short again, is one refill: a
 * write does not wait longer than its patience after it. */
START_TEST (patience_ends_after_part_of_a_refill)
{
  kept = UINT64_MAX;

  struct zram *zram = make_device_keeping_free (1, keep_free_but_once);
  uint64_t i;

  for (i = 0; i < RESERVE_PAGES; ++i)
    must_equal (write_noise (zram, i, i), 0);
  kept = 0;
  while (write_noise (zram, i, i) == 0)
    ++i;
  ck_assert_uint_eq (i, RESERVE_PAGES + 16);
  zram_destroy (zram);
}

/* What was freed fills the reserve as well as a refill does: when it is empty
 * again, a write waits again. */
START_TEST (what_is_freed_gives_patience_back)
{
  struct zram *zram = make_exhausted (1);
  struct waiter waiter = {.zram = zram, .offset = 4 * RESERVE_PAGES};
  uint64_t i;

  ck_assert_int_eq (write_noise (zram, RESERVE_PAGES, 0), -ENOSPC);
  zram_discard (zram, RESERVE, 0);
  for (i = 0; i < RESERVE_PAGES; ++i)
    must_equal (write_noise (zram, i, i), 0);
  write_when_all_is_freed (&waiter);
  zram_destroy (zram);
}

/* More than the pool has addresses for: all of the disk can be written. */
START_TEST (a_small_disk_may_have_a_large_reserve)
{
  const struct zram_config config = {
      .disksize = MIB,
      .reserve = 64 * MIB,
      .no_faults = _i,
  };
  struct zs_pool_stats stats;
  struct zs_fragmentation unused;
  struct zram *zram;
  uint64_t i;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  ck_assert_int_eq (zram_start (zram), 0);
  zram_pool_stats (zram, &stats, &unused);
  ck_assert_uint_ge (stats.reserve, 16 * MIB);
  for (i = 0; i < MIB / ZRAM_PAGE_SIZE; ++i)
    must_equal (write_noise (zram, i, i), 0);
  for (i = 0; i < MIB / ZRAM_PAGE_SIZE; ++i)
    must_hold_noise (zram, i, i);
  zram_destroy (zram);
}

/* Write all over the disk, so in every part of the table, and trim it all: how
 * many page faults does that take? */
static long
faults_of_a_round (struct zram *zram)
{
  const long before = thread_faults ();

  for (uint64_t i = 0; i < RESERVE_PAGES / 2; ++i)
    must_equal (write_noise (zram, i * 100, i), 0);
  zram_discard (zram, 64 * MIB, 0);
  return thread_faults () - before;
}

/* Not the first time, nor again.  What the program itself touches then for the
 * first time, as its coverage counters, another device has had it touch. */
START_TEST (no_write_takes_a_page_fault)
{
  struct zram *zram = make_device (8);

  faults_of_a_round (zram);
  zram_destroy (zram);
  zram = make_device (8);
  for (int round = 0; round < 3; ++round)
    ck_assert_int_eq (faults_of_a_round (zram), 0);
  zram_destroy (zram);
}

/* Before the store is open. */
START_TEST (a_stores_buffers_are_filled)
{
  struct zram_config config = {.disksize = 64 * MIB, .no_faults = true};
  const uint64_t without = zram_filled_bytes (&config);

  config.backing.dev[0] = '/';
  config.writeback_batch_size = 10;
  ck_assert_uint_ge (zram_filled_bytes (&config), without + 12 * MIB);
  ck_assert_uint_le (zram_filled_bytes (&config), without + 13 * MIB);
  /* Of a small one segments are a sixteenth. */
  config.backing.size = 64 * MIB;
  ck_assert_uint_ge (zram_filled_bytes (&config), without + 12 * MIB / 16);
  ck_assert_uint_le (zram_filled_bytes (&config), without + 28 * MIB / 16);
}

int
main (void)
{
  Suite *suite = suite_create ("reserve");
  TCase *tc = suite_case (suite, "reserve");

  tcase_add_test (tc, the_reserve_is_a_share_within_bounds);
  tcase_add_test (tc, a_stores_buffers_are_filled);
  tcase_add_test (tc, without_faults_there_is_a_reserve);
  tcase_add_test (tc, an_empty_reserve_refuses_and_changes_nothing);
  tcase_add_test (tc, what_is_freed_can_be_used_again);
  tcase_add_test (tc, writes_wait_for_the_refill);
  tcase_add_test (tc, nothing_is_taken_while_the_system_is_short);
  tcase_add_test (tc, the_mark_is_looked_up_again);
  tcase_add_test (tc, a_page_can_be_read_while_its_write_waits);
  tcase_add_test (tc, a_page_can_be_read_while_part_of_it_waits);
  tcase_add_test (tc, patience_ends);
  tcase_add_test (tc, patience_ends_for_all_at_once);
  tcase_add_test (tc, a_refill_gives_patience_back);
  tcase_add_test (tc, patience_ends_after_part_of_a_refill);
  tcase_add_test (tc, what_is_freed_gives_patience_back);
  tcase_add_loop_test (tc, a_small_disk_may_have_a_large_reserve, 0, 2);
  if (instrumented ())
    puts ("SKIP: a test of page faults: who watches takes some, too");
  else
    tcase_add_test (tc, no_write_takes_a_page_fault);
  return suite_run (suite);
}
