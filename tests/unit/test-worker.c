/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread that looks at intervals and when it is woken, and ends when told. */
#include <config.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "unit.h"
#include "worker.h"

/* So often in a test that no look comes by itself. */
#define NEVER_MS 3600000U

/* Longer than any machine needs; passed only by what is broken. */
#define PATIENCE_MS 20000

struct looks {
  struct worker *worker;
  _Atomic unsigned count;
  _Atomic bool until_stopped; /* a long look, which heeds "stop" */
  char name[16];
  int policy;
  bool takes_signals;
};

static void
pause_ms (long ms)
{
  const struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

  nanosleep (&ts, NULL);
}

static void
look (void *arg)
{
  struct looks *const looks = arg;
  sigset_t blocked;

  pthread_getname_np (pthread_self (), looks->name, sizeof looks->name);
  looks->policy = sched_getscheduler (0);
  pthread_sigmask (SIG_SETMASK, NULL, &blocked);
  looks->takes_signals = sigismember (&blocked, SIGTERM) == 0;
  looks->count++;
  while (looks->until_stopped && !looks->worker->stop)
    pause_ms (1);
}

static void
must_have_looked (const struct looks *looks, unsigned times)
{
  for (int ms = 0; ms < PATIENCE_MS && looks->count < times; ms++)
    pause_ms (1);
  ck_assert_uint_ge (looks->count, times);
}

static void
start (struct worker *worker, struct looks *looks, unsigned interval)
{
  *looks = (struct looks){.worker = worker};
  *worker = (struct worker){.name = "fifteen-letters",
                            .interval = interval,
                            .look = look,
                            .arg = looks};
  must_equal (worker_start (worker), 0);
}

START_TEST (it_looks_at_once_and_when_it_is_woken)
{
  struct worker worker;
  struct looks looks;

  start (&worker, &looks, NEVER_MS);
  must_have_looked (&looks, 1);
  for (unsigned i = 2; i < 100; i++) {
    worker_wake (&worker);
    must_have_looked (&looks, i);
  }
  worker_stop (&worker);
}

START_TEST (it_looks_at_intervals)
{
  struct worker worker;
  struct looks looks;

  start (&worker, &looks, 1);
  must_have_looked (&looks, 20);
  worker_stop (&worker);
}

START_TEST (a_wake_up_during_a_look_is_not_lost)
{
  struct worker worker;
  struct looks looks;

  start (&worker, &looks, NEVER_MS);
  must_have_looked (&looks, 1);
  looks.until_stopped = true;
  worker_wake (&worker);
  must_have_looked (&looks, 2);
  worker_wake (&worker);
  looks.until_stopped = false;
  must_have_looked (&looks, 3);
  worker_stop (&worker);
}

START_TEST (stopping_ends_a_long_look_and_it_can_be_started_again)
{
  struct worker worker;
  struct looks looks;

  start (&worker, &looks, NEVER_MS);
  must_have_looked (&looks, 1);
  looks.until_stopped = true;
  worker_wake (&worker);
  must_have_looked (&looks, 2);
  worker_stop (&worker);
  worker_stop (&worker);
  looks.until_stopped = false;
  must_equal (worker_start (&worker), 0);
  must_have_looked (&looks, 3);
  worker_stop (&worker);
}

START_TEST (one_that_was_never_started_can_be_stopped)
{
  struct worker worker = {.name = "never"};

  worker_stop (&worker);
}

START_TEST (it_has_a_name_and_no_signals)
{
  struct worker worker;
  struct looks looks;

  start (&worker, &looks, NEVER_MS);
  must_have_looked (&looks, 1);
  worker_stop (&worker);
  ck_assert_str_eq (looks.name, "fifteen-letters");
  ck_assert (!looks.takes_signals);
}

/* The scheduling class of a worker, ORDINARY or not, that START_IT has started.
 */
static int
policy_of_worker (bool ordinary, int (*start_it) (struct worker *worker))
{
  struct worker worker;
  struct looks looks;

  looks = (struct looks){.worker = &worker};
  worker = (struct worker){.name = "classified",
                           .interval = NEVER_MS,
                           .ordinary = ordinary,
                           .look = look,
                           .arg = &looks};
  must_equal (start_it (&worker), 0);
  must_have_looked (&looks, 1);
  worker_stop (&worker);
  return looks.policy;
}

/* The class of a process that may have a real-time one is that. */
static int
become_realtime (void)
{
  const struct sched_param lowest = {.sched_priority = 1};

  if (sched_setscheduler (0, SCHED_RR, &lowest) == 0)
    return SCHED_RR;
  puts ("SKIP: no real-time class is allowed here: all are ordinary");
  return SCHED_OTHER;
}

START_TEST (an_ordinary_one_is_of_no_real_time_class)
{
  const int policy = become_realtime ();

  ck_assert_int_eq (policy_of_worker (_i, worker_start),
                    _i ? SCHED_OTHER : policy);
}

static void *
start_as_an_ordinary_thread (void *arg)
{
  const struct sched_param none = {0};

  must_equal (pthread_setschedparam (pthread_self (), SCHED_OTHER, &none), 0);
  must_equal (worker_start (arg), 0);
  return NULL;
}

static int
start_by_an_ordinary_thread (struct worker *worker)
{
  pthread_t thread;

  must_equal (
      pthread_create (&thread, NULL, start_as_an_ordinary_thread, worker), 0);
  must_equal (pthread_join (thread, NULL), 0);
  return 0;
}

/* It is what the process is, not what the thread is that happens to start it.
 */
START_TEST (whoever_starts_it_it_is_of_the_first_threads_class)
{
  const int policy = become_realtime ();

  ck_assert_int_eq (policy_of_worker (false, start_by_an_ordinary_thread),
                    policy);
}

/* From which there may be no way back. */
START_TEST (what_is_idle_stays_idle)
{
  const struct sched_param none = {0};

  must_equal (sched_setscheduler (0, SCHED_IDLE, &none), 0);
  ck_assert_int_eq (policy_of_worker (_i, worker_start), SCHED_IDLE);
}

int
main (void)
{
  Suite *suite = suite_create ("worker");
  TCase *tcase = suite_case (suite, "worker");

  tcase_add_test (tcase, it_looks_at_once_and_when_it_is_woken);
  tcase_add_test (tcase, it_looks_at_intervals);
  tcase_add_test (tcase, a_wake_up_during_a_look_is_not_lost);
  tcase_add_test (tcase, stopping_ends_a_long_look_and_it_can_be_started_again);
  tcase_add_test (tcase, one_that_was_never_started_can_be_stopped);
  tcase_add_test (tcase, it_has_a_name_and_no_signals);
  tcase_add_loop_test (tcase, an_ordinary_one_is_of_no_real_time_class, 0, 2);
  tcase_add_loop_test (tcase, what_is_idle_stays_idle, 0, 2);
  tcase_add_test (tcase, whoever_starts_it_it_is_of_the_first_threads_class);
  return suite_run (suite);
}
