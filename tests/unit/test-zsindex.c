/* SPDX-License-Identifier: BSD-3-Clause */
/* The reserve: when it is filled, drawn on and given back, and that drawing on
 * it takes no page fault.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "oldkernel.h"
#include "unit.h"
#include "vmem.h"
#include "zscheck.h"
#include "zspool.h"

#define ZSPAGE (UINT64_C (64) << 10)
#define MIB    (UINT64_C (1) << 20)

/* Emptied zspages that are kept though nobody has asked for a reserve. */
#define MOST_KEPT (8 * ZSPAGE)

/* Of this length, one object and no more is in a zspage. */
#define LONE_LEN ZS_MAX_ALLOC_SIZE

static const char device;

static struct zs_pool *
make_pool (uint64_t max_size)
{
  struct zs_pool *pool;

  ck_assert_int_eq (zs_pool_create (&pool, max_size, &device), 0);
  return pool;
}

static struct zs_pool_stats
stats_of (struct zs_pool *pool)
{
  struct zs_census census;
  const char *const wrong = zs_pool_check (pool, &census);
  struct zs_pool_stats stats;

  if (wrong)
    ck_abort_msg ("the pool is broken: %s", wrong);
  must_equal (census.nowhere, 0);
  zs_pool_stats (pool, &stats);
  return stats;
}

/* Set a reserve of N zspages, and fill it. */
static void
fill_reserve (struct zs_pool *pool, unsigned n)
{
  zs_pool_set_reserve (pool, n * ZSPAGE);
  while (zs_pool_refill (pool) == 1)
    ;
  ck_assert_uint_eq (stats_of (pool).reserve, n * ZSPAGE);
}

static uint64_t
make_object (struct zs_pool *pool, size_t len)
{
  static const char bytes[ZS_MAX_ALLOC_SIZE] = "something";
  uint64_t handle = 0;

  must_equal (zs_malloc (pool, len, 0, &handle), 0);
  zs_obj_write (pool, handle, bytes, len);
  return handle;
}

START_TEST (refill_fills_it_one_by_one)
{
  struct zs_pool *pool = make_pool (64 * MIB);

  ck_assert_int_eq (zs_pool_refill (pool), 0);
  ck_assert_uint_eq (stats_of (pool).reserve, 0);
  zs_pool_set_reserve (pool, 4 * ZSPAGE + 1);
  for (uint64_t i = 1; i <= 5; i++) {
    ck_assert_int_eq (zs_pool_refill (pool), 1);
    ck_assert_uint_eq (stats_of (pool).reserve, i * ZSPAGE);
  }
  ck_assert_int_eq (zs_pool_refill (pool), 0);
  ck_assert_uint_eq (stats_of (pool).reserve, 5 * ZSPAGE);
  ck_assert_uint_eq (stats_of (pool).used, 0);
  ck_assert_uint_eq (stats_of (pool).max_used, 0);
  ck_assert_uint_eq (stats_of (pool).live, 0);
  zs_pool_destroy (pool);
}

START_TEST (growth_draws_on_it)
{
  struct zs_pool *pool = make_pool (64 * MIB);

  fill_reserve (pool, 20);
  for (uint64_t i = 1; i <= 20; i++) {
    make_object (pool, LONE_LEN);
    ck_assert_uint_eq (stats_of (pool).reserve, (20 - i) * ZSPAGE);
    ck_assert_uint_eq (stats_of (pool).used, i * ZSPAGE);
  }
  make_object (pool, LONE_LEN);
  ck_assert_uint_eq (stats_of (pool).reserve, 0);
  ck_assert_uint_eq (stats_of (pool).used, 21 * ZSPAGE);
  ck_assert_int_eq (zs_pool_refill (pool), 1);
  zs_pool_destroy (pool);
}

/* Block zspages, and raw ones, whose tags stand elsewhere: enough of both that
 * what describes them is many pages, too. */
static const size_t faultless_lengths[] = {1350, ZRAM_PAGE_SIZE, LONE_LEN};

#define NR_FAULTLESS 3

/* Whether there is other growth or not. */
START_TEST (growth_by_it_takes_no_page_fault)
{
  const size_t len = faultless_lengths[_i % NR_FAULTLESS];
  struct zs_pool *pool = make_pool (64 * MIB);
  struct zs_pool_stats stats;
  long before;

  if (_i >= NR_FAULTLESS)
    ck_assert_int_eq (zs_pool_set_reserve_only (pool), 0);
  fill_reserve (pool, 300);
  make_object (pool, len);
  zs_pool_stats (pool, &stats);
  before = thread_faults ();
  /* cppcheck-suppress redundantAssignment; the first may take a page fault */
  before = thread_faults ();
  while (stats.used < 290 * ZSPAGE) {
    make_object (pool, len);
    zs_pool_stats (pool, &stats);
  }
  ck_assert_int_eq (thread_faults () - before, 0);
  ck_assert_uint_eq (stats.reserve, 10 * ZSPAGE);
  zs_pool_destroy (pool);
}

