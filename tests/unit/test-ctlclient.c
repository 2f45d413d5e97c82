/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of the control socket, against a server that says whatever the
 * test wants: good answers are taken, and everything else is an error that
 * says what is wrong, in time and in bounded memory.
 */
#include <config.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ctlclient.h"
#include "unit.h"

/* Seconds, of a server that answers; and of one that does not. */
#define PATIENCE 60
#define SHORT    1

/* What the server says when it has read a line. */
struct script {
  const char *says;
  size_t len;
  unsigned times;    /* says it so often, or until nobody listens */
  bool keeps_silent; /* after that; otherwise it hangs up */
};

static char dir[32], path[64];
static int listening;
static pthread_t thread;
static struct script script;
static char heard[CTLCLIENT_REQUEST + 2];
static struct ctlclient client;

/* Who is told how far a run is; NULL: nobody. */
static void (*progress) (void *arg, uint64_t done, uint64_t total);

static void
setup (void)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  progress = NULL;
  snprintf (dir, sizeof dir, "/tmp/test-ctlclient-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (path, sizeof path, "%s/socket", dir);
  memcpy (address.sun_path, path, sizeof path);
  listening = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must (bind (listening, (const struct sockaddr *) &address, sizeof address) ==
        0);
  must (listen (listening, 1) == 0);
}

static void
teardown (void)
{
  close (listening);
  unlink (path);
  rmdir (dir);
}

/* One line, or as much of it as comes. */
static void
hear_line (int fd)
{
  size_t len = 0;
  ssize_t n;

  heard[0] = '\0';
  while (!strchr (heard, '\n') &&
         (n = recv (fd, heard + len, sizeof heard - 1 - len, 0)) > 0) {
    len += (size_t) n;
    heard[len] = '\0';
  }
}

static void *
serve (void *arg)
{
  const int fd = accept (listening, NULL, NULL);
  char byte;

  must (fd >= 0);
  hear_line (fd);
  for (unsigned i = 0; i < script.times; i++)
    if (send (fd, script.says, script.len, MSG_NOSIGNAL) < 0)
      break;
  if (script.keeps_silent)
    while (recv (fd, &byte, 1, 0) > 0)
      ;
  close (fd);
  return arg;
}

/* A server that follows this script, and a client of it. */
static void
start (struct script to_follow, unsigned patience)
{
  script = to_follow;
  ck_assert_int_eq (pthread_create (&thread, NULL, serve, NULL), 0);
  ck_assert_msg (ctlclient_open (&client, path, patience) == 0, "%s",
                 client.message);
}

/* It has hung up when the server's thread can end. */
static void
stop (void)
{
  ctlclient_close (&client);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
}

#define SAYS(text) .says = (text), .len = sizeof (text) - 1

static void
must_answer (struct script to_follow, const char *want)
{
  start (to_follow, PATIENCE);
  ck_assert_msg (ctlclient_ask (&client, "get zram0 x") == 0, "%s",
                 client.message);
  ck_assert_str_eq (heard, "get zram0 x\n");
  ck_assert_uint_eq (client.len, strlen (want));
  ck_assert_str_eq (client.answer, want);
  stop ();
}

/* What the server has against the request; the connection stays. */
static void
must_refuse (struct script to_follow, const char *code, const char *message)
{
  start (to_follow, PATIENCE);
  ck_assert_int_eq (ctlclient_ask (&client, "get zram0 x"), -1);
  ck_assert_str_eq (client.code, code);
  ck_assert_str_eq (client.message, message);
  ck_assert_int_ge (client.fd, 0);
  stop ();
}

/* What is wrong with the server, which is hung up on. */
static void
must_give_up (struct script to_follow, unsigned patience, const char *why)
{
  start (to_follow, patience);
  client.progress = progress;
  ck_assert_int_eq (ctlclient_ask (&client, "get zram0 x"), -1);
  ck_assert_str_eq (client.code, "");
  ck_assert_msg (strstr (client.message, why) != NULL, "%s", client.message);
  ck_assert_int_eq (client.fd, -1);
  ck_assert_int_eq (ctlclient_ask (&client, "list"), -1);
  ck_assert_msg (strstr (client.message, "hung up on"), "%s", client.message);
  stop ();
}

