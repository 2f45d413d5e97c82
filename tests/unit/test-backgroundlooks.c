/* SPDX-License-Identifier: BSD-3-Clause */
/* When the device's thread gives memory back, and when it compacts: time, what
 * it finds in the pool and what a run gains are the test's own, and so is its
 * thread.  (What comes of it in a device test-background looks at.)
 */
#include <config.h>

#include <errno.h>
#include <time.h>

#include "background.h"
#include "slottable.h"
#include "unit.h"
#include "zsmalloc.h"

#define MIB (UINT64_C (1) << 20)

/* Holes that do not matter, whatever their share, and what may be freed between
 * two looks. */
#define FEW_HOLES MIB

/* Milliseconds: between two looks; for which what they lead to is put off while
 * much is freed; of the pauses after runs in vain. */
#define LOOK_MS        UINT64_C (500)
#define PUT_OFF_MS     UINT64_C (2000)
#define SHORTEST_PAUSE UINT64_C (1000)
#define LONGEST_PAUSE  UINT64_C (64000)

/* When it looks first, and at what: a run pays. */
#define BEGIN   UINT64_C (1234567)
#define USED    (1000 * MIB)
#define LIVE    (500 * MIB)
#define PERCENT 10

static struct background background;
static uint64_t now, next_look;

/* What the thread finds: the pool, how much of it is freed until it looks
 * again, and what a run of compaction gains. */
static struct zs_pool_stats pool;
static uint64_t freed;
static int64_t gain;

/* What the table wakes. */
static const _Atomic uint32_t *table_wakes;

/* What it has done. */
static unsigned runs, pool_shrinks, table_shrinks;

extern int __real_clock_gettime (clockid_t id, struct timespec *ts);
extern int __wrap_clock_gettime (clockid_t id, struct timespec *ts);

int
__wrap_clock_gettime (clockid_t id, struct timespec *ts)
{
  if (id != CLOCK_MONOTONIC)
    return __real_clock_gettime (id, ts);
  *ts = (struct timespec){.tv_sec = (time_t) (now / 1000),
                          .tv_nsec = (long) (now % 1000) * 1000000};
  return 0;
}

extern int __wrap_worker_start (struct worker *worker);

int
__wrap_worker_start (struct worker *worker)
{
  ck_assert_ptr_eq (worker, &background.worker);
  return 0;
}

extern void
__wrap_slot_table_set_wake (struct slot_table *table, _Atomic uint32_t *wake);

void
__wrap_slot_table_set_wake (struct slot_table *table, _Atomic uint32_t *wake)
{
  (void) table;
  table_wakes = wake;
}

extern void __wrap_slot_table_shrink (struct slot_table *table);

void
__wrap_slot_table_shrink (struct slot_table *table)
{
  (void) table;
  table_shrinks++;
}

extern void
__wrap_zs_pool_stats (const struct zs_pool *asked, struct zs_pool_stats *stats);

void
__wrap_zs_pool_stats (const struct zs_pool *asked, struct zs_pool_stats *stats)
{
  (void) asked;
  *stats = pool;
  pool.live -= freed;
}

extern void __wrap_zs_pool_shrink (struct zs_pool *shrunk);

void
__wrap_zs_pool_shrink (struct zs_pool *shrunk)
{
  (void) shrunk;
  pool_shrinks++;
}

extern int64_t
__wrap_zs_compact (struct zs_pool *compacted, const struct run *run);

int64_t
__wrap_zs_compact (struct zs_pool *compacted, const struct run *run)
{
  (void) compacted;
  (void) run;
  runs++;
  return gain;
}

/* The thread wakes. */
static void
look (void)
{
  background.worker.look (background.worker.arg);
  next_look = now + background.worker.interval;
}

/* So many milliseconds pass, and the thread sleeps as long as it does. */
static void
pass (uint64_t ms)
{
  const uint64_t end = now + ms;

  while (next_look <= end) {
    now = next_look;
    look ();
  }
  now = end;
}

static void
forget (void)
{
  runs = pool_shrinks = table_shrinks = 0;
}

static void
start (void)
{
  ck_assert_int_eq (background_start (&background, NULL, NULL), 0);
  ck_assert_ptr_eq (table_wakes, &background.worker.wake);
  look ();
}

static void
setup (void)
{
  background = (struct background){.compact_threshold = PERCENT};
  now = BEGIN;
  pool = (struct zs_pool_stats){.used = USED, .live = LIVE};
  freed = 0;
  gain = 0;
  forget ();
}

/* Which holes. */

