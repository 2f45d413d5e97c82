/* SPDX-License-Identifier: BSD-3-Clause */
/* What fires at a point, when, and how often. */
#include <config.h>

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "faults.h"
#include "unit.h"

/* From here on calls are points. */
#include "faultcalls.h"

static bool
allocation_works (void)
{
  void *const memory = malloc (1);
  const bool works = memory != NULL;

  free (memory);
  return works;
}

static bool
other_allocation_works (void)
{
  void *const memory = malloc (1);
  const bool works = memory != NULL;

  free (memory);
  return works;
}

static void
lock_and_unlock (void)
{
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

  pthread_mutex_lock (&lock);
  pthread_mutex_unlock (&lock);
}

/* Bytes. */
static ssize_t
read_zeros (size_t len)
{
  char buf[16384];
  const int fd = open ("/dev/zero", O_RDONLY);
  const ssize_t n = read (fd, buf, len);

  close (fd);
  return n;
}

static void
set (const char *pattern, struct fault_rule rule)
{
  if (rule.percent == 0)
    rule.percent = 100;
  if (rule.seed == 0)
    rule.seed = 1;
  ck_assert_int_eq (faults_set (pattern, &rule), 0);
}

static void
look_for (const struct fault_point *point, void *arg)
{
  struct fault_point *const wanted = arg;

  if (strcmp (point->function, wanted->function) == 0 &&
      strcmp (point->call, wanted->call) == 0) {
    wanted->hits += point->hits;
    wanted->fired += point->fired;
  }
}

static struct fault_point
counts_of (const char *function, const char *call)
{
  struct fault_point wanted = {.function = function, .call = call};

  faults_each (look_for, &wanted);
  return wanted;
}

START_TEST (points_count)
{
  struct fault_point counts;

  ck_assert (allocation_works () && allocation_works ());
  set ("allocation_works.malloc",
       (struct fault_rule){.fault = FAULT_FAIL, .count = 1});
  ck_assert (!allocation_works ());
  ck_assert (allocation_works ());
  counts = counts_of ("allocation_works", "malloc");
  ck_assert_uint_eq (counts.hits, 4);
  ck_assert_uint_eq (counts.fired, 1);
}

START_TEST (failures_say_why)
{
  set ("*.malloc", (struct fault_rule){.fault = FAULT_FAIL});
  errno = 0;
  ck_assert (!allocation_works ());
  ck_assert_int_eq (errno, ENOMEM);
}

START_TEST (so_often_and_not_before)
{
  set ("allocation_works.malloc",
       (struct fault_rule){.fault = FAULT_FAIL, .count = 2, .after = 3});
  for (int i = 0; i < 10; i++)
    ck_assert_int_eq (allocation_works (), i < 3 || i >= 5);
}

START_TEST (always_until_it_is_off)
{
  set ("allocation_works.malloc", (struct fault_rule){.fault = FAULT_FAIL});
  for (int i = 0; i < 10; i++)
    ck_assert (!allocation_works () && other_allocation_works ());
  set ("*", (struct fault_rule){.fault = FAULT_NONE});
  ck_assert (allocation_works ());
}

/* The same ones for the same seed. */
static unsigned
failures (uint64_t seed)
{
  unsigned n = 0;

  set ("allocation_works.malloc",
       (struct fault_rule){.fault = FAULT_FAIL, .percent = 25, .seed = seed});
  for (int i = 0; i < 1000; i++)
    n += !allocation_works ();
  return n;
}

START_TEST (some_of_the_times)
{
  const unsigned n = failures (1);

  ck_assert_uint_gt (n, 150);
  ck_assert_uint_lt (n, 350);
  ck_assert_uint_eq (failures (1), n);
}

START_TEST (a_pattern_is_all_that_match)
{
  set ("*allocation_works.malloc", (struct fault_rule){.fault = FAULT_FAIL});
  ck_assert (!allocation_works () && !other_allocation_works ());
}

START_TEST (locks_are_late)
{
  const uint64_t before = clock_ms ();

  set ("lock_and_unlock.pthread_mutex_lock",
       (struct fault_rule){.fault = FAULT_LATE, .ms = 30, .count = 1});
  lock_and_unlock ();
  ck_assert_uint_ge (clock_ms () - before, 30);
}

START_TEST (transfers_are_short)
{
  set ("read_zeros.read", (struct fault_rule){.fault = FAULT_SHORT});
  ck_assert_int_eq (read_zeros (1), 1);
  ck_assert_int_eq (read_zeros (101), 50);
  ck_assert_int_eq (read_zeros (12288), 4096);
  set ("read_zeros.read", (struct fault_rule){.fault = FAULT_FAIL});
  ck_assert_int_eq (read_zeros (1), -1);
}

START_TEST (others_are_refused)
{
  const struct fault_rule fail = {
      .fault = FAULT_FAIL, .percent = 100, .seed = 1};

  ck_assert_int_eq (faults_set ("nobody.malloc", &fail), -ENOENT);
  ck_assert_int_eq (faults_set ("lock_and_unlock.*", &fail), -EOPNOTSUPP);
}

/* Two points of one name, the second one in FILE, and with the faults of CAN.
 */
static void
join_two (const char *file, unsigned can)
{
  struct fault_point a = {.file = "../room/here.c",
                          .function = "leave",
                          .call = "malloc",
                          .can = FAULT_CAN_FAIL,
                          .same = &a},
                     b = {.file = file,
                          .function = "leave",
                          .call = "malloc",
                          .can = can,
                          .same = &b},
                     *points[] = {&a, &b};

  faults_join (points, points + 2);
  ck_assert_ptr_eq (b.same, &a);
}

START_TEST (places_of_one_name_are_one)
{
  join_two ("room/here.c", FAULT_CAN_FAIL);
}

START_TEST (two_files_have_no_name_in_common)
{
  join_two ("../room/there.c", FAULT_CAN_FAIL);
}

START_TEST (a_name_stands_for_the_same_faults)
{
  join_two ("../room/here.c", FAULT_CAN_BE_LATE);
}

int
main (void)
{
  Suite *const suite = suite_create ("faults");
  TCase *const tc = suite_case (suite, "points");

  tcase_add_test (tc, points_count);
  tcase_add_test (tc, failures_say_why);
  tcase_add_test (tc, so_often_and_not_before);
  tcase_add_test (tc, always_until_it_is_off);
  tcase_add_test (tc, some_of_the_times);
  tcase_add_test (tc, a_pattern_is_all_that_match);
  tcase_add_test (tc, locks_are_late);
  tcase_add_test (tc, transfers_are_short);
  tcase_add_test (tc, others_are_refused);
  tcase_add_test (tc, places_of_one_name_are_one);
  tcase_add_test_raise_signal (tc, two_files_have_no_name_in_common, SIGABRT);
  tcase_add_test_raise_signal (tc, a_name_stands_for_the_same_faults, SIGABRT);
  return suite_run (suite);
}
