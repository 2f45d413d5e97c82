/* SPDX-License-Identifier: BSD-3-Clause */
/* An answer on its way: it arrives whole, and before its end if it is to; and a
 * client who does not take it holds it up once, and not for ever.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "ctlreply.h"
#include "unit.h"

/* Milliseconds: one who answers has no such limit, the other is given up. */
#define LONG  600000
#define SHORT 300

static int here, there; /* the server's end, and the client's */
static struct ctlreply reply;
static _Atomic bool gone;

/* Streams that are open.  (To a sanitizer none is lost: the C library has a
 * list of them.) */
static _Atomic int streams;

extern FILE *__real_fopencookie (void *cookie, const char *mode,
                                 cookie_io_functions_t functions);
extern FILE *__wrap_fopencookie (void *cookie, const char *mode,
                                 cookie_io_functions_t functions);

static int
count_closed (void *cookie)
{
  (void) cookie;
  streams--;
  return 0;
}

FILE *
__wrap_fopencookie (void *cookie, const char *mode,
                    cookie_io_functions_t functions)
{
  must (!functions.close);
  functions.close = count_closed;
  streams++;
  return __real_fopencookie (cookie, mode, functions);
}

static void
setup (void)
{
  int fds[2];

  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                    0);
  here = fds[0];
  there = fds[1];
}

static void
teardown (void)
{
  close (here);
  close (there);
  ck_assert_int_eq (streams, 0);
}

static void
start (uint64_t patience)
{
  ck_assert_int_eq (ctlreply_open (&reply, here, patience, &gone), 0);
}

/* These bytes come next. */
static void
must_come (const char *want)
{
  const size_t len = strlen (want);
  char *const got = calloc (1, len + 1);

  ck_assert_ptr_nonnull (got);
  ck_assert_int_eq (recv (there, got, len, MSG_WAITALL), (ssize_t) len);
  ck_assert_str_eq (got, want);
  free (got);
}

/* Nothing more has come. */
static void
must_be_all (void)
{
  char byte;

  ck_assert_int_eq (recv (there, &byte, 1, MSG_DONTWAIT), -1);
}

START_TEST (what_is_printed_arrives)
{
  start (LONG);
  fprintf (reply.fp, " %d\n", 17);
  fprintf (reply.fp, "ok\n");
  ck_assert (ctlreply_close (&reply));
  must_come (" 17\nok\n");
  must_be_all ();
  /* The connection stays. */
  start (LONG);
  fprintf (reply.fp, "ok\n");
  ck_assert (ctlreply_close (&reply));
  must_come ("ok\n");
}

START_TEST (nothing_is_an_answer_too)
{
  start (LONG);
  ck_assert (ctlreply_close (&reply));
  must_be_all ();
}

START_TEST (lines_arrive_before_the_end)
{
  start (LONG);
  fprintf (reply.fp, " one\n");
  ck_assert_int_eq (fflush (reply.fp), 0);
  must_come (" one\n");
  fprintf (reply.fp, "ok\n");
  must_be_all ();
  ck_assert (ctlreply_close (&reply));
  must_come ("ok\n");
}

/* More than the socket takes at once. */
#define NR_LINES 100000

static void
print_much (void)
{
  for (int i = 0; i < NR_LINES; i++)
    fprintf (reply.fp, " %07d\n", i);
}

static void
print_or_read (void *arg, unsigned me)
{
  char want[16];

  (void) arg;
  if (me == 0) {
    print_much ();
    must (ctlreply_close (&reply));
    return;
  }
  for (int i = 0; i < NR_LINES; i++) {
    char got[10] = {0};

    snprintf (want, sizeof want, " %07d\n", i);
    must (recv (there, got, 9, MSG_WAITALL) == 9);
    must (strcmp (got, want) == 0);
  }
}

START_TEST (a_long_answer_arrives_whole)
{
  start (LONG);
  threads_run (2, print_or_read, NULL);
  must_be_all ();
}