START_TEST (answers_are_taken)
{
  must_answer ((struct script){SAYS ("ok\n"), .times = 1}, "");
  must_answer ((struct script){SAYS (" zram0\nok\n"), .times = 1}, "zram0\n");
  must_answer ((struct script){SAYS (" 1 2\n \n  3\nok\n"), .times = 1},
               "1 2\n\n 3\n");
}

START_TEST (control_characters_are_replaced)
{
  must_answer ((struct script){SAYS (" \33[2J\0\r\nok\n"), .times = 1},
               "?[2J??\n");
  must_refuse ((struct script){SAYS ("error EBUSY \33c\a\n"), .times = 1},
               "EBUSY", "?c?");
}

START_TEST (errors_are_told)
{
  must_refuse ((struct script){SAYS ("error EBUSY x: it is\n"), .times = 1},
               "EBUSY", "x: it is");
  must_refuse ((struct script){SAYS (" half\nerror EINTR\x20\n"), .times = 1},
               "EINTR", "");
}

/* The sum of what was told. */
static void
add_up (void *arg, uint64_t done, uint64_t total)
{
  uint64_t *const sum = arg;

  *sum += done + total;
}

START_TEST (who_asks_is_told_how_far_it_is)
{
  uint64_t sum = 0;

  start ((struct script){SAYS ("progress 0 10\nprogress 3 10\n a\nok\n"),
                         .times = 1},
         PATIENCE);
  client.progress = add_up;
  client.progress_arg = &sum;
  ck_assert_int_eq (ctlclient_ask (&client, "run zram0 compact 1"), 0);
  ck_assert_uint_eq (sum, 23);
  ck_assert_str_eq (client.answer, "a\n");
  stop ();
}

static void
must_not_be_told (void *arg, uint64_t done, uint64_t total)
{
  (void) arg;
  ck_abort_msg ("it was told %llu %llu", (unsigned long long) done,
                (unsigned long long) total);
}

static const char *const no_progress[] = {
    "progress \n",
    "progress 1\n",
    "progress 1 \n",
    "progress  1 2\n",
    "progress 1  2\n",
    "progress 3 2\n",
    "progress 1 2 \n",
    "progress 1 2 3\n",
    "progress -1 2\n",
    "progress a b\n",
    "progress 1 2000000000000000000000\n",
};

#define NR_NO_PROGRESS ((int) (sizeof no_progress / sizeof *no_progress))

START_TEST (senseless_progress_is_refused)
{
  progress = must_not_be_told;
  must_give_up ((struct script){.says = no_progress[_i],
                                .len = strlen (no_progress[_i]),
                                .times = 1},
                PATIENCE, "progress makes no sense");
}

START_TEST (unasked_progress_is_refused)
{
  must_give_up ((struct script){SAYS ("progress 1 2\nok\n"), .times = 1},
                PATIENCE, "it says 'progress 1 2'");
}

START_TEST (garbage_is_refused)
{
  must_give_up ((struct script){SAYS ("220 mail.example\n"), .times = 1},
                PATIENCE, "it says '220 mail.example'");
  must_give_up ((struct script){SAYS ("\n"), .times = 1}, PATIENCE,
                "it says ''");
  must_give_up ((struct script){SAYS ("\33]0;x\a\n"), .times = 1}, PATIENCE,
                "it says '?]0;x?'");
  must_give_up ((struct script){SAYS ("okay\n"), .times = 1}, PATIENCE,
                "it says 'okay'");
  must_give_up ((struct script){SAYS ("error\n"), .times = 1}, PATIENCE,
                "it says 'error'");
  must_give_up ((struct script){SAYS ("error EBUSY\n"), .times = 1}, PATIENCE,
                "without a reason");
  must_give_up ((struct script){SAYS ("error  x\n"), .times = 1}, PATIENCE,
                "without a reason");
}

