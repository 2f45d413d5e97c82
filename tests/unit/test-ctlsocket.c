/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: that no client can keep others from being answered, or
 * the server from ending; and that who hangs up ends what he asked for.
 *
 * The requests are the test's own.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ctlrequest.h"
#include "ctlsocket.h"
#include "diskset.h"
#include "run.h"
#include "unit.h"

/* Requests. */

static struct diskset set;
static _Atomic unsigned runs_begun, runs_ended, steps;

static void
run_until_stopped (const struct run *run)
{
  runs_begun++;
  while (!run_stopped (run)) {
    run_progress (run, 1, 3);
    steps++;
    usleep (1000); /* valgrind lets one thread run at a time */
  }
  runs_ended++;
}

/* "run" goes on until it is told to stop, and tells; "much" has a long answer,
 * and "more" does both; "class" is that of the thread that answers; others are
 * repeated. */
void
ctlrequest_answer (struct diskset *asked, char *line, size_t len,
                   const struct run *run, FILE *reply)
{
  must (strlen (line) == len);
  must (asked == &set);
  if (*line == 'm')
    for (int i = 0; i < 1000; i++)
      fprintf (reply, " %0100d\n", i);
  if (strcmp (line, "run") == 0 || strcmp (line, "more") == 0)
    run_until_stopped (run);
  else if (strcmp (line, "class") == 0)
    fprintf (reply, " %d\n", sched_getscheduler (0));
  else
    fprintf (reply, " %s\n", line);
  fprintf (reply, "ok\n");
}

void
ctlrequest_refuse (int code, const char *message, FILE *reply)
{
  fprintf (reply, "error %s %s\n", strerrorname_np (code), message);
}

/* More than there are places. */
#define MANY (CTLSOCKET_CLIENTS + 20)

static char dir[64];
static char path[80];
static char message[256];
static unsigned descriptors; /* that were open before */