START_TEST (who_refills_is_woken_when_something_is_taken)
{
  const unsigned size = (unsigned) _i;
  struct zs_pool *pool = make_pool (64 * MIB);
  _Atomic uint32_t wake = 0;

  zs_pool_set_wake (pool, &wake);
  fill_reserve (pool, size);
  ck_assert_uint_eq (wake, 0);
  for (unsigned left = size; left-- > 0;) {
    make_object (pool, LONE_LEN);
    ck_assert_uint_eq (wake, 1);
    wake = 0;
  }
  zs_pool_destroy (pool);
}

/* Nobody asked for a reserve, so there is nobody to wake. */
START_TEST (without_a_reserve_nobody_is_woken)
{
  struct zs_pool *pool = make_pool (64 * MIB);
  _Atomic uint32_t wake = 0;

  zs_pool_set_wake (pool, &wake);
  for (int i = 0; i < 20; i++)
    zs_free (pool, make_object (pool, LONE_LEN));
  ck_assert_uint_eq (wake, 0);
  zs_pool_destroy (pool);
}

START_TEST (emptied_zspages_fill_it_first)
{
  struct zs_pool *pool = make_pool (64 * MIB);
  uint64_t handles[50];
  uint64_t full;

  fill_reserve (pool, 20);
  for (int i = 0; i < 50; i++)
    handles[i] = make_object (pool, LONE_LEN);
  ck_assert_uint_eq (stats_of (pool).reserve, 0);
  full = rss_bytes ();
  for (uint64_t i = 0; i < 50; i++) {
    zs_free (pool, handles[i]);
    zs_pool_shrink (pool);
    ck_assert_uint_eq (stats_of (pool).reserve, (i < 20 ? i + 1 : 20) * ZSPAGE);
    ck_assert_uint_eq (stats_of (pool).used, (49 - i) * ZSPAGE);
  }
  ck_assert_int_eq (zs_pool_refill (pool), 0);
  if (!instrumented ())
    ck_assert_uint_le (rss_bytes (), full - 25 * ZSPAGE);
  zs_pool_destroy (pool);
}

/* The memory of emptied zspages waits for who gives it back, and until then the
 * pool grows by nothing else. */
START_TEST (growth_takes_what_waits_first)
{
  struct zs_pool *pool = make_pool (64 * MIB);
  uint64_t handles[100];
  uint64_t full;

  for (unsigned i = 0; i < 100; i++)
    handles[i] = make_object (pool, LONE_LEN);
  full = rss_bytes ();
  for (unsigned round = 0; round < 3; round++) {
    for (unsigned i = 0; i < 100; i++)
      zs_free (pool, handles[i * 37 % 100]);
    ck_assert_uint_eq (stats_of (pool).used, 0);
    ck_assert_uint_eq (stats_of (pool).reserve, 100 * ZSPAGE);
    for (unsigned i = 0; i < 100; i++)
      handles[i] = make_object (pool, LONE_LEN);
    ck_assert_uint_eq (stats_of (pool).reserve, 0);
    if (!instrumented ())
      ck_assert_uint_le (rss_bytes (), full + MIB);
  }
  zs_pool_destroy (pool);
}

/* Whatever the order, how many they are, and what the kernel can do. */
START_TEST (what_is_too_much_goes_back)
{
  struct zs_pool *pool = make_pool (64 * MIB);
  uint64_t handles[400];

  kernel_pretend ((enum kernel_age) _i);
  for (unsigned i = 0; i < 400; i++)
    handles[i] = make_object (pool, LONE_LEN);
  for (unsigned i = 0, n = 1; i < 400; i += n, n = n * 3 + 1) {
    const uint64_t before = rss_bytes () + stats_of (pool).reserve;

    for (unsigned j = i; j < i + n && j < 400; j++)
      zs_free (pool, handles[j * 277 % 400]);
    zs_pool_shrink (pool);
    ck_assert_uint_le (stats_of (pool).reserve, MOST_KEPT);
    if (!instrumented () && i > 8)
      ck_assert_uint_le (rss_bytes (), before - n * ZSPAGE * 3 / 4);
  }
  kernel_pretend (KERNEL_AS_IT_IS);
  zs_pool_destroy (pool);
}

