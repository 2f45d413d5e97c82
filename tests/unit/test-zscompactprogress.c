/* SPDX-License-Identifier: BSD-3-Clause */
/* Compaction tells how far it is: what it says is so, never gets less, and ends
 * at the end; and who is told may do what he wants, or end it.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "compacting.h"
#include "run.h"
#include "unit.h"

#define ZSPAGE (UINT64_C (64) << 10)

/* Who is told. */
struct listener {
  struct run run;
  struct slots *slots;
  _Atomic bool stop;
  unsigned told; /* how often */
  uint64_t done, total;
  uint64_t used;    /* by the pool when the run began */
  bool is_exact;    /* what is said to be gained has been */
  uint64_t stop_at; /* DONE; 0: never */
};

static void
listen (void *arg, uint64_t done, uint64_t total)
{
  struct listener *const listener = arg;

  must (total > 0);
  must (done <= total);
  must (done >= listener->done);
  if (listener->told++ > 0)
    must_equal (total, listener->total);
  if (listener->is_exact)
    must_equal (slots_stats (listener->slots).used,
                listener->used - done * ZSPAGE);
  listener->done = done;
  listener->total = total;
  if (listener->stop_at > 0 && done >= listener->stop_at)
    listener->stop = true;
}

/* Listens to a run in SLOTS that is yet to begin. */
static void
listener_init (struct listener *listener, struct slots *slots)
{
  *listener = (struct listener){
      .run = {.stop = &listener->stop, .progress = listen, .arg = listener},
      .slots = slots,
      .used = slots_stats (slots).used,
  };
}

START_TEST (it_goes_up_to_the_end)
{
  uint64_t random = 5, pages;
  struct listener listener;
  struct slots slots;

  slots_make_random (&slots, &all_sizes[_i], &random);
  slots_drop_random (&slots, 60, &random);
  listener_init (&listener, &slots);
  pages = zs_compact (slots.pool, &listener.run);
  printf ("progress: sizes %d: told %u times, %llu zspages, %llu gained\n", _i,
          listener.told, (unsigned long long) listener.total,
          (unsigned long long) pages / 16);
  ck_assert_uint_eq (listener.done, listener.total);
  ck_assert_uint_ge (listener.told, listener.total / 2);
  /* What it aims at is what comes of it, nearly. */
  ck_assert_uint_ge (pages / 16, listener.total * 9 / 10);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

/* Of ten zspages a quarter full seven can go, and none is made meanwhile. */
START_TEST (what_it_says_is_so)
{
  struct listener listener;
  struct slots slots;

  slots_make_quarter_full (&slots, &kinds[_i]);
  listener_init (&listener, &slots);
  listener.is_exact = true;
  ck_assert_uint_eq (zs_compact (slots.pool, &listener.run), 7 * 16);
  ck_assert_uint_eq (listener.done, 7);
  ck_assert_uint_eq (listener.total, 7);
  ck_assert_uint_ge (listener.told, 7);
  slots_destroy (&slots);
}

START_TEST (where_nothing_can_be_gained_nothing_is_told)
{
  struct listener listener;
  struct slots slots;

  slots_make_full (&slots, 10, &kinds[_i]);
  listener_init (&listener, &slots);
  ck_assert_uint_eq (zs_compact (slots.pool, &listener.run), 0);
  ck_assert_uint_eq (listener.told, 0);
  slots_destroy (&slots);
}

START_TEST (who_is_told_may_end_it)
{
  struct listener listener;
  struct slots slots;

  slots_make_quarter_full (&slots, &kinds[_i]);
  listener_init (&listener, &slots);
  listener.stop_at = 3;
  ck_assert_uint_eq (zs_compact (slots.pool, &listener.run), 3 * 16);
  ck_assert_uint_eq (listener.done, 3);
  ck_assert_uint_eq (listener.total, 7);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

/* No lock of the pool is held: all that takes one is done, and another run is
 * refused as ever. */
static void
use_the_pool (void *arg, uint64_t done, uint64_t total)
{
  struct listener *const listener = arg;
  struct slots *const slots = listener->slots;
  const unsigned i = listener->told++ % slots->count;

  (void) done;
  (void) total;
  must_equal (zs_compact (slots->pool, &listener->run), -EBUSY);
  slots_drop (slots, i);
  must_equal (slots_put (slots, i, 20 + i % 1000), 0);
  must_equal (slots_put (slots, i, ZRAM_PAGE_SIZE), 0);
  slots_check (slots);
}

START_TEST (who_is_told_may_use_the_pool)
{
  struct listener listener;
  struct slots slots;

  slots_make_quarter_full (&slots, &kinds[_i]);
  listener_init (&listener, &slots);
  listener.run.progress = use_the_pool;
  ck_assert_int_gt (zs_compact (slots.pool, &listener.run), 0);
  ck_assert_uint_gt (listener.told, 0);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

int
main (void)
{
  Suite *suite = suite_create ("zscompactprogress");
  TCase *tc = suite_case (suite, "what is told");

  tcase_add_loop_test (tc, it_goes_up_to_the_end, 0, NR_SIZES);
  tcase_add_loop_test (tc, what_it_says_is_so, 0, NR_KINDS);
  tcase_add_loop_test (tc, where_nothing_can_be_gained_nothing_is_told, 0,
                       NR_KINDS);
  tcase_add_loop_test (tc, who_is_told_may_end_it, 0, NR_KINDS);
  tcase_add_loop_test (tc, who_is_told_may_use_the_pool, 0, NR_KINDS);
  return suite_run (suite);
}
