/* SPDX-License-Identifier: BSD-3-Clause */
/* The bar: what its line holds, however narrow; that it stays on one line of
 * the terminal, which is blank when it has ended, in whatever way; and that
 * there is none where there is no terminal.
 */
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "progressbar.h"
#include "unit.h"

/* Milliseconds: longer than any test. */
#define NEVER 600000

/* The line. */

static const struct {
  unsigned columns;
  const char *what;
  uint64_t done, total;
  const char *want;
} lines[] = {
    {35, "compact", 0, 4, "compact [                    ]   0%"},
    {35, "compact", 1, 4, "compact [#####               ]  25%"},
    {35, "compact", 4, 4, "compact [####################] 100%"},
    {35, "compact", 999999, 1000000, "compact [################### ]  99%"},
    {35, "compact", UINT64_MAX - 1, UINT64_MAX,
     "compact [################### ]  99%"},
    {35, "compact", UINT64_MAX, UINT64_MAX,
     "compact [####################] 100%"},
    {35, "compact", 0, 0, "compact [####################] 100%"},
    {23, "compact", 1, 2, "compact [####    ]  50%"},
    {22, "compact", 1, 2, " 50% compact"},
    {6, "compact", 1, 2, " 50% c"},
    {4, "compact", 1, 2, " 50%"},
    {0, "compact", 1, 2, ""},
};

#define NR_LINES ((int) (sizeof lines / sizeof *lines))

START_TEST (a_line_says_how_far_it_is)
{
  char line[PROGRESSBAR_COLUMNS + 1];

  progressbar_print (line, lines[_i].columns, lines[_i].what, lines[_i].done,
                     lines[_i].total);
  ck_assert_str_eq (line, lines[_i].want);
}

START_TEST (a_line_has_its_columns)
{
  static const char *const names[] = {"x", "compact",
                                      "writeback_of_everything"};
  char line[PROGRESSBAR_COLUMNS + 1];

  for (unsigned columns = 0; columns < 200; columns++)
    for (uint64_t done = 0; done <= 300; done++) {
      progressbar_print (line, columns, names[_i], done, 300);
      must (strlen (line) <= columns && strlen (line) <= PROGRESSBAR_COLUMNS);
    }
  must_equal (strlen (line), PROGRESSBAR_COLUMNS);
}

/* The terminal. */

static int master, slave;

static void
resize (unsigned short columns)
{
  const struct winsize size = {.ws_row = 24, .ws_col = columns};

  ck_assert_int_eq (ioctl (master, TIOCSWINSZ, &size), 0);
}

static void
setup (void)
{
  master = posix_openpt (O_RDWR | O_NOCTTY);
  ck_assert_int_ge (master, 0);
  ck_assert_int_eq (grantpt (master), 0);
  ck_assert_int_eq (unlockpt (master), 0);
  slave = open (ptsname (master), O_RDWR | O_NOCTTY);
  ck_assert_int_ge (slave, 0);
  resize (80);
}

static void
teardown (void)
{
  close (slave);
  close (master);
}

/* The line on which the cursor is, and where it is there. */
static struct {
  char text[200];
  unsigned cursor;
  unsigned bytes; /* that have come */
} screen;

static void
show_byte (char byte)
{
  screen.bytes++;
  if (byte == '\r') {
    screen.cursor = 0;
    return;
  }
  must (byte >= ' ' && byte <= '~');
  must (screen.cursor < sizeof screen.text);
  screen.text[screen.cursor++] = byte;
}

/* All that has been written so far, which has no '$' in it. */
static void
look (void)
{
  char byte;

  must (write (slave, "$", 1) == 1);
  while (read (master, &byte, 1) == 1 && byte != '$')
    show_byte (byte);
}

static void
must_show (const char *want)
{
  look ();
  ck_assert_uint_eq (screen.cursor, 0);
  ck_assert_uint_eq (strlen (screen.text), strlen (want));
  ck_assert_str_eq (screen.text, want);
}

/* ... which is blank, where anything was. */
static void
must_be_blank (void)
{
  look ();
  ck_assert_uint_eq (screen.cursor, 0);
  ck_assert_uint_eq (strspn (screen.text, " "), strlen (screen.text));
}

static const char *
line_of (unsigned columns, uint64_t done, uint64_t total)
{
  static char line[PROGRESSBAR_COLUMNS + 1];

  progressbar_print (line, columns, "compact", done, total);
  return line;
}

START_TEST (it_is_redrawn_in_place)
{
  ck_assert (progressbar_begin (slave, "compact", 0));
  must_show ("");
  progressbar_update (NULL, 1, 4);
  must_show (line_of (79, 1, 4));
  progressbar_update (NULL, 3, 4);
  must_show (line_of (79, 3, 4));
  progressbar_end ();
  must_be_blank ();
  /* Nothing comes after the end. */
  screen.bytes = 0;
  progressbar_update (NULL, 4, 4);
  progressbar_end ();
  look ();
  ck_assert_uint_eq (screen.bytes, 0);
}