START_TEST (more_than_an_answer_is_refused)
{
  must_give_up ((struct script){SAYS ("ok\nok\n"), .times = 1}, PATIENCE,
                "more than it was asked");
  must_give_up ((struct script){SAYS ("error EBUSY x\n "), .times = 1},
                PATIENCE, "more than it was asked");
  must_give_up ((struct script){SAYS ("what\nok\n"), .times = 1}, PATIENCE,
                "it says 'what'");
}

START_TEST (half_an_answer_is_an_error)
{
  must_give_up ((struct script){SAYS (" 1\n"), .times = 1}, PATIENCE,
                "hung up before it answered");
  must_give_up ((struct script){SAYS (" 1\nok"), .times = 1}, PATIENCE,
                "hung up before it answered");
  must_give_up ((struct script){SAYS (""), .times = 0}, PATIENCE,
                "hung up before it answered");
}

START_TEST (silence_has_an_end)
{
  must_give_up ((struct script){SAYS (""), .keeps_silent = true}, SHORT,
                "does not answer within 1 seconds");
  must_give_up (
      (struct script){SAYS (" 1\no"), .times = 1, .keeps_silent = true}, SHORT,
      "does not answer within 1 seconds");
}

START_TEST (endless_answers_have_an_end)
{
  static char line[CTLCLIENT_LINE + 1];

  memset (line, ' ', CTLCLIENT_LINE);
  line[CTLCLIENT_LINE] = '\n';
  must_give_up (
      (struct script){.says = line, .len = sizeof line, .times = UINT32_MAX},
      PATIENCE, "its answer has more than 1048576 bytes");
  must_give_up ((struct script){.says = line, .len = 100, .times = UINT32_MAX},
                PATIENCE, "a line of its answer has more than 4095 bytes");
}

/* The longest line, and the longest answer: 256 lines, each of whose blanks a
 * newline replaces. */
START_TEST (long_answers_are_taken)
{
  static char text[256 * (CTLCLIENT_LINE + 1) + 3];
  char *p = text;

  for (int i = 0; i < 256; i++) {
    memset (p, i == 0 ? ' ' : 'x', CTLCLIENT_LINE);
    *p = ' ';
    p += CTLCLIENT_LINE;
    *p++ = '\n';
  }
  memcpy (p, "ok\n", 3);
  start ((struct script){.says = text, .len = sizeof text, .times = 1},
         PATIENCE);
  ck_assert_msg (ctlclient_ask (&client, "get zram0 x") == 0, "%s",
                 client.message);
  ck_assert_uint_eq (client.len, 256 * CTLCLIENT_LINE);
  ck_assert_uint_eq (strlen (client.answer), client.len);
  stop ();
}

static size_t taken;

static void
count_line (void *arg, const char *line)
{
  ck_assert_ptr_eq (arg, &taken);
  taken += strlen (line);
}

/* However much it is. */
START_TEST (lines_are_taken_as_they_come)
{
  static char text[2 * CTLCLIENT_ANSWER + 3];
  const size_t data = sizeof text - 3;

  for (size_t i = 0; i < data; i++)
    text[i] = i % 64 == 0 ? ' ' : i % 64 == 63 ? '\n' : 'x';
  memcpy (text + data, "ok\n", 3);
  taken = 0;
  start ((struct script){.says = text, .len = sizeof text, .times = 1},
         PATIENCE);
  client.take = count_line;
  client.take_arg = &taken;
  ck_assert_msg (ctlclient_ask (&client, "get zram0 x") == 0, "%s",
                 client.message);
  ck_assert_uint_eq (taken, data / 64 * 62);
  ck_assert_uint_eq (client.len, 0);
  stop ();
}

/* Silence in the middle of it has an end, too. */
START_TEST (half_of_many_lines_is_an_error)
{
  taken = 0;
  start ((struct script){SAYS (" 1\n 2\n"), .times = 1, .keeps_silent = true},
         SHORT);
  client.take = count_line;
  client.take_arg = &taken;
  ck_assert_int_eq (ctlclient_ask (&client, "get zram0 x"), -1);
  ck_assert_msg (strstr (client.message, "does not answer within 1 seconds"),
                 "%s", client.message);
  ck_assert_uint_eq (taken, 2);
  stop ();
}

