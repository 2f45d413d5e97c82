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
}

static void
start (uint64_t patience)
{
  ck_assert_int_eq (ctlreply_open (&reply, here, patience), 0);
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
  return suite_run (suite);
}