static const struct {
  uint64_t used, holes;
  unsigned percent;
  unsigned runs;
} holes[] = {
    {100 * MIB, 10 * MIB, PERCENT, 0},
    {100 * MIB, 10 * MIB + 1, PERCENT, 1},
    {100 * MIB, 0, PERCENT, 0},
    {4 * MIB, FEW_HOLES, PERCENT, 0},
    {4 * MIB, FEW_HOLES + 1, PERCENT, 1},
    {100 * MIB, 90 * MIB, 0, 0},
    {0, 0, PERCENT, 0},
};

#define NR_HOLES ((int) (sizeof holes / sizeof holes[0]))

START_TEST (holes_must_be_many_and_large)
{
  background.compact_threshold = holes[_i].percent;
  pool.used = holes[_i].used;
  pool.live = holes[_i].used - holes[_i].holes;
  start ();
  ck_assert_uint_eq (runs, holes[_i].runs);
  ck_assert_uint_eq (pool_shrinks, 1);
}

START_TEST (it_looks_twice_a_second)
{
  gain = 1;
  start ();
  forget ();
  pass (20 * LOOK_MS - 1);
  ck_assert_uint_eq (runs, 19);
  ck_assert_uint_eq (pool_shrinks, 19);
  ck_assert_uint_eq (table_shrinks, 19);
}

/* In vain. */

/* The next run is that much later, and not sooner. */
static void
must_pause (uint64_t ms)
{
  forget ();
  pass (ms - 1);
  ck_assert_uint_eq (runs, 0);
  pass (1);
  ck_assert_uint_eq (runs, 1);
}

/* After each of so many runs in vain it pauses for twice as long. */
static void
be_in_vain (unsigned times)
{
  gain = 0;
  for (unsigned i = 0; i < times; i++)
    must_pause (SHORTEST_PAUSE << i);
}

START_TEST (after_runs_in_vain_it_pauses_ever_longer)
{
  start ();
  for (uint64_t ms = SHORTEST_PAUSE; ms < LONGEST_PAUSE; ms *= 2)
    must_pause (ms);
  for (unsigned i = 0; i < 5; i++)
    must_pause (LONGEST_PAUSE);
}

/* Memory goes back meanwhile. */
START_TEST (it_is_compaction_alone_that_pauses)
{
  start ();
  forget ();
  pass (SHORTEST_PAUSE - 1);
  ck_assert_uint_eq (pool_shrinks, 1);
  ck_assert_uint_eq (table_shrinks, 1);
}

START_TEST (after_a_gain_it_does_not_pause)
{
  start ();
  be_in_vain (3);
  gain = 1;
  must_pause (SHORTEST_PAUSE << 3);
  must_pause (LOOK_MS);
  gain = 0;
  must_pause (LOOK_MS);
  be_in_vain (2);
}

/* Who compacts just then keeps it from making one: it tries at each look. */
START_TEST (a_run_that_is_not_made_is_not_in_vain)
{
  start ();
  be_in_vain (2);
  gain = -EBUSY;
  must_pause (SHORTEST_PAUSE << 2);
  must_pause (LOOK_MS);
  gain = 0;
  must_pause (LOOK_MS);
  must_pause (SHORTEST_PAUSE << 3);
}

START_TEST (clearly_more_holes_end_the_pause)
{
  start ();
  be_in_vain (6);
  forget ();
  pool.live = LIVE - (FEW_HOLES - 1);
  pass (2 * LOOK_MS);
  ck_assert_uint_eq (runs, 0);
  pool.live = LIVE - FEW_HOLES;
  pass (LOOK_MS);
  ck_assert_uint_eq (runs, 1);
}

/* In vain again: what would end the next pause is more than there was. */
START_TEST (still_more_holes_end_the_next_pause)
{
  start ();
  be_in_vain (3);
  pool.live = LIVE - FEW_HOLES;
  must_pause (LOOK_MS);
  must_pause (SHORTEST_PAUSE << 4);
  pool.live -= FEW_HOLES;
  must_pause (LOOK_MS);
}

/* What such a run gains ends it for good, though the holes are fewer then. */
START_TEST (a_gain_in_a_pause_ends_it)
{
  start ();
  be_in_vain (6);
  pool.live = LIVE - FEW_HOLES;
  gain = 1;
  must_pause (LOOK_MS);
  pool.live = LIVE;
  must_pause (LOOK_MS);
}

