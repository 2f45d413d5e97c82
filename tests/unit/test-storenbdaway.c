/* SPDX-License-Identifier: BSD-3-Clause */
/* A store behind NBD whose server goes: requests outlive one that comes back,
 * but not one that stays away; and nothing is sent to another one.
 */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nbdserving.h"

/* The server is going: have a request, READ, that waits for its successor.
 * Until the server knows that it is going it answers. */
static void
submit_until_away (struct request *read, uint64_t block)
{
  for (;;) {
    submit (read, false, block);
    wait_until (read->times > 0 || store_is_away (store));
    if (read->times == 0)
      break;
    ck_assert_int_eq (wait_for (read), 0);
  }
}

/* Requests wait for it.  (nbdkit, told to end, stays until its clients have
 * gone, and answers each request with ESHUTDOWN.) */
START_TEST (a_server_may_go_and_come_back)
{
  const int signal = _i ? SIGTERM : SIGKILL;
  static struct request read, write;
  struct store_stats stats;

  start_file_server ();
  start ();
  ck_assert_int_eq (transfer (true, 7, 'x'), 0);
  kill (server, signal);
  submit_until_away (&read, 7);
  memset (write.buf, 'y', BLOCK);
  submit (&write, true, 8);
  wait_for_end ();
  ck_assert_uint_eq (lines, 1);
  ck_assert (was_told ("the server is away"));
  usleep (200 * 1000);
  ck_assert_uint_eq (read.times + write.times, 0);
  start_file_server ();
  ck_assert_int_eq (wait_for (&read), 0);
  ck_assert_int_eq (read.buf[9], 'x');
  ck_assert_int_eq (wait_for (&write), 0);
  ck_assert_int_eq (transfer (false, 8, 'y'), 0);
  ck_assert (!store_is_away (store));
  ck_assert_uint_eq (lines, 2);
  ck_assert (was_told ("there again"));
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.reconnects, 1);
  ck_assert_uint_eq (stats.read_errors + stats.write_errors, 0);
  finish ();
}

/* The server goes and comes back at once: milliseconds until that is known. */
static uint64_t
restart_server (void)
{
  uint64_t begun;

  end_server ();
  wait_until_away (true);
  begun = clock_ms ();
  start_file_server ();
  wait_until_away (false);
  return clock_ms () - begun;
}

/* The longer it stays away the less often it is looked for, but the next time
 * that begins anew.  (Else it would take 1.6 s at least.) */
START_TEST (who_was_away_for_long_is_soon_found_again)
{
  uint64_t soonest = UINT64_MAX;

  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  sleep (2);
  start_file_server ();
  wait_until_away (false);
  for (unsigned i = 0; i < 5 && soonest >= 1000; i++) {
    const uint64_t ms = restart_server ();

    soonest = ms < soonest ? ms : soonest;
  }
  ck_assert_uint_lt (soonest, 1000);
  finish ();
}

START_TEST (what_it_had_begun_is_sent_once_more)
{
  static struct request many[64];

  start_server ("--filter=delay", "file", file, "delay-write=100ms", NULL);
  start ();
  for (int i = 0; i < 64; i++) {
    memset (many[i].buf, i, BLOCK);
    submit (&many[i], true, 1 + i);
  }
  ck_assert_int_eq (wait_for (&many[0]), 0);
  end_server ();
  start_file_server ();
  for (int i = 1; i < 64; i++)
    ck_assert_int_eq (wait_for (&many[i]), 0);
  for (int i = 0; i < 64; i++)
    ck_assert_int_eq (transfer (false, 1 + (uint64_t) i, i), 0);
  finish ();
}

START_TEST (who_may_not_wait_is_told)
{
  static struct request patient, impatient = {.op.impatient = true};

  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  submit (&patient, false, 1);
  submit (&impatient, false, 1);
  ck_assert_int_eq (wait_for (&impatient), -ETIMEDOUT);
  ck_assert_uint_eq (patient.times, 0);
  start_file_server ();
  ck_assert_int_eq (wait_for (&patient), 0);
  finish ();
}

