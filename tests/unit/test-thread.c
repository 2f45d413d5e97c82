/* SPDX-License-Identifier: BSD-3-Clause */
/* Long work lets others have its CPU.  (The classes of threads are tested where
 * they are used: test-worker, test-workpool.) */
#include <config.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "thread.h"
#include "unit.h"

#define TURNS       40U
#define MOST_SERIES 1000U

static _Atomic unsigned long others;
static _Atomic bool over;

/* Whoever wants the CPU all the time. */
static void *
count (void *arg)
{
  (void) arg;
  while (!over)
    others++;
  return NULL;
}

/* This thread, and those that it starts, have one CPU. */
static void
share_one_cpu (void)
{
  cpu_set_t all, one;

  ck_assert_int_eq (sched_getaffinity (0, sizeof all, &all), 0);
  CPU_ZERO (&one);
  for (int cpu = 0; CPU_COUNT (&one) == 0; cpu++)
    if (CPU_ISSET (cpu, &all))
      CPU_SET (cpu, &one);
  ck_assert_int_eq (sched_setaffinity (0, sizeof one, &one), 0);
}

/* In how many of TURNS, when NS more are said to have been worked in each, did
 * the other one get the CPU? */
static unsigned
shared (unsigned ns)
{
  unsigned turn = 0, times = 0;

  for (unsigned i = 0; i < TURNS; i++) {
    const unsigned long before = others;

    thread_share (&turn, ns);
    times += others != before;
  }
  return times;
}

START_TEST (after_a_turn_who_waits_gets_the_cpu)
{
  unsigned series = 0;
  pthread_t other;

  share_one_cpu ();
  ck_assert_int_eq (thread_start (&other, THREAD_ORDINARY, count, NULL), 0);
  while (others == 0)
    sched_yield ();
  /* Who has let the other one have more than his part is owed some, and stays:
   * it was a third of the turns.  On a busy machine he may be owed more. */
  while (shared (THREAD_TURN_NS) < TURNS / 8 && ++series < MOST_SERIES)
    ;
  ck_assert_uint_lt (series, MOST_SERIES);
  ck_assert_uint_lt (shared (THREAD_TURN_NS / TURNS / 2), TURNS / 8);
  over = true;
  pthread_join (other, NULL);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("thread");
  TCase *tcase = suite_case (suite, "thread");

  tcase_add_test (tcase, after_a_turn_who_waits_gets_the_cpu);
  return suite_run (suite);
}
