/* SPDX-License-Identifier: BSD-3-Clause */
/* A store behind NBD: which are taken, what is written is read, and how it
 * ends.  (What becomes of requests when the server goes has a suite of its own:
 * test-storenbdaway.)
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>

#include "nbdserving.h"

#define NR_OPS 400U /* three times STORE_DEPTH */

START_TEST (what_is_written_is_read)
{
  struct request *const all = aligned_alloc (4096, NR_OPS * sizeof *all);
  struct store_stats stats;

  must (all != NULL);
  memset (all, 0, NR_OPS * sizeof *all);
  start_server ("memory", "16M", NULL);
  start ();
  ck_assert_uint_eq (store_size (store), SIZE);
  for (unsigned write = 2; write-- > 0;) {
    for (unsigned i = 0; i < NR_OPS; i++) {
      memset (all[i].buf, write ? (int) i : 0, BLOCK);
      submit (&all[i], write, 1 + i);
    }
    for (unsigned i = 0; i < NR_OPS; i++) {
      ck_assert_int_eq (wait_for (&all[i]), 0);
      ck_assert_int_eq ((unsigned char) all[i].buf[BLOCK - 1], (int) (i % 256));
    }
  }
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.reads, NR_OPS);
  ck_assert_uint_eq (stats.written_bytes, NR_OPS * BLOCK);
  ck_assert_uint_eq (stats.reconnects + stats.read_errors, 0);
  finish ();
  free (all);
}

START_TEST (what_cannot_be_used_is_refused)
{
  must_refuse (uri, 0, -ENOENT, "No such file");
  must_refuse ("nbd+unix:///?socket=%2Fnot-there", 0, -ENOENT, "No such file");
  must_refuse ("http://host/", 0, -EINVAL, "give nbd://HOST");
  must_refuse ("nbdx://host/", 0, -EINVAL, "give nbd://HOST");
  must_refuse ("nbd+unix:///?socket=here", 0, -EINVAL,
               "socket=: give the whole name, from / on");
  must_refuse ("nbds://host/?tls-certificates=/there&tls-psk-file=here", 0,
               -EINVAL, "tls-psk-file=: give the whole name, from / on");
  start_server ("-r", "memory", "16M", NULL);
  must_refuse (uri, 0, -EINVAL, "can only be read");
  end_server ();
  start_server ("memory", "512K", NULL);
  must_refuse (uri, 0, -EINVAL, "has 524288 bytes, and needs 1048576 at least");
  end_server ();
  start_server ("memory", "16M", NULL);
  must_refuse (uri, 2 * SIZE, -EINVAL, "and needs 33554432 at least");
  end_server ();
  start_server ("--filter=blocksize-policy", "memory", "16M",
                "blocksize-minimum=64K", "blocksize-preferred=64K",
                "blocksize-maximum=32M", NULL);
  must_refuse (uri, 0, -EINVAL, "has blocks of more than 4096 bytes");
  end_server ();
  start_server ("--filter=blocksize-policy", "memory", "16M",
                "blocksize-minimum=512", "blocksize-preferred=4K",
                "blocksize-maximum=128K", NULL);
  must_refuse (uri, 0, -EINVAL, "takes requests of less than 256 KiB only");
}

/* It connects, and that is all; or it has not even come to that. */
static bool
cannot_be_read_in_time (void)
{
  char *why;
  bool found;

  ck_assert_int_eq (try_open (uri, 0, false, &why), -ETIMEDOUT);
  found = strstr (why, "cannot be read: Connection timed out") != NULL;
  free (why);
  return found;
}

START_TEST (what_does_not_answer_is_refused)
{
  patience = IMPATIENT;
  start_server ("--filter=delay", "memory", "16M", "delay-read=1000", NULL);
  wait_until (cannot_be_read_in_time ());
}

/* The same one again is refused, wherever it stands among them. */
START_TEST (several_can_be_open)
{
  char name[sizeof uri + 8], *why;
  struct store *first, *second;

  snprintf (name, sizeof name, "nbd+unix:///other%s", strchr (uri, '?'));
  start_server ("memory", "16M", NULL);
  start ();
  first = store;
  ck_assert_int_eq (try_open (name, 0, true, &why), 0);
  second = store;
  ck_assert_int_eq (try_open (uri, 0, true, &why), -EBUSY);
  free (why);
  ck_assert_int_eq (try_open (name, 0, true, &why), -EBUSY);
  free (why);
  store_close (second);
  store = first;
  finish ();
}

/* What pays with it is all that it has to take. */
START_TEST (a_server_need_not_take_more_than_pays)
{
  const uint32_t piece = 256U << 10;
  struct request request = {.times = 0};

  start_server ("--filter=blocksize-policy", "memory", "16M",
                "blocksize-minimum=512", "blocksize-preferred=4K",
                "blocksize-maximum=256K", "blocksize-error-policy=error", NULL);
  start ();
  ck_assert_uint_eq (store_piece (store), piece);
  for (unsigned write = 2; write-- > 0;) {
    request.op = (struct store_op){.buf = aligned_alloc (4096, piece),
                                   .offset = piece,
                                   .len = piece,
                                   .write = write,
                                   .done = note};
    request.completion = (struct completion){0};
    request.times = 0;
    must (request.op.buf != NULL);
    memset (request.op.buf, write ? 'a' : 'b', piece);
    store_submit (store, &request.op);
    ck_assert_int_eq (wait_for (&request), 0);
    ck_assert_int_eq (((const char *) request.op.buf)[piece - 1], 'a');
    free (request.op.buf);
  }
  finish ();
}