START_TEST (a_smaller_one_gives_memory_back_at_once)
{
  struct zs_pool *pool = make_pool (256 * MIB);
  uint64_t full;

  fill_reserve (pool, 1000);
  full = rss_bytes ();
  zs_pool_set_reserve (pool, 500 * ZSPAGE);
  ck_assert_uint_eq (stats_of (pool).reserve, 500 * ZSPAGE);
  ck_assert_uint_le (rss_bytes (), full - 490 * ZSPAGE);
  zs_pool_set_reserve (pool, 0);
  ck_assert_uint_le (stats_of (pool).reserve, MOST_KEPT);
  ck_assert_uint_le (rss_bytes (), full - 980 * ZSPAGE);

  /* What was given back can be had again. */
  fill_reserve (pool, 1000);
  ck_assert_uint_ge (rss_bytes (), full - 10 * ZSPAGE);
  zs_pool_destroy (pool);
}

START_TEST (a_filled_one_is_resident)
{
  struct zs_pool *pool = make_pool (256 * MIB);
  const uint64_t before = rss_bytes ();

  fill_reserve (pool, 1000);
  ck_assert_uint_ge (rss_bytes (), before + 1000 * ZSPAGE);
  zs_pool_destroy (pool);
}

/* And what could not be filled is not lost: there are no other addresses. */
START_TEST (without_memory_refill_says_so)
{
  struct zs_pool *pool = make_pool (10 * ZSPAGE);
  int results[20];

  fill_reserve (pool, 2);
  zs_pool_set_reserve (pool, 10 * ZSPAGE);
  memory_limit (0);
  for (int i = 0; i < 20; i++)
    results[i] = zs_pool_refill (pool);
  memory_limit_lift ();
  for (int i = 0; i < 20; i++)
    ck_assert_int_eq (results[i], -ENOMEM);
  ck_assert_uint_eq (stats_of (pool).reserve, 2 * ZSPAGE);
  fill_reserve (pool, 10);
  zs_pool_destroy (pool);
}

/* And growth goes on as long as there is a reserve. */
START_TEST (without_memory_the_reserve_is_left)
{
  struct zs_pool *pool = make_pool (64 * MIB);
  uint64_t handle;
  int results[6];

  fill_reserve (pool, 5);
  memory_limit (0);
  for (int i = 0; i < 6; i++)
    results[i] = zs_malloc (pool, LONE_LEN, 0, &handle);
  memory_limit_lift ();
  for (int i = 0; i < 5; i++)
    ck_assert_int_eq (results[i], 0);
  ck_assert_int_eq (results[5], -ENOMEM);
  ck_assert_uint_eq (stats_of (pool).used, 5 * ZSPAGE);
  zs_pool_destroy (pool);
}

START_TEST (without_addresses_refill_says_so)
{
  struct zs_pool *pool = make_pool (4 * ZSPAGE);
  uint64_t handle;

  zs_pool_set_reserve (pool, 10 * ZSPAGE);
  for (int i = 0; i < 4; i++)
    ck_assert_int_eq (zs_pool_refill (pool), 1);
  ck_assert_int_eq (zs_pool_refill (pool), -ENOSPC);
  for (int i = 0; i < 4; i++)
    make_object (pool, LONE_LEN);
  ck_assert_int_eq (zs_malloc (pool, LONE_LEN, 0, &handle), -ENOSPC);
  ck_assert_uint_eq (stats_of (pool).used, 4 * ZSPAGE);
  zs_pool_destroy (pool);
}

START_TEST (the_limit_counts_what_is_used_alone)
{
  struct zs_pool *pool = make_pool (64 * MIB);
  uint64_t handle;

  zs_pool_set_limit (pool, 3 * ZSPAGE);
  fill_reserve (pool, 10);
  for (int i = 0; i < 3; i++)
    make_object (pool, LONE_LEN);
  ck_assert_int_eq (zs_malloc (pool, LONE_LEN, 0, &handle), -ENOSPC);
  ck_assert_uint_eq (stats_of (pool).reserve, 7 * ZSPAGE);
  ck_assert_uint_eq (stats_of (pool).used, 3 * ZSPAGE);
  zs_pool_destroy (pool);
}