START_TEST (what_has_not_changed_is_not_redrawn)
{
  ck_assert (progressbar_begin (slave, "compact", 0));
  progressbar_update (NULL, 500, 100000);
  look ();
  screen.bytes = 0;
  progressbar_update (NULL, 501, 100000);
  look ();
  ck_assert_uint_eq (screen.bytes, 0);
  progressbar_end ();
}

START_TEST (what_is_done_soon_is_not_shown)
{
  ck_assert (progressbar_begin (slave, "compact", NEVER));
  progressbar_update (NULL, 1, 4);
  progressbar_update (NULL, 4, 4);
  progressbar_end ();
  look ();
  ck_assert_uint_eq (screen.bytes, 0);
}

START_TEST (it_fits_a_terminal_that_becomes_narrow)
{
  ck_assert (progressbar_begin (slave, "compact", 0));
  progressbar_update (NULL, 1, 4);
  look ();
  resize (40);
  progressbar_update (NULL, 2, 4);
  look ();
  ck_assert_int_eq (strncmp (screen.text, line_of (39, 2, 4), 39), 0);
  ck_assert_uint_eq (strspn (screen.text + 39, " "), 40);
  progressbar_end ();
  must_be_blank ();
}

START_TEST (a_terminal_without_a_size_will_do)
{
  resize (0);
  ck_assert (progressbar_begin (slave, "compact", 0));
  progressbar_update (NULL, 1, 4);
  must_show (line_of (79, 1, 4));
  progressbar_end ();
}

START_TEST (in_a_pipe_there_is_none)
{
  struct pollfd pollfd = {.events = POLLIN};
  int fds[2];

  ck_assert_int_eq (pipe (fds), 0);
  pollfd.fd = fds[0];
  ck_assert (!progressbar_begin (fds[1], "compact", 0));
  progressbar_update (NULL, 1, 4);
  progressbar_end ();
  ck_assert_int_eq (poll (&pollfd, 1, 0), 0);
  close (fds[0]);
  close (fds[1]);
}

/* Signals. */

static const int all_signals[] = {SIGINT, SIGTERM, SIGHUP};

#define NR_SIGNALS ((int) (sizeof all_signals / sizeof *all_signals))

/* A program that shows a bar, gets a signal that finds HANDLER, and ends with 7
 * unless that ends it.  Its status. */
static int
run_and_signal (int number, void (*handler) (int))
{
  const pid_t child = fork ();
  int status;

  if (child == 0) {
    signal (number, handler);
    progressbar_begin (slave, "compact", 0);
    progressbar_update (NULL, 1, 4);
    raise (number);
    progressbar_end ();
    _exit (7);
  }
  must (child > 0);
  must (waitpid (child, &status, 0) == child);
  return status;
}

START_TEST (who_is_interrupted_leaves_a_blank_line)
{
  const int status = run_and_signal (all_signals[_i], SIG_DFL);

  ck_assert (WIFSIGNALED (status));
  ck_assert_int_eq (WTERMSIG (status), all_signals[_i]);
  must_be_blank ();
  ck_assert_uint_gt (screen.bytes, 79);
}

/* As nohup makes it. */
START_TEST (what_is_ignored_is_ignored)
{
  const int status = run_and_signal (all_signals[_i], SIG_IGN);

  ck_assert (WIFEXITED (status));
  ck_assert_int_eq (WEXITSTATUS (status), 7);
  must_be_blank ();
}

START_TEST (after_it_signals_are_what_they_were)
{
  struct sigaction action;

  signal (all_signals[_i], SIG_DFL);
  ck_assert (progressbar_begin (slave, "compact", 0));
  progressbar_end ();
  sigaction (all_signals[_i], NULL, &action);
  ck_assert (action.sa_handler == SIG_DFL);
}

int
main (void)
{
  Suite *suite = suite_create ("progressbar");
  TCase *tc;

  tc = suite_case (suite, "the line");
  tcase_add_loop_test (tc, a_line_says_how_far_it_is, 0, NR_LINES);
  tcase_add_loop_test (tc, a_line_has_its_columns, 0, 3);

  tc = suite_case (suite, "the terminal");
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, it_is_redrawn_in_place);
  tcase_add_test (tc, what_has_not_changed_is_not_redrawn);
  tcase_add_test (tc, what_is_done_soon_is_not_shown);
  tcase_add_test (tc, it_fits_a_terminal_that_becomes_narrow);
  tcase_add_test (tc, a_terminal_without_a_size_will_do);
  tcase_add_test (tc, in_a_pipe_there_is_none);
  tcase_add_loop_test (tc, who_is_interrupted_leaves_a_blank_line, 0,
                       NR_SIGNALS);
  tcase_add_loop_test (tc, what_is_ignored_is_ignored, 0, NR_SIGNALS);
  tcase_add_loop_test (tc, after_it_signals_are_what_they_were, 0, NR_SIGNALS);
  return suite_run (suite);
}