START_TEST (what_is_there_is_not_lost)
{
  char *why;

  start_server ("data", "size=16M", "\"theirs\"", NULL);
  must_refuse (uri, 0, -EEXIST, "holds data");
  ck_assert_int_eq (try_open (uri, 0, true, &why), 0);
  store_close (store);
  ck_assert_int_eq (try_open (uri, 0, false, &why), 0); /* it is ours now */
  store_close (store);
}

START_TEST (what_it_says_is_passed_on)
{
  const bool is_full = _i == 1;
  struct store_stats stats;
  char option[128];
  int fd;

  snprintf (option, sizeof option, "error-file=%s", failing);
  start_server ("--filter=error", "memory", "16M",
                is_full ? "error=ENOSPC" : "error=EPERM",
                "error-pwrite-rate=100%", option, NULL);
  start ();
  ck_assert_int_eq (transfer (true, 1, 'a'), 0);
  fd = open (failing, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  must (fd >= 0);
  close (fd);
  ck_assert_int_eq (transfer (true, 1, 'b'), is_full ? -ENOSPC : -EIO);
  ck_assert_int_eq (transfer (false, 1, 'a'), 0);
  unlink (failing);
  ck_assert_int_eq (transfer (true, 1, 'c'), 0);
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.write_errors, 1);
  ck_assert (!store_is_away (store));
  finish ();
}

START_TEST (it_stops_with_requests_in_flight)
{
  static struct request sent[200];

  /* (Longer than Check waits for this test.) */
  patience = 3600;
  start_file_server ();
  start ();
  stop_server ();
  for (unsigned i = 0; i < 200; i++)
    submit (&sent[i], false, 1 + i);
  store_stop (store);
  for (unsigned i = 0; i < 200; i++)
    ck_assert_int_eq (wait_for (&sent[i]), -ECANCELED);
  submit (&sent[0], false, 1);
  ck_assert_int_eq (wait_for (&sent[0]), -ECANCELED);
  kill (server, SIGCONT);
  end_server ();
  start_file_server ();
  ck_assert_int_eq (store_start (store), 0);
  ck_assert_int_eq (transfer (false, 1, 0), 0);
  finish ();
}

START_TEST (a_fork_keeps_it)
{
  char *why;
  int status;
  pid_t child;

  start_file_server ();
  ck_assert_int_eq (try_open (uri, 0, false, &why), 0);
  child = fork ();
  must (child >= 0);
  if (child == 0) {
    const bool good = store_start (store) == 0 &&
                      transfer (true, 3, 'c') == 0 &&
                      transfer (false, 3, 'c') == 0;

    finish ();
    _exit (good ? 0 : 1);
  }
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert_int_eq (status, 0);
  store_close (store);
}

static void
put_key (const char *name, const char *key)
{
  FILE *const fp = fopen (name, "we");

  must (fp != NULL);
  must (fprintf (fp, "zram:%s\n", key) > 0);
  must_equal (fclose (fp), 0);
}

static void
start_secret_server (void)
{
  char psk[128];

  put_key (keys, "00112233445566778899aabbccddeeff");
  snprintf (psk, sizeof psk, "--tls-psk=%s", keys);
  start_server ("--tls=require", psk, "file", file, NULL);
}

static void
set_secret_uri (const char *with)
{
  snprintf (uri, sizeof uri,
            "nbds+unix://zram@/?socket=%s/socket&tls-psk-file=%s", dir, with);
}

/* With a key that both have; and again when the server has gone and come back.
 */
START_TEST (the_way_may_be_secret)
{
  start_secret_server ();
  set_secret_uri (keys);
  start ();
  ck_assert_int_eq (transfer (true, 7, 'x'), 0);
  end_server ();
  wait_until_away (true);
  start_secret_server ();
  ck_assert_int_eq (transfer (false, 7, 'x'), 0);
  finish ();
}

START_TEST (a_way_that_is_not_secret_is_refused)
{
  start_secret_server ();
  must_refuse (uri, 0, -EIO, "TLS");
  put_key (other_keys, "ffeeddccbbaa99887766554433221100");
  set_secret_uri (other_keys);
  must_refuse (uri, 0, -EIO, "handshake");
  end_server ();
  start_file_server ();
  set_secret_uri (keys);
  must_refuse (uri, 0, -EIO, "TLS");
}

int
main (void)
{
  Suite *suite = suite_create ("storenbd");
  TCase *tc = suite_case (suite, "storenbd");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, what_is_written_is_read);
  tcase_add_test (tc, what_cannot_be_used_is_refused);
  tcase_add_test (tc, what_does_not_answer_is_refused);
  tcase_add_test (tc, several_can_be_open);
  tcase_add_test (tc, a_server_need_not_take_more_than_pays);
  tcase_add_test (tc, what_is_there_is_not_lost);
  tcase_add_loop_test (tc, what_it_says_is_passed_on, 0, 2);
  tcase_add_test (tc, it_stops_with_requests_in_flight);
  tcase_add_test (tc, a_fork_keeps_it);
  tcase_add_test (tc, the_way_may_be_secret);
  tcase_add_test (tc, a_way_that_is_not_secret_is_refused);
  return suite_run (suite);
}
