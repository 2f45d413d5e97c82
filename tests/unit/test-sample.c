/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server says of a disk, against one that has a table of answers: what
 * it lacks has no columns, and what makes no sense is refused.
 */
#include <config.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "ctlclient.h"
#include "sample.h"
#include "unit.h"

#define STAT_LINE "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"

/* An attribute without an answer is one that the server has not got. */
struct answer {
  const char *attribute, *answer;
};

static const struct answer usual[] = {
    {"disksize", "4096"},
    {"comp_algorithm", "lz4 [zstd] x"},
    {"mm_stat", "100 10 50 0 60 1 2 3 4"},
    {"streams", "3"},
    {"bd_stat", "5 6 7"},
    {"initstate", "1"},
    {"io_stat", "1 2 0 4"},
    {"stat", STAT_LINE},
    {"size_stat", STAT_LINE " 18"},
    {"reserve", "7"},
    {"swap_stat", "1 2 3 4 5 6 7 -1000"},
    {"backing_stat", "1 2 3 4 5 6 7 8"},
};

#define USUAL (sizeof usual / sizeof *usual)

static struct answer answers[USUAL];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the answers */
static struct ctlclient client;
static FILE *server;
static pthread_t thread;

static const char *
find_answer (const char *attribute)
{
  const char *answer = NULL;

  pthread_mutex_lock (&lock);
  for (size_t i = 0; i < USUAL; i++)
    if (strcmp (answers[i].attribute, attribute) == 0)
      answer = answers[i].answer;
  pthread_mutex_unlock (&lock);
  return answer;
}

static void *
serve (void *arg)
{
  const int fd = fileno (server);
  char attribute[64];

  while (fscanf (server, "get zram0 %63s", attribute) == 1) {
    const char *const answer = find_answer (attribute);

    fgetc (server);
    if (!answer)
      dprintf (fd, "error ENOENT there is no attribute\n");
    else if (*answer == '!')
      dprintf (fd, "error %s\n", answer + 1);
    else
      dprintf (fd, " %s\nok\n", answer);
  }
  return arg;
}

