/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker pool: all that is submitted is done once, unless it is taken back;
 * the background does not hold up the other lane; it ends with work in flight.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "completion.h"
#include "unit.h"
#include "workpool.h"

#define NR_ITEMS 200U

static struct workpool *pool;

struct item {
  struct work work;
  struct completion completion;
  _Atomic unsigned times; /* it was done */
  int policy;             /* of the thread that did it */
  char thread[16];
};

/* As long as it is set, "hold" does not return. */
static _Atomic bool held;

static struct item items[NR_ITEMS];

static void
note (struct work *work)
{
  struct item *const item = (struct item *) work;

  item->policy = sched_getscheduler (0);
  pthread_getname_np (pthread_self (), item->thread, sizeof item->thread);
  item->times++;
  completion_complete (&item->completion);
}

static void
hold (struct work *work)
{
  ((struct item *) work)->times++;
  while (held)
    usleep (1000);
  completion_complete (&((struct item *) work)->completion);
}

static void
prepare (struct item *item, void (*fn) (struct work *work))
{
  *item = (struct item){.work.fn = fn};
}

static void
start (unsigned nr_threads)
{
  ck_assert_int_eq (workpool_create (&pool, nr_threads), 0);
  ck_assert_int_eq (workpool_start (pool), 0);
  ck_assert_uint_eq (workpool_threads (pool), nr_threads);
}

/* Let ITEMS, one for each thread of LANE, keep it busy. */
static void
occupy (enum work_lane lane)
{
  held = true;
  for (unsigned i = 0; i < workpool_threads (pool); i++) {
    prepare (&items[i], hold);
    must (workpool_submit (pool, lane, &items[i].work));
  }
  for (unsigned i = 0; i < workpool_threads (pool); i++)
    while (items[i].times == 0)
      usleep (1000);
}

START_TEST (what_makes_no_sense_is_refused)
{
  ck_assert_int_eq (workpool_create (&pool, 0), -EINVAL);
  ck_assert_int_eq (workpool_create (&pool, WORKPOOL_MAX_THREADS + 1), -EINVAL);
}

START_TEST (no_pool_takes_nothing)
{
  struct item item;

  prepare (&item, note);
  ck_assert_uint_eq (workpool_threads (NULL), 0);
  ck_assert (!workpool_submit (NULL, WORK_IO, &item.work));
  ck_assert (!workpool_cancel (NULL, WORK_IO, &item.work));
  workpool_stop (NULL);
  workpool_destroy (NULL);
}

START_TEST (a_pool_that_does_not_run_takes_nothing)
{
  struct item item;

  prepare (&item, note);
  ck_assert_int_eq (workpool_create (&pool, 2), 0);
  workpool_stop (pool);
  ck_assert (!workpool_submit (pool, WORK_IO, &item.work));
  ck_assert_int_eq (workpool_start (pool), 0);
  ck_assert (workpool_submit (pool, WORK_IO, &item.work));
  workpool_stop (pool);
  ck_assert_uint_eq (item.times, 1);
  ck_assert (!workpool_submit (pool, WORK_IO, &item.work));
  ck_assert (!workpool_cancel (pool, WORK_IO, &item.work));
  ck_assert_int_eq (workpool_start (pool), 0);
  ck_assert_int_eq (workpool_start (pool), 0);
  workpool_destroy (pool);
}

/* One thread of several that submit; each waits for its own, which lie on its
 * stack. */
static void
submit_many (void *arg, unsigned me)
{
  const enum work_lane lane = (enum work_lane) (me % WORK_LANES);

  (void) arg;
  for (uint64_t i = 0; i < scaled (3000); i++) {
    struct item item;

    prepare (&item, note);
    if (!workpool_submit (pool, lane, &item.work))
      continue;
    if (i % 3 == 0 && workpool_cancel (pool, lane, &item.work)) {
      must_equal (item.times, 0);
      continue;
    }
    completion_wait (&item.completion);
    must_equal (item.times, 1);
  }
}

START_TEST (each_item_is_done_once)
{
  start (3);
  threads_run (8, submit_many, NULL);
  workpool_destroy (pool);
}

START_TEST (a_full_queue_takes_no_more)
{
  unsigned n;

  start (2);
  occupy (WORK_BACKGROUND);
  for (n = 2; n < NR_ITEMS; n++) {
    prepare (&items[n], note);
    if (!workpool_submit (pool, WORK_BACKGROUND, &items[n].work))
      break;
  }
  ck_assert_uint_eq (n - 2, workpool_bound (pool));
  /* cppcheck-suppress arrayIndexOutOfBounds; ck_assert aborts */
  ck_assert_uint_eq (items[n].times, 0);
  /* One place is free again. */
  ck_assert (workpool_cancel (pool, WORK_BACKGROUND, &items[5].work));
  ck_assert (!workpool_cancel (pool, WORK_BACKGROUND, &items[5].work));
  ck_assert (workpool_submit (pool, WORK_BACKGROUND, &items[n].work));
  held = false;
  workpool_destroy (pool);
  for (unsigned i = 0; i <= n; i++)
    ck_assert_uint_eq (items[i].times, i != 5);
}