static void
setup (void)
{
  runs_begun = runs_ended = steps = 0;
  snprintf (dir, sizeof dir, "/tmp/test-ctlsocket-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (path, sizeof path, "%s/socket", dir);
  descriptors = open_descriptors ();
}

/* However a client has gone, he has left nothing open. */
static void
teardown (void)
{
  ck_assert_uint_eq (open_descriptors (), descriptors);
  unlink (path);
  rmdir (dir);
}

static void
start (void)
{
  ck_assert_msg (ctlsocket_bind (path, message, sizeof message) == 0, "%s",
                 message);
  ck_assert_int_eq (ctlsocket_start (&set), 0);
}

static int
make_address (struct sockaddr_un *address)
{
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  strcpy (address->sun_path, path);
  return socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int
try_connect (void)
{
  struct sockaddr_un address;
  const int fd = make_address (&address);

  must (fd >= 0);
  if (connect (fd, (const struct sockaddr *) &address, sizeof address) == 0)
    return fd;
  close (fd);
  return -1;
}

static int
connect_client (void)
{
  const int fd = try_connect ();

  ck_assert_int_ge (fd, 0);
  return fd;
}

static void
say (int fd, const char *text)
{
  const size_t len = strlen (text);

  ck_assert_int_eq (send (fd, text, len, MSG_NOSIGNAL), (ssize_t) len);
}

/* All that comes, as far as a line that is no data: to be answered in time. */
static const char *
hear (int fd)
{
  static char text[65536];
  size_t len = 0;

  do {
    struct pollfd answered = {.fd = fd, .events = POLLIN};

    ck_assert_int_eq (poll (&answered, 1, 60000), 1);
    const ssize_t n = recv (fd, text + len, 1, 0);

    if (n <= 0)
      break;
    len++;
  } while (
      text[len - 1] != '\n' ||
      (text[0] == ' ' && (len < 4 || memcmp (text + len - 3, "ok\n", 3) != 0)));
  text[len] = '\0';
  return text;
}

static void
must_be_answered (int fd)
{
  say (fd, "hello\n");
  ck_assert_str_eq (hear (fd), " hello\nok\n");
}

/* The other side has hung up. */
static void
must_be_over (int fd)
{
  ck_assert_str_eq (hear (fd), "");
}

START_TEST (a_client_is_answered_line_by_line)
{
  start ();
  const int fd = connect_client ();

  must_be_answered (fd);
  must_be_answered (fd);
  say (fd, "on");
  say (fd, "e\ntwo\n thr");
  ck_assert_str_eq (hear (fd), " one\nok\n");
  ck_assert_str_eq (hear (fd), " two\nok\n");
  say (fd, "ee\n\n");
  ck_assert_str_eq (hear (fd), "  three\nok\n");
  ck_assert_str_eq (hear (fd), " \nok\n");
  close (fd);
  ctlsocket_stop ();
}

/* It may end its requests and wait for the answers. */
START_TEST (a_client_may_stop_talking)
{
  start ();
  const int fd = connect_client ();

  say (fd, "one\ntwo\n");
  shutdown (fd, SHUT_WR);
  ck_assert_str_eq (hear (fd), " one\nok\n");
  ck_assert_str_eq (hear (fd), " two\nok\n");
  must_be_over (fd);
  close (fd);
  ctlsocket_stop ();
}

START_TEST (an_endless_line_is_refused)
{
  char line[CTLSOCKET_LINE];
  int fd;

  start ();
  memset (line, 'x', sizeof line);
  fd = connect_client ();
  ck_assert_int_eq (send (fd, line, sizeof line, MSG_NOSIGNAL),
                    (ssize_t) sizeof line);
  ck_assert_int_eq (strncmp (hear (fd), "error E2BIG ", 12), 0);
  must_be_over (fd);
  close (fd);

  /* One byte less, with its newline, is a line. */
  line[sizeof line - 1] = '\n';
  fd = connect_client ();
  ck_assert_int_eq (send (fd, line, sizeof line, MSG_NOSIGNAL),
                    (ssize_t) sizeof line);
  ck_assert_int_eq (strncmp (hear (fd), " xxx", 4), 0);
  must_be_answered (fd);
  close (fd);
  ctlsocket_stop ();
}

/* What ends without a newline has not been said. */
START_TEST (a_line_without_its_end_is_refused)
{
  start ();
  const int fd = connect_client ();

  say (fd, "one\ntwo");
  shutdown (fd, SHUT_WR);
  ck_assert_str_eq (hear (fd), " one\nok\n");
  ck_assert_int_eq (strncmp (hear (fd), "error EINVAL the line ", 22), 0);
  must_be_over (fd);
  close (fd);
  ctlsocket_stop ();
}

/* A byte now and then is no line. */
START_TEST (an_unfinished_line_ends)
{
  struct pollfd answered;
  int fd;

  start ();
  fd = connect_client ();
  answered = (struct pollfd){.fd = fd, .events = POLLIN};
  do
    say (fd, "x");
  while (poll (&answered, 1, 200) == 0);
  ck_assert_int_eq (strncmp (hear (fd), "error ETIMEDOUT ", 16), 0);
  close (fd);
  ctlsocket_stop ();
}

/* Nor is a byte taken now and then an answer taken; others are answered. */
START_TEST (who_does_not_take_his_answers_goes)
{
  struct pollfd hung_up;
  int slow, other;
  char byte;

  start ();
  slow = connect_client ();
  other = connect_client ();
  for (int i = 0; i < 20; i++)
    say (slow, "much\n");
  hung_up = (struct pollfd){.fd = slow};
  while (poll (&hung_up, 1, 200) == 0) {
    ck_assert_int_eq (recv (slow, &byte, 1, 0), 1);
    must_be_answered (other);
  }
  close (slow);
  close (other);
  ctlsocket_stop ();
}

/* He need not wait for the end of it. */
START_TEST (a_long_answer_comes_as_it_is_made)
{
  char bytes[1024];
  int fd;

  start ();
  fd = connect_client ();
  say (fd, "more\n");
  ck_assert_int_gt (recv (fd, bytes, sizeof bytes, MSG_WAITALL), 0);
  ck_assert_mem_eq (bytes + 1, "0000000000", 10);
  close (fd);
  ctlsocket_stop ();
  ck_assert_uint_eq (runs_ended, runs_begun);
}

/* For want of a place, those go who have been silent for long. */
START_TEST (silent_clients_keep_nobody_out)
{
  int fds[MANY];

  start ();
  for (int i = 0; i < MANY; i++)
    fds[i] = connect_client ();
  must_be_answered (fds[MANY - 1]);
  must_be_over (fds[0]);
  for (int i = 0; i < MANY; i++)
    close (fds[i]);
  ctlsocket_stop ();
}

/* Who has just been answered keeps his place; who comes then waits for one. */
START_TEST (who_asks_again_loses_no_place)
{
  int fds[CTLSOCKET_CLIENTS], late;

  start ();
  for (int i = 0; i < CTLSOCKET_CLIENTS; i++) {
    fds[i] = connect_client ();
    must_be_answered (fds[i]);
  }
  late = connect_client ();
  say (late, "hello\n");
  poll (NULL, 0, 500);
  for (int i = 0; i < CTLSOCKET_CLIENTS; i++)
    must_be_answered (fds[i]);
  close (fds[7]);
  ck_assert_str_eq (hear (late), " hello\nok\n");
  close (late);
  for (int i = 0; i < CTLSOCKET_CLIENTS; i++)
    if (i != 7)
      close (fds[i]);
  ctlsocket_stop ();
}

static void
ask_often (void *arg, unsigned me)
{
  const int fd = connect_client ();

  (void) arg;
  (void) me;
  for (int i = 0; i < 100; i++) {
    char text[64];
    size_t len = 0;

    say (fd, "hello\n");
    while (len < 10) {
      const ssize_t n = recv (fd, text + len, 10 - len, 0);

      must (n > 0);
      len += (size_t) n;
    }
    must (memcmp (text, " hello\nok\n", 10) == 0);
  }
  close (fd);
}

START_TEST (many_are_answered_at_once)
{
  start ();
  threads_run (16, ask_often, NULL);
  ctlsocket_stop ();
}

/* Until *COUNT is N. */
static void
wait_for_runs (_Atomic unsigned *count, unsigned n)
{
  while (*count != n)
    usleep (1000); /* valgrind lets one thread run at a time */
}

/* What he wanted after that is not begun. */
START_TEST (who_hangs_up_ends_what_he_asked_for)
{
  int fd, other;

  start ();
  fd = connect_client ();
  other = connect_client ();
  say (fd, "run\nrun\n");
  wait_for_runs (&runs_begun, 1);
  must_be_answered (other);
  close (fd);
  wait_for_runs (&runs_ended, 1);
  must_be_answered (other);
  close (other);
  ctlsocket_stop ();
  ck_assert_uint_eq (runs_begun, 1);
}

START_TEST (a_run_tells_before_its_end)
{
  int fd;

  start ();
  fd = connect_client ();
  say (fd, "run\n");
  ck_assert_str_eq (hear (fd), "progress 1 3\n");
  ck_assert_uint_eq (runs_ended, 0);
  /* Not only once. */
  ck_assert_str_eq (hear (fd), "progress 1 3\n");
  close (fd);
  wait_for_runs (&runs_ended, 1);
  ctlsocket_stop ();
}

/* He is told, and the run goes on, whatever he has been told by then. */
START_TEST (who_does_not_listen_holds_up_nobody)
{
  unsigned before;
  int fd, other;

  start ();
  fd = connect_client ();
  other = connect_client ();
  say (fd, "run\n");
  ck_assert_str_eq (hear (fd), "progress 1 3\n");
  for (int i = 0; i < 10; i++) {
    must_be_answered (other);
    before = steps;
    /* cppcheck-suppress knownConditionTrueFalse; another thread counts it */
    while (steps == before)
      sched_yield ();
  }
  ck_assert_uint_eq (runs_ended, 0);
  close (fd);
  wait_for_runs (&runs_ended, 1);
  must_be_answered (other);
  close (other);
  ctlsocket_stop ();
}

/* Who has only nothing more to say waits for the answer. */
START_TEST (who_stops_talking_ends_nothing)
{
  int fd;

  start ();
  fd = connect_client ();
  say (fd, "run\n");
  shutdown (fd, SHUT_WR);
  wait_for_runs (&runs_begun, 1);
  poll (NULL, 0, 1000);
  ck_assert_uint_eq (runs_ended, 0);
  ctlsocket_stop ();
  close (fd);
}

START_TEST (the_end_ends_what_is_under_way)
{
  int fds[5];

  start ();
  for (int i = 0; i < 5; i++) {
    fds[i] = connect_client ();
    say (fds[i], "run\n");
  }
  wait_for_runs (&runs_begun, 5);
  ctlsocket_stop ();
  ck_assert_uint_eq (runs_ended, 5);
  for (int i = 0; i < 5; i++)
    close (fds[i]);
}

/* Whatever those are that serve. */
START_TEST (who_answers_is_of_no_real_time_class)
{
  const struct sched_param lowest = {.sched_priority = 1};
  const bool may =
      pthread_setschedparam (pthread_self (), SCHED_RR, &lowest) == 0;
  int fd;

  if (!may)
    puts ("SKIP: this process may have no real-time class");
  start ();
  fd = connect_client ();
  say (fd, "class\n");
  ck_assert_str_eq (hear (fd), " 0\nok\n");
  close (fd);
  ctlsocket_stop ();
}

START_TEST (it_ends_with_clients_connected)
{
  int fds[10];

  start ();
  for (int i = 0; i < 10; i++) {
    fds[i] = connect_client ();
    must_be_answered (fds[i]);
  }
  ctlsocket_stop ();
  for (int i = 0; i < 10; i++) {
    must_be_over (fds[i]);
    close (fds[i]);
  }
  ck_assert_int_eq (try_connect (), -1);
}

START_TEST (it_can_begin_again)
{
  for (int i = 0; i < 5; i++) {
    start ();
    const int fd = connect_client ();
    must_be_answered (fd);
    ctlsocket_stop ();
    close (fd);
  }
  ctlsocket_stop ();
}

int
main (void)
{
  Suite *suite = suite_create ("ctlsocket");
  TCase *tc;

  tc = suite_case (suite, "clients");
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, a_client_is_answered_line_by_line);
  tcase_add_test (tc, a_client_may_stop_talking);
  tcase_add_test (tc, an_endless_line_is_refused);
  tcase_add_test (tc, a_line_without_its_end_is_refused);
  tcase_add_test (tc, an_unfinished_line_ends);
  tcase_add_test (tc, a_long_answer_comes_as_it_is_made);
  tcase_add_test (tc, who_does_not_take_his_answers_goes);
  tcase_add_test (tc, silent_clients_keep_nobody_out);
  tcase_add_test (tc, who_asks_again_loses_no_place);
  tcase_add_test (tc, many_are_answered_at_once);
  tcase_add_test (tc, it_ends_with_clients_connected);
  tcase_add_test (tc, it_can_begin_again);

  tc = suite_case (suite, "runs");
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, who_hangs_up_ends_what_he_asked_for);
  tcase_add_test (tc, a_run_tells_before_its_end);
  tcase_add_test (tc, who_does_not_listen_holds_up_nobody);
  tcase_add_test (tc, who_stops_talking_ends_nothing);
  tcase_add_test (tc, the_end_ends_what_is_under_way);
  tcase_add_test (tc, who_answers_is_of_no_real_time_class);
  return suite_run (suite);
}