static void
setup (void)
{
  int fds[2];

  memcpy (answers, usual, sizeof usual);
  must (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  client = (struct ctlclient){.fd = fds[0], .patience = 60};
  client.answer = malloc (CTLCLIENT_ANSWER + 1);
  server = fdopen (fds[1], "r");
  must (client.answer && server);
  must (pthread_create (&thread, NULL, serve, NULL) == 0);
}

static void
teardown (void)
{
  ctlclient_close (&client);
  must (pthread_join (thread, NULL) == 0);
  fclose (server);
}

static void
answer_instead (const char *attribute, const char *answer)
{
  pthread_mutex_lock (&lock);
  for (size_t i = 0; i < USUAL; i++)
    if (strcmp (answers[i].attribute, attribute) == 0)
      answers[i].answer = answer;
  pthread_mutex_unlock (&lock);
}

static struct sample
must_read (void)
{
  struct sample sample;

  ck_assert_msg (sample_read (&sample, &client, "zram0", SAMPLE_ATTRIBUTES) ==
                     0,
                 "%s", client.message);
  return sample;
}

static void
must_refuse (const char *attribute, const char *answer, const char *why)
{
  struct sample sample;

  setup ();
  answer_instead (attribute, answer);
  ck_assert_int_eq (sample_read (&sample, &client, "zram0", SAMPLE_ATTRIBUTES),
                    -1);
  ck_assert_msg (strstr (client.message, why), "%s", client.message);
  teardown ();
}

START_TEST (columns_are_taken)
{
  struct sample sample;

  setup ();
  sample = must_read ();
  teardown ();
  ck_assert_uint_eq (sample_disksize (&sample), 4096);
  ck_assert_str_eq (sample.algorithm, "zstd");
  ck_assert_uint_eq (sample_mm (&sample, MM_HUGE_PAGES_SINCE), 4);
  ck_assert_uint_eq (sample.columns[SAMPLE_IO_STAT][IO_NOTIFY_FREE], 4);
  ck_assert_uint_eq (sample.columns[SAMPLE_STAT][STAT_DISCARD_SECTORS], 14);
  ck_assert_uint_eq (sample.columns[SAMPLE_SIZE_STAT][SIZE_HUGE], 18);
  ck_assert_uint_eq (sample.columns[SAMPLE_STREAMS][0], 3);
  ck_assert_uint_eq (sample.columns[SAMPLE_BD_STAT][BD_WRITES], 7);
  ck_assert_uint_eq (
      sample.columns[SAMPLE_BACKING_STAT][BACKING_CHECKSUM_ERRORS], 8);
  ck_assert_uint_eq (sample.columns[SAMPLE_RESERVE][0], 7);
  ck_assert_int_eq (
      (int64_t) sample.columns[SAMPLE_SWAP_STAT][SWAP_OOM_SCORE_ADJ], -1000);
  ck_assert_uint_gt (sample.when, 0);
}

START_TEST (a_server_may_lack_some)
{
  struct sample sample;

  setup ();
  answer_instead ("stat", NULL);
  answer_instead ("swap_stat", NULL);
  answer_instead ("bd_stat", NULL);
  answer_instead ("mm_stat", "100 10 50 0 60 1 2 3");
  sample = must_read ();
  teardown ();
  ck_assert (!sample_has (&sample, SAMPLE_STAT));
  ck_assert (!sample_has (&sample, SAMPLE_SWAP_STAT));
  ck_assert (!sample_has (&sample, SAMPLE_BD_STAT));
  ck_assert (sample_has (&sample, SAMPLE_SIZE_STAT));
  ck_assert_uint_eq (sample.n[SAMPLE_MM_STAT], MM_HUGE_PAGES_SINCE);
}

START_TEST (what_is_not_wanted_is_not_asked_for)
{
  struct sample sample;

  setup ();
  answer_instead ("stat", "rubbish");
  ck_assert_int_eq (sample_read (&sample, &client, "zram0", SAMPLE_NEEDED), 0);
  teardown ();
  ck_assert (!sample_has (&sample, SAMPLE_INITSTATE));
}

START_TEST (what_is_wrong_is_told)
{
  must_refuse ("mm_stat", NULL, "there is no attribute");
  must_refuse ("stat", "!EIO it is broken", "it is broken");
  must_refuse ("stat", "1 2 3", "'stat' makes no sense");
  must_refuse ("mm_stat", "1 2 3 4 5 6 x 8", "'mm_stat' makes no sense");
  must_refuse ("disksize", "18446744073709551616", "'disksize' makes");
  must_refuse ("disksize", "", "'disksize' makes no sense");
  must_refuse ("disksize", "-", "'disksize' makes no sense");
  must_refuse ("comp_algorithm", "lz4", "'comp_algorithm' makes no sense");
}

START_TEST (ratios)
{
  struct sample sample = {.when = 0};
  double ratio;

  ck_assert (!sample_ratio (&sample, &ratio));
  sample.columns[SAMPLE_MM_STAT][MM_ORIG_DATA_SIZE] = 10;
  sample.columns[SAMPLE_MM_STAT][MM_MEM_USED_TOTAL] = 4;
  ck_assert (sample_ratio (&sample, &ratio));
  ck_assert_double_eq (ratio, 2.5);
}

int
main (void)
{
  Suite *suite = suite_create ("sample");
  TCase *tc = suite_case (suite, "sample");

  tcase_add_test (tc, columns_are_taken);
  tcase_add_test (tc, a_server_may_lack_some);
  tcase_add_test (tc, what_is_not_wanted_is_not_asked_for);
  tcase_add_test (tc, what_is_wrong_is_told);
  tcase_add_test (tc, ratios);
  return suite_run (suite);
}