START_TEST (the_oldest_comes_first)
{
  start (1);
  occupy (WORK_IO);
  for (unsigned i = 1; i <= 10; i++) {
    prepare (&items[i], note);
    must (workpool_submit (pool, WORK_IO, &items[i].work));
  }
  /* The first, the last and one between them are taken back. */
  must (workpool_cancel (pool, WORK_IO, &items[1].work));
  must (workpool_cancel (pool, WORK_IO, &items[10].work));
  must (workpool_cancel (pool, WORK_IO, &items[5].work));
  held = false;
  completion_wait (&items[9].completion);
  for (unsigned i = 1; i <= 10; i++)
    ck_assert_uint_eq (items[i].times, i != 1 && i != 5 && i != 10);
  workpool_destroy (pool);
}

/* Both ways: neither lane waits for the other. */
START_TEST (a_busy_lane_does_not_hold_up_the_other)
{
  const enum work_lane busy = (enum work_lane) _i;
  const enum work_lane other = busy == WORK_IO ? WORK_BACKGROUND : WORK_IO;

  start (2);
  occupy (busy);
  prepare (&items[2], note);
  must (workpool_submit (pool, other, &items[2].work));
  completion_wait (&items[2].completion);
  ck_assert (!workpool_cancel (pool, busy, &items[0].work));
  held = false;
  workpool_destroy (pool);
}

START_TEST (the_background_gives_way)
{
  start (1);
  for (unsigned i = 0; i < WORK_LANES; i++) {
    prepare (&items[i], note);
    must (workpool_submit (pool, (enum work_lane) i, &items[i].work));
    completion_wait (&items[i].completion);
  }
  ck_assert_int_eq (items[WORK_IO].policy, sched_getscheduler (0));
  ck_assert_str_eq (items[WORK_IO].thread, "zram-io");
  ck_assert_int_eq (items[WORK_BACKGROUND].policy, SCHED_IDLE);
  ck_assert_str_eq (items[WORK_BACKGROUND].thread, "zram-background");
  workpool_destroy (pool);
}

static void *
let_go_later (void *arg)
{
  (void) arg;
  usleep (20000);
  held = false;
  return NULL;
}

/* What is being done and what is queued are done when it has stopped. */
START_TEST (it_stops_with_work_in_flight)
{
  pthread_t thread;

  start (2);
  occupy (WORK_IO);
  for (unsigned i = 2; i < 20; i++) {
    prepare (&items[i], note);
    must (workpool_submit (pool, WORK_IO, &items[i].work));
  }
  ck_assert_int_eq (pthread_create (&thread, NULL, let_go_later, NULL), 0);
  workpool_stop (pool);
  ck_assert (!held);
  for (unsigned i = 0; i < 20; i++)
    ck_assert_uint_eq (items[i].times, 1);
  pthread_join (thread, NULL);
  workpool_destroy (pool);
}

START_TEST (without_memory_there_is_none)
{
  ck_assert_int_eq (workpool_create (&pool, 2), 0);
  memory_limit (0);
  ck_assert_int_eq (workpool_start (pool), -EAGAIN);
  ck_assert (!workpool_submit (pool, WORK_IO, &items[0].work));
  memory_limit_lift ();
  ck_assert_int_eq (workpool_start (pool), 0);
  workpool_destroy (pool);
}

int
main (void)
{
  Suite *const suite = suite_create ("workpool");
  TCase *const tc = suite_case (suite, "workpool");

  tcase_add_test (tc, what_makes_no_sense_is_refused);
  tcase_add_test (tc, no_pool_takes_nothing);
  tcase_add_test (tc, a_pool_that_does_not_run_takes_nothing);
  tcase_add_test (tc, each_item_is_done_once);
  tcase_add_test (tc, a_full_queue_takes_no_more);
  tcase_add_test (tc, the_oldest_comes_first);
  tcase_add_loop_test (tc, a_busy_lane_does_not_hold_up_the_other, 0,
                       WORK_LANES);
  tcase_add_test (tc, the_background_gives_way);
  tcase_add_test (tc, it_stops_with_work_in_flight);
  if (memory_can_be_limited ())
    tcase_add_test (tc, without_memory_there_is_none);
  return suite_run (suite);
}