/* One that is put aside behind the back of the pool. */
START_TEST (a_zspage_that_is_in_no_list_is_missed)
{
  struct zs_pool *pool = make_pool (64 * MIB);
  struct zs_index_list *const list = _i ? &pool->unused : &pool->reserve;
  struct zs_census census;
  uint32_t lost;

  make_object (pool, LONE_LEN);
  fill_reserve (pool, 20);
  zs_pool_set_reserve (pool, 0);
  lost = list->first;
  ck_assert_uint_ne (lost, 0);
  list->first = pool->zspages[lost].next;
  list->count--;
  ck_assert_ptr_null (zs_pool_check (pool, &census));
  ck_assert_int_eq (census.nowhere, 1);

  list->first = lost;
  list->count++;
  ck_assert_ptr_null (zs_pool_check (pool, &census));
  ck_assert_int_eq (census.nowhere, 0);
  zs_pool_destroy (pool);
}

/* A pool that grows from it only. */

static struct zs_pool *
make_reserved (uint64_t max_size)
{
  struct zs_pool *pool = make_pool (max_size);

  ck_assert_int_eq (zs_pool_set_reserve_only (pool), 0);
  return pool;
}

START_TEST (reserve_only_means_no_growth_without_it)
{
  struct zs_pool *pool = make_reserved (64 * MIB);
  uint64_t handle;

  ck_assert_int_eq (zs_malloc (pool, LONE_LEN, 0, &handle), -EAGAIN);
  ck_assert_int_eq (zs_malloc (pool, 8, 0, &handle), -EAGAIN);
  ck_assert_int_eq (zs_malloc (pool, ZRAM_PAGE_SIZE, 0, &handle), -EAGAIN);
  ck_assert_uint_eq (stats_of (pool).used, 0);
  ck_assert_uint_eq (stats_of (pool).max_used, 0);

  fill_reserve (pool, 3);
  for (int i = 0; i < 3; i++)
    make_object (pool, LONE_LEN);
  ck_assert_int_eq (zs_malloc (pool, LONE_LEN, 0, &handle), -EAGAIN);
  ck_assert_uint_eq (stats_of (pool).used, 3 * ZSPAGE);
  for (int i = 0; i < 100; i++) {
    ck_assert_int_eq (zs_pool_refill (pool), 1);
    make_object (pool, LONE_LEN);
    ck_assert_int_eq (zs_malloc (pool, LONE_LEN, 0, &handle), -EAGAIN);
  }
  ck_assert_uint_eq (stats_of (pool).used, 103 * ZSPAGE);
  zs_pool_destroy (pool);
}

START_TEST (reserve_only_gives_what_was_freed)
{
  struct zs_pool *pool = make_reserved (64 * MIB);
  uint64_t handles[20], handle;

  fill_reserve (pool, 20);
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < 20; i++)
      handles[i] = make_object (pool, LONE_LEN);
    ck_assert_int_eq (zs_malloc (pool, LONE_LEN, 0, &handle), -EAGAIN);
    for (int i = 0; i < 20; i++)
      zs_free (pool, handles[i]);
    ck_assert_uint_eq (stats_of (pool).reserve, 20 * ZSPAGE);
  }
  zs_pool_destroy (pool);
}

/* -EAGAIN is for those who may wait: what is full does not change. */
START_TEST (reserve_only_keeps_to_the_limit)
{
  struct zs_pool *pool = make_reserved (64 * MIB);
  uint64_t handle;

  zs_pool_set_limit (pool, 2 * ZSPAGE);
  fill_reserve (pool, 2);
  make_object (pool, LONE_LEN);
  make_object (pool, LONE_LEN);
  ck_assert_int_eq (zs_malloc (pool, LONE_LEN, 0, &handle), -ENOSPC);
  ck_assert_int_eq (zs_pool_refill (pool), 1);
  ck_assert_int_eq (zs_malloc (pool, LONE_LEN, 0, &handle), -ENOSPC);
  zs_pool_set_limit (pool, 0);
  make_object (pool, LONE_LEN);
  zs_pool_destroy (pool);
}

/* This process's mappings without a name, as the kernel lists them: so not the
 * C library's heap. */
static void
list_mappings (char *list, size_t size)
{
  FILE *fp = fopen ("/proc/self/maps", "r");
  char line[256];
  size_t len = 0;

  ck_assert_ptr_nonnull (fp);
  while (fgets (line, sizeof line, fp))
    if (!strpbrk (line, "[/")) {
      len += (size_t) snprintf (list + len, size - len, "%s", line);
      must (len < size);
    }
  fclose (fp);
}

/* Does it change the mappings when POOL grows to its last address, in blocks
 * and raw pages? */