/* The server hears nothing of it, and is there for the next one. */
START_TEST (what_is_no_request_is_not_sent)
{
  static char line[CTLCLIENT_REQUEST + 2];

  memset (line, 'x', CTLCLIENT_REQUEST + 1);
  start ((struct script){SAYS ("ok\n"), .times = 1}, PATIENCE);
  ck_assert_int_eq (ctlclient_ask (&client, "list\nset zram0 reset 1"), -1);
  ck_assert_ptr_nonnull (strstr (client.message, "control characters"));
  ck_assert_int_eq (ctlclient_ask (&client, "%s", line), -1);
  ck_assert_ptr_nonnull (strstr (client.message, "more than 4095 bytes"));
  line[CTLCLIENT_REQUEST] = '\0';
  ck_assert_msg (ctlclient_ask (&client, "%s", line) == 0, "%s",
                 client.message);
  stop ();
  ck_assert_uint_eq (strlen (heard), CTLCLIENT_REQUEST + 1);
}

static void
must_not_open (const char *name, const char *why)
{
  ck_assert_int_eq (ctlclient_open (&client, name, SHORT), -1);
  ck_assert_msg (strstr (client.message, why) != NULL, "%s", client.message);
  ck_assert_int_eq (client.fd, -1);
  ctlclient_close (&client);
}

START_TEST (what_cannot_be_connected_to_is_told)
{
  char name[200];

  memset (name, 'x', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  must_not_open (name, "too long");
  must_not_open ("/nowhere/socket", "No such file");
  close (listening);
  listening = -1;
  must_not_open (path, "it has died");
}

/* Others wait before us, and nobody takes them. */
START_TEST (a_full_queue_has_an_end)
{
  struct ctlclient others[2];

  for (int i = 0; i < 2; i++)
    ck_assert_int_eq (ctlclient_open (&others[i], path, SHORT), 0);
  must_not_open (path, "does not answer within 1 seconds");
  for (int i = 0; i < 2; i++)
    ctlclient_close (&others[i]);
}

/* And says that it makes no sense. */
START_TEST (an_answer_may_be_rejected)
{
  start ((struct script){SAYS (" abc\nok\n"), .times = 1}, PATIENCE);
  ck_assert_int_eq (ctlclient_ask (&client, "get zram0 x"), 0);
  ck_assert_int_eq (ctlclient_garbled (&client, "get zram0 x"), -1);
  ck_assert_ptr_nonnull (strstr (client.message, "'get zram0 x'"));
  ck_assert_int_eq (client.fd, -1);
  stop ();
}

int
main (void)
{
  Suite *suite = suite_create ("ctlclient");
  TCase *tc = suite_case (suite, "ctlclient");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, answers_are_taken);
  tcase_add_test (tc, control_characters_are_replaced);
  tcase_add_test (tc, errors_are_told);
  tcase_add_test (tc, who_asks_is_told_how_far_it_is);
  tcase_add_loop_test (tc, senseless_progress_is_refused, 0, NR_NO_PROGRESS);
  tcase_add_test (tc, unasked_progress_is_refused);
  tcase_add_test (tc, garbage_is_refused);
  tcase_add_test (tc, more_than_an_answer_is_refused);
  tcase_add_test (tc, half_an_answer_is_an_error);
  tcase_add_test (tc, silence_has_an_end);
  tcase_add_test (tc, endless_answers_have_an_end);
  tcase_add_test (tc, long_answers_are_taken);
  tcase_add_test (tc, lines_are_taken_as_they_come);
  tcase_add_test (tc, half_of_many_lines_is_an_error);
  tcase_add_test (tc, what_is_no_request_is_not_sent);
  tcase_add_test (tc, what_cannot_be_connected_to_is_told);
  tcase_add_test (tc, a_full_queue_has_an_end);
  tcase_add_test (tc, an_answer_may_be_rejected);
  return suite_run (suite);
}