/* There are two hundred pieces that he does not take: he is waited for once. */
START_TEST (who_takes_nothing_is_given_up)
{
  start (SHORT);
  print_much ();
  ck_assert (!ctlreply_close (&reply));
}

/* No signal says so. */
START_TEST (who_has_gone_is_given_up)
{
  close (there);
  start (LONG);
  print_much ();
  ck_assert (!ctlreply_close (&reply));
  start (LONG);
  fprintf (reply.fp, "ok\n");
  ck_assert (!ctlreply_close (&reply));
}

/* Progress. */

START_TEST (progress_arrives_at_once)
{
  start (LONG);
  run_progress (&reply.run, 1, 3);
  must_come ("progress 1 3\n");
  must_be_all ();
  fprintf (reply.fp, "ok\n");
  ck_assert (ctlreply_close (&reply));
  must_come ("ok\n");
}

START_TEST (the_largest_numbers_have_room)
{
  start (LONG);
  run_progress (&reply.run, UINT64_MAX, UINT64_MAX);
  must_come ("progress 18446744073709551615 18446744073709551615\n");
  ck_assert (ctlreply_close (&reply));
}

/* Each would be 14 bytes or more. */
START_TEST (progress_is_told_now_and_then)
{
  static char text[1 << 20];
  ssize_t n;

  start (LONG);
  for (uint64_t i = 0; i < 10000; i++)
    run_progress (&reply.run, i, 10000);
  n = recv (there, text, sizeof text, 0);
  ck_assert_int_gt (n, 0);
  ck_assert_int_lt (n, 14 * 5000);
  ck_assert_int_eq (memcmp (text, "progress 0 10000\n", 17), 0);
  ck_assert (ctlreply_close (&reply));
}

/* Send until nothing more can be, so short that there is no room for as little
 * as a line.  Returns the bytes. */
static uint64_t
fill_socket (void)
{
  uint64_t sent = 0;

  while (send (here, "\n", 1, MSG_DONTWAIT) == 1)
    sent++;
  return sent;
}

static void
drain_socket (uint64_t n)
{
  char byte;

  for (; n > 0; n--) {
    must (recv (there, &byte, 1, 0) == 1);
    must (byte == '\n');
  }
}

/* Who waited for it would wait for as long as this test may take. */
START_TEST (progress_waits_for_nobody)
{
  uint64_t sent;

  start (LONG);
  sent = fill_socket ();
  run_progress (&reply.run, 1, 3);
  ck_assert (!run_stopped (&reply.run));
  drain_socket (sent);
  must_be_all ();
  fprintf (reply.fp, "ok\n");
  ck_assert (ctlreply_close (&reply));
  must_come ("ok\n");
}

START_TEST (who_has_gone_ends_the_run)
{
  start (LONG);
  ck_assert (!run_stopped (&reply.run));
  close (there);
  run_progress (&reply.run, 1, 3);
  ck_assert (run_stopped (&reply.run));
  ck_assert (!ctlreply_close (&reply));
}

int
main (void)
{
  Suite *suite = suite_create ("ctlreply");
  TCase *tc = suite_case (suite, "answers");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, what_is_printed_arrives);
  tcase_add_test (tc, nothing_is_an_answer_too);
  tcase_add_test (tc, lines_arrive_before_the_end);
  tcase_add_test (tc, a_long_answer_arrives_whole);
  tcase_add_test (tc, who_takes_nothing_is_given_up);
  tcase_add_test (tc, who_has_gone_is_given_up);

  tc = suite_case (suite, "progress");
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, progress_arrives_at_once);
  tcase_add_test (tc, the_largest_numbers_have_room);
  tcase_add_test (tc, progress_is_told_now_and_then);
  tcase_add_test (tc, progress_waits_for_nobody);
  tcase_add_test (tc, who_has_gone_ends_the_run);
  return suite_run (suite);
}
