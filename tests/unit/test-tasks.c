/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads are counted, and told apart by what the kernel says of them, whatever
 * their names.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "tasks.h"
#include "unit.h"

/* What follows a task's name, from field 3 on, with these flags (field 9) and
 * this policy (field 41). */
#define STAT(flags, policy)                                             \
  " S 1 8 8 0 -1 " flags " 10 0 0 0 1 2 0 0 -2 0 3 0 77 9000000 300 "   \
  "18446744073709551615 1 1 2 3 4 0 0 4096 0 0 0 0 17 1 1 " policy " 0" \
  " 0 0 0 0 0 0 0 0 0 0\n"

/* 4194368: PF_FORKNOEXEC and another; 4718656: and PF_MEMALLOC_NOIO. */
static const struct {
  const char *stat;
  unsigned flushers, realtime;
} rows[] = {
    {"8 (nbdkit)" STAT ("4194368", "0"), 0, 0},
    {"8 (nbdkit)" STAT ("4718656", "0"), 1, 0},
    {"8 (nbdkit)" STAT ("4194368", "2"), 0, 1},
    {"8 (nbdkit)" STAT ("4718656", "2"), 1, 1},
    {"8 (nbdkit)" STAT ("4718656", "1"), 1, 0},
    {"8 (nbdkit)" STAT ("524288", "22"), 1, 0},
    {"8 (nbdkit)" STAT ("524287", "20"), 0, 0},
    /* names */
    {"8 (a) S 1 8 8 0 -1 )" STAT ("4194368", "0"), 0, 0},
    {"8 ( 8 (a) S 1 8)" STAT ("4718656", "2"), 1, 1},
    {"8 ()" STAT ("4718656", "2"), 1, 1},
    {"8 (a\nb)" STAT ("4718656", "2"), 1, 1},
    /* what the kernel does not write */
    {"8 (nbdkit) S 1 8 8 0 -1 4718656", 1, 0},
    {"8 (nbdkit) S 1 8 8 0 -1", 0, 0},
    {"8 (nbdkit)", 0, 0},
    {"8 2 2 2 2", 0, 0},
    {"", 0, 0},
};

#define NR_ROWS ((int) (sizeof rows / sizeof rows[0]))

START_TEST (a_task_is_what_its_stat_says)
{
  struct tasks tasks = {.all = 10, .flushers = 20, .realtime = 30};

  tasks_add (&tasks, rows[_i].stat);
  ck_assert_uint_eq (tasks.all, 11);
  ck_assert_uint_eq (tasks.flushers, 20 + rows[_i].flushers);
  ck_assert_uint_eq (tasks.realtime, 30 + rows[_i].realtime);
}

/* Threads that are there from crowd_start to crowd_end. */
#define NR_THREADS 5U

struct crowd {
  pthread_barrier_t all_there, at_an_end;
  pthread_t threads[NR_THREADS];
};

static void *
be_there (void *arg)
{
  struct crowd *crowd = arg;

  pthread_setname_np (pthread_self (), ") 2 (2 2 2 2 2");
  pthread_barrier_wait (&crowd->all_there);
  pthread_barrier_wait (&crowd->at_an_end);
  return NULL;
}

static void
crowd_start (struct crowd *crowd, const pthread_attr_t *attr)
{
  pthread_barrier_init (&crowd->all_there, NULL, NR_THREADS + 1);
  pthread_barrier_init (&crowd->at_an_end, NULL, NR_THREADS + 1);
  for (unsigned i = 0; i < NR_THREADS; i++)
    ck_assert_int_eq (
        pthread_create (&crowd->threads[i], attr, be_there, crowd), 0);
  pthread_barrier_wait (&crowd->all_there);
}

static void
crowd_end (struct crowd *crowd)
{
  pthread_barrier_wait (&crowd->at_an_end);
  for (unsigned i = 0; i < NR_THREADS; i++)
    pthread_join (crowd->threads[i], NULL);
  pthread_barrier_destroy (&crowd->all_there);
  pthread_barrier_destroy (&crowd->at_an_end);
}

/* With the first, a sanitizer may start some of its own. */
START_TEST (all_threads_are_counted)
{
  struct crowd first, second;
  struct tasks before, tasks;

  crowd_start (&first, NULL);
  memset (&before, 0x55, sizeof before);
  tasks_count (&before);
  ck_assert_uint_ge (before.all, 1 + NR_THREADS);
  ck_assert (instrumented () || before.all == 1 + NR_THREADS);
  crowd_start (&second, NULL);
  tasks_count (&tasks);
  ck_assert_uint_eq (tasks.all, before.all + NR_THREADS);
  ck_assert_uint_eq (tasks.flushers, 0);
  ck_assert_uint_eq (tasks.realtime, 0);
  crowd_end (&second);
  crowd_end (&first);
}

/* What makes a thread SCHED_RR, and not SCHED_FIFO, from its start. */
static void
make_realtime (pthread_attr_t *attr, int policy)
{
  const struct sched_param lowest = {.sched_priority = 1};

  pthread_attr_init (attr);
  pthread_attr_setinheritsched (attr, PTHREAD_EXPLICIT_SCHED);
  pthread_attr_setschedpolicy (attr, policy);
  pthread_attr_setschedparam (attr, &lowest);
}

static unsigned
count_realtime (int policy)
{
  struct crowd crowd;
  struct tasks tasks;
  pthread_attr_t attr;

  make_realtime (&attr, policy);
  crowd_start (&crowd, &attr);
  tasks_count (&tasks);
  crowd_end (&crowd);
  return tasks.realtime;
}

START_TEST (those_that_are_realtime_are)
{
  /* In this order: a thread that has been joined may be there for a moment. */
  ck_assert_uint_eq (count_realtime (SCHED_FIFO), 0);
  ck_assert_uint_eq (count_realtime (SCHED_RR), NR_THREADS);
}

static bool
may_be_realtime (void)
{
  const struct sched_param lowest = {.sched_priority = 1}, none = {0};

  if (sched_setscheduler (0, SCHED_RR, &lowest) < 0) {
    printf ("SKIP: a test of real-time threads: SCHED_RR: %s\n",
            strerror (errno));
    return false;
  }
  return sched_setscheduler (0, SCHED_OTHER, &none) == 0;
}

int
main (void)
{
  Suite *suite = suite_create ("tasks");
  TCase *tc;

  tc = suite_case (suite, "stat");
  tcase_add_loop_test (tc, a_task_is_what_its_stat_says, 0, NR_ROWS);

  tc = suite_case (suite, "threads");
  tcase_add_test (tc, all_threads_are_counted);
  if (may_be_realtime ())
    tcase_add_test (tc, those_that_are_realtime_are);
  return suite_run (suite);
}