static bool
growth_changes_mappings (struct zs_pool *pool)
{
  static char before[16384], after[16384];

  zs_pool_set_reserve (pool, ZSPAGE);
  list_mappings (before, sizeof before);
  for (uint64_t i = 0; zs_pool_refill (pool) == 1; i++) {
    uint64_t raw = i % 2 ? RAW_PER_ZSPAGE : 1;

    while (raw-- > 0)
      make_object (pool, i % 2 ? ZRAM_PAGE_SIZE : LONE_LEN);
  }
  list_mappings (after, sizeof after);
  ck_assert_uint_ge (stats_of (pool).used, 60 * MIB);
  zs_pool_destroy (pool);
  return strcmp (before, after) != 0;
}

START_TEST (reserve_only_growth_changes_no_mapping)
{
  ck_assert (growth_changes_mappings (make_pool (64 * MIB)));
  ck_assert (!growth_changes_mappings (make_reserved (64 * MIB)));
}

/* And the pool is as it was. */
START_TEST (without_memory_reserve_only_is_refused)
{
  struct zs_pool *pool = make_pool (64 * MIB);
  int r;

  memory_limit (MIB);
  r = zs_pool_set_reserve_only (pool);
  memory_limit_lift ();
  ck_assert_int_eq (r, -ENOMEM);
  make_object (pool, LONE_LEN);
  ck_assert_uint_eq (stats_of (pool).used, ZSPAGE);
  zs_pool_destroy (pool);
}

/* Some refill, some grow and some empty, all at once; one changes its size. */
static void
breathe (void *arg, unsigned me)
{
  struct zs_pool *const pool = arg;
  uint64_t random = me, handles[40];

  for (uint64_t round = 0; round < scaled (2000); round++) {
    if (me == 0)
      zs_pool_set_reserve (pool, random_below (&random, 60) * ZSPAGE);
    if (me <= 1) {
      must (zs_pool_refill (pool) >= 0);
      continue;
    }
    const unsigned n = 1 + (unsigned) random_below (&random, 40);

    for (unsigned i = 0; i < n; i++)
      handles[i] = make_object (pool, LONE_LEN);
    for (unsigned i = 0; i < n; i++)
      zs_free (pool, handles[i]);
  }
}

START_TEST (it_may_change_while_the_pool_breathes)
{
  struct zs_pool *pool = make_pool (64 * MIB);
  uint64_t before;

  zs_free (pool, make_object (pool, LONE_LEN));
  before = rss_bytes ();
  threads_run (4, breathe, pool);
  ck_assert_uint_eq (stats_of (pool).used, 0);
  zs_pool_set_reserve (pool, 0);
  ck_assert_uint_le (stats_of (pool).reserve, MOST_KEPT);
  if (!instrumented ())
    ck_assert_uint_le (rss_bytes (), before + 2 * MOST_KEPT);
  zs_pool_destroy (pool);
}

int
main (void)
{
  Suite *suite = suite_create ("zsindex");
  TCase *tc = suite_case (suite, "reserve");

  tcase_add_test (tc, refill_fills_it_one_by_one);
  tcase_add_test (tc, growth_draws_on_it);
  tcase_add_loop_test (tc, who_refills_is_woken_when_something_is_taken, 1, 9);
  tcase_add_test (tc, without_a_reserve_nobody_is_woken);
  tcase_add_test (tc, emptied_zspages_fill_it_first);
  tcase_add_test (tc, growth_takes_what_waits_first);
  tcase_add_loop_test (tc, what_is_too_much_goes_back, 0, KERNEL_AGES);
  tcase_add_test (tc, without_addresses_refill_says_so);
  tcase_add_test (tc, the_limit_counts_what_is_used_alone);
  tcase_add_test (tc, reserve_only_means_no_growth_without_it);
  tcase_add_test (tc, reserve_only_gives_what_was_freed);
  tcase_add_test (tc, reserve_only_keeps_to_the_limit);
  tcase_add_test (tc, it_may_change_while_the_pool_breathes);
  tcase_add_loop_test (tc, a_zspage_that_is_in_no_list_is_missed, 0, 2);
  if (memory_can_be_limited ()) {
    tcase_add_test (tc, without_memory_refill_says_so);
    tcase_add_test (tc, without_memory_the_reserve_is_left);
    tcase_add_test (tc, without_memory_reserve_only_is_refused);
  }
  if (instrumented ())
    puts ("SKIP: four tests of memory and page faults: who watches has both");
  else {
    tcase_add_test (tc, a_filled_one_is_resident);
    tcase_add_test (tc, a_smaller_one_gives_memory_back_at_once);
    tcase_add_test (tc, reserve_only_growth_changes_no_mapping);
    tcase_add_loop_test (tc, growth_by_it_takes_no_page_fault, 0,
                         2 * NR_FAULTLESS);
  }
  return suite_run (suite);
}
