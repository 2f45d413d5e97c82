/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that are run one after the other: what is shown, and what comes of
 * those that fail, or are interrupted.
 */
#include <config.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "steps.h"
#include "unit.h"

static const struct steps steps = {.dry = false};

static char file[40];
static int fd, output;

/* What is printed goes to the file. */
static void
setup (void)
{
  snprintf (file, sizeof file, "/tmp/test-steps-XXXXXX");
  fd = mkstemp (file);
  output = dup (STDOUT_FILENO);
  must (fd >= 0 && output >= 0);
  must (dup2 (fd, STDOUT_FILENO) >= 0);
}

static void
teardown (void)
{
  must (dup2 (output, STDOUT_FILENO) >= 0);
  close (output);
  close (fd);
  unlink (file);
}

static void
must_have_printed (const char *want)
{
  char got[1024];
  const ssize_t n = pread (fd, got, sizeof got - 1, 0);

  must (n >= 0);
  got[n] = '\0';
  ck_assert_str_eq (got, want);
}

START_TEST (they_are_shown_and_run)
{
  ck_assert_int_eq (steps_run (&steps, STEP ("echo", "a b")), 0);
  ck_assert_int_eq (steps_run_apart (&steps, STEP ("echo", "c")), 0);
  ck_assert_int_eq (steps_run_long (&steps, STEP ("echo", "d"), NULL, NULL), 0);
  must_have_printed ("echo 'a b'\na b\necho c\nc\necho d\nd\n");
}

/* As a shell would take them. */
START_TEST (words_are_quoted)
{
  const struct steps dry = {.dry = true};

  ck_assert_int_eq (steps_run (&dry, STEP ("a-command", "", "/x.y,z=1:2%@+",
                                           "it's", "$HOME", "a\nb", "~", "é")),
                    0);
  must_have_printed ("a-command '' /x.y,z=1:2%@+ 'it'\\''s' '$HOME' 'a\nb' "
                     "'~' 'é'\n");
}

START_TEST (one_that_fails_is_told)
{
  ck_assert_int_eq (steps_run (&steps, STEP ("false")), -1);
  ck_assert_int_eq (steps_run (&steps, STEP ("sh", "-c", "kill -9 $$")), -1);
  ck_assert_int_eq (steps_run (&steps, STEP ("/no/such/command")), -1);
}

static void
count (void *arg)
{
  ++*(unsigned *) arg;
}

START_TEST (what_takes_long_is_watched)
{
  unsigned ticks = 0;

  ck_assert_int_eq (
      steps_run_long (&steps, STEP ("sleep", "0.3"), count, &ticks), 0);
  ck_assert_uint_ge (ticks, 2);
}

/* Who has a session of his own gets no signals of the terminal's. */
START_TEST (one_apart_has_a_session)
{
  static const char *const script =
      "[ $(ps -o sid= -p $$) -eq $$ ]"; /* it leads its session */

  ck_assert_int_eq (steps_run_apart (&steps, STEP ("sh", "-c", script)), 0);
  ck_assert_int_eq (steps_run (&steps, STEP ("sh", "-c", script)), -1);
}

/* What has been done can be undone. */
START_TEST (after_a_signal_there_is_no_next_one)
{
  struct steps undoing = {.undoing = true};

  steps_catch_signals ();
  ck_assert_int_eq (steps_run (&steps, STEP ("sh", "-c", "kill -INT $PPID")),
                    0);
  ck_assert_int_eq (steps_run (&steps, STEP ("true")), -1);
  ck_assert_int_eq (steps_run (&undoing, STEP ("true")), 0);
}

/* A command gets the signals that its parent catches. */
START_TEST (a_command_can_be_interrupted)
{
  steps_catch_signals ();
  ck_assert_int_eq (
      steps_run (&steps, STEP ("sh", "-c", "kill -INT $$; sleep 1; exit 0")),
      -1);
  ck_assert_int_eq (steps_run (&steps, STEP ("true")), 0);
}

int
main (void)
{
  Suite *const suite = suite_create ("steps");
  TCase *const tc = suite_case (suite, "steps");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, they_are_shown_and_run);
  tcase_add_test (tc, words_are_quoted);
  tcase_add_test (tc, one_that_fails_is_told);
  tcase_add_test (tc, what_takes_long_is_watched);
  tcase_add_test (tc, one_apart_has_a_session);
  tcase_add_test (tc, a_command_can_be_interrupted);
  /* Last, for without a fork it would be so for the others. */
  tcase_add_test (tc, after_a_signal_there_is_no_next_one);
  return suite_run (suite);
}