START_TEST (nothing_is_left_of_a_pause_when_it_starts_again)
{
  start ();
  be_in_vain (6);
  background_stop (&background);
  forget ();
  start ();
  ck_assert_uint_eq (runs, 1);
  be_in_vain (2);
}

/* While much is freed. */

/* Neither memory goes back nor is any moved for so many milliseconds, and then
 * both. */
static void
must_be_put_off (uint64_t ms)
{
  forget ();
  pass (ms - 1);
  ck_assert_uint_eq (runs + pool_shrinks, 0);
  pass (1);
  ck_assert_uint_eq (runs, 1);
  ck_assert_uint_eq (pool_shrinks, 1);
}

START_TEST (it_is_put_off_but_not_for_long)
{
  freed = FEW_HOLES + 1;
  gain = 1;
  start ();
  for (unsigned i = 0; i < 5; i++)
    must_be_put_off (PUT_OFF_MS);
}

START_TEST (it_is_not_put_off_while_little_is_freed)
{
  freed = FEW_HOLES;
  gain = 1;
  start ();
  for (unsigned i = 0; i < 5; i++)
    must_be_put_off (LOOK_MS);
}

/* Put off for two looks, and then little is freed: it looks again at once, and
 * from then on it may be put off as long as ever. */
START_TEST (it_is_put_off_no_longer_when_that_is_over)
{
  freed = FEW_HOLES + 1;
  gain = 1;
  start ();
  forget ();
  pass (LOOK_MS);
  freed = 0;
  pass (LOOK_MS);
  ck_assert_uint_eq (runs + pool_shrinks, 0);
  freed = FEW_HOLES + 1;
  must_be_put_off (LOOK_MS);
  must_be_put_off (PUT_OFF_MS);
}

/* Who asks knows that it is over; he is answered once. */
START_TEST (who_asks_is_not_put_off)
{
  freed = FEW_HOLES + 1;
  gain = 1;
  start ();
  pass (LOOK_MS + 1);
  forget ();
  background_wake (&background);
  ck_assert_uint_eq (background.worker.wake, 1);
  look ();
  ck_assert_uint_eq (runs, 1);
  ck_assert_uint_eq (pool_shrinks, 1);
  must_be_put_off (PUT_OFF_MS);
}

/* The table. */

/* That wakes the thread, which does what it is woken for and no more. */
START_TEST (the_table_is_shrunk_at_each_wake)
{
  gain = 1;
  start ();
  forget ();
  for (unsigned i = 1; i < LOOK_MS; i++) {
    pass (1);
    look ();
    ck_assert_uint_eq (table_shrinks, i);
  }
  ck_assert_uint_eq (runs + pool_shrinks, 0);
}

/* Nor does that make anything later. */
START_TEST (the_table_puts_nothing_off)
{
  gain = 1;
  start ();
  for (unsigned i = 0; i < 10; i++) {
    forget ();
    pass (LOOK_MS - 1);
    look ();
    ck_assert_uint_eq (runs + pool_shrinks, 0);
    pass (1);
    ck_assert_uint_eq (table_shrinks, 2);
    ck_assert_uint_eq (runs, 1);
    ck_assert_uint_eq (pool_shrinks, 1);
  }
}

int
main (void)
{
  Suite *const suite = suite_create ("backgroundlooks");
  TCase *const tc = suite_case (suite, "looks");

  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_loop_test (tc, holes_must_be_many_and_large, 0, NR_HOLES);
  tcase_add_test (tc, it_looks_twice_a_second);
  tcase_add_test (tc, after_runs_in_vain_it_pauses_ever_longer);
  tcase_add_test (tc, it_is_compaction_alone_that_pauses);
  tcase_add_test (tc, after_a_gain_it_does_not_pause);
  tcase_add_test (tc, a_run_that_is_not_made_is_not_in_vain);
  tcase_add_test (tc, clearly_more_holes_end_the_pause);
  tcase_add_test (tc, still_more_holes_end_the_next_pause);
  tcase_add_test (tc, a_gain_in_a_pause_ends_it);
  tcase_add_test (tc, nothing_is_left_of_a_pause_when_it_starts_again);
  tcase_add_test (tc, it_is_put_off_but_not_for_long);
  tcase_add_test (tc, it_is_not_put_off_while_little_is_freed);
  tcase_add_test (tc, it_is_put_off_no_longer_when_that_is_over);
  tcase_add_test (tc, who_asks_is_not_put_off);
  tcase_add_test (tc, the_table_is_shrunk_at_each_wake);
  tcase_add_test (tc, the_table_puts_nothing_off);
  return suite_run (suite);
}