START_TEST (who_waits_for_too_long_is_told)
{
  struct store_stats stats;
  uint64_t begun;

  patience = IMPATIENT;
  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  begun = clock_ms ();
  ck_assert_int_eq (transfer (false, 1, 0), -ETIMEDOUT);
  ck_assert_uint_ge (clock_ms () - begun, IMPATIENT * 1000UL);
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.read_errors, 1);
  start_file_server ();
  wait_until (transfer (false, 1, 0) == 0);
  finish ();
}

/* Lines of the server's log that say that it was asked to do WHAT. */
static unsigned
count_logged (const char *what)
{
  FILE *const fp = fopen (logfile, "re");
  char line[512];
  unsigned n = 0;

  must (fp != NULL);
  while (fgets (line, sizeof line, fp))
    n += strstr (line, what) != NULL;
  fclose (fp);
  return n;
}

/* Whoever stands in for it is looked at now and then, and gets nothing: not one
 * byte of his is changed.  That is said once. */
START_TEST (another_store_is_left_alone)
{
  char option[128];

  patience = IMPATIENT;
  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  lines = 0;
  snprintf (option, sizeof option, "logfile=%s", logfile);
  start_server ("--filter=log", "memory", "16M", option, NULL);
  wait_until (count_logged (" Read ") >= 2);
  ck_assert_int_eq (transfer (true, 1, 'y'), -ETIMEDOUT);
  ck_assert_uint_eq (lines, 1);
  ck_assert_uint_eq (count_logged (" Write "), 0);
  end_server ();
  start_file_server ();
  wait_until (transfer (true, 1, 'z') == 0);
  finish ();
}

START_TEST (what_is_not_it_is_told)
{
  static const char *const others[][4] = {
      {"what is there now is not this server's", "memory", "16M"},
      {"it is smaller than it was", "memory", "1M"},
      {"can only be read: give an export that can be written: it is left alone",
       "-r", "file", file},
  };
  const char *const *const other = others[_i];

  patience = IMPATIENT;
  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  start_server (other[1], other[2], other[3], NULL);
  wait_until (was_told (other[0]));
  ck_assert_int_eq (transfer (true, 1, 'y'), -ETIMEDOUT);
  finish ();
}

/* It keeps its connection and says nothing: half of the time is its
 * successor's. Tried with more time until that is enough. */
START_TEST (a_server_that_does_not_answer_is_left)
{
  int r = -ETIMEDOUT;

  for (patience = IMPATIENT; r != 0; patience *= 2) {
    static struct request request;

    ck_assert_uint_le (patience, PATIENT);
    start_file_server ();
    start ();
    stop_server ();
    submit (&request, false, 1);
    wait_until_away (true);
    end_server ();
    start_file_server ();
    r = wait_for (&request);
    finish ();
    end_server ();
  }
}

START_TEST (it_stops_while_it_is_away)
{
  static struct request request;

  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  submit (&request, false, 1);
  store_stop (store);
  ck_assert_int_eq (wait_for (&request), -ECANCELED);
  store_close (store);
}

int
main (void)
{
  Suite *suite = suite_create ("storenbdaway");
  TCase *tc = suite_case (suite, "storenbdaway");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_loop_test (tc, a_server_may_go_and_come_back, 0, 2);
  tcase_add_test (tc, who_was_away_for_long_is_soon_found_again);
  tcase_add_test (tc, what_it_had_begun_is_sent_once_more);
  tcase_add_test (tc, who_may_not_wait_is_told);
  tcase_add_test (tc, who_waits_for_too_long_is_told);
  tcase_add_test (tc, another_store_is_left_alone);
  tcase_add_loop_test (tc, what_is_not_it_is_told, 0, 3);
  tcase_add_test (tc, a_server_that_does_not_answer_is_left);
  tcase_add_test (tc, it_stops_while_it_is_away);
  return suite_run (suite);
}
