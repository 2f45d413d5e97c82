/* SPDX-License-Identifier: BSD-3-Clause */
/* Every request has one answer: lines behind a blank, and then "ok", or "error"
 * with an errno's name; whatever is asked.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctlrequest.h"
#include "diskset.h"
#include "run.h"
#include "unit.h"

static struct diskset set;

/* A server with a disk that is not initialised. */
static void
setup (void)
{
  const struct attr_config config = {.zram = DISK_CONFIG_DEFAULT,
                                     .server = {.max_devices = 4}};
  struct attr_error error;
  struct disk *disk;

  diskset_init (&set, &config);
  ck_assert_int_eq (diskset_add (&set, NULL, &disk, &error), 0);
  ck_assert_str_eq (disk->name, "zram0");
  diskset_put (&set, disk);
}

static void
teardown (void)
{
  diskset_destroy (&set);
}

/* How often, and what last, a run has been told. */
static struct {
  unsigned times;
  uint64_t done, total;
} told;

static void
listen (void *arg, uint64_t done, uint64_t total)
{
  (void) arg;
  told.times++;
  told.done = done;
  told.total = total;
}

static const struct run run = {.progress = listen};

/* The answer to the LEN bytes at TEXT; to be freed. */
static char *
ask_bytes (const char *text, size_t len)
{
  char *const line = malloc (len + 1);
  char *answer = NULL;
  size_t size;
  FILE *const reply = open_memstream (&answer, &size);

  ck_assert_ptr_nonnull (line);
  ck_assert_ptr_nonnull (reply);
  memcpy (line, text, len);
  line[len] = '\0';
  ctlrequest_answer (&set, line, len, &run, reply);
  fclose (reply);
  free (line);
  return answer;
}

static void
must_answer (const char *request, const char *want)
{
  char *const answer = ask_bytes (request, strlen (request));

  ck_assert_str_eq (answer, want);
  free (answer);
}

/* One line: "error", CODE, and some words. */
static void
must_be_error (const char *answer, const char *code)
{
  const size_t len = strlen (code);

  ck_assert_msg (strncmp (answer, "error ", 6) == 0 &&
                     strncmp (answer + 6, code, len) == 0 &&
                     answer[6 + len] == ' ' && strlen (answer) > len + 10 &&
                     strchr (answer, '\n') == answer + strlen (answer) - 1,
                 "'%s' is not one line of %s", answer, code);
}

START_TEST (the_disks_are_listed)
{
  must_answer ("list", " zram0 zram0\nok\n");
}

START_TEST (what_is_set_can_be_got)
{
  must_answer ("get zram0 disksize", " 0\nok\n");
  must_answer ("set zram0 disksize 1M", "ok\n");
  must_answer ("get zram0 disksize", " 1048576\nok\n");
  must_answer ("get zram0 size", " 1048576\nok\n");
  must_answer ("set zram0 reset 1", "ok\n");
  must_answer ("get zram0 initstate", " 0\nok\n");
}

START_TEST (to_run_is_to_set)
{
  must_answer ("run zram0 disksize 1M", "ok\n");
  must_answer ("get zram0 disksize", " 1048576\nok\n");
  must_answer ("run zram0 compact 1", "ok\n");
  ck_assert_uint_eq (told.times, 0);
}

/* Every second page of a MiB that does not compress: eight zspages are to be
 * gained, and too little for the device to gain them by itself. */
static void
make_holes (void)
{
  static char page[ZRAM_PAGE_SIZE];

  for (uint64_t i = 0; i < 256; i++) {
    content_fill (page, sizeof page, CONTENT_NOISE, i);
    must_equal (
        zram_write (set.disks->zram, page, sizeof page, i * sizeof page), 0);
  }
  for (uint64_t i = 0; i < 256; i += 2)
    must_equal (zram_zero (set.disks->zram, sizeof page, i * sizeof page), 0);
}

/* Only who asks for it is told. */
START_TEST (a_run_says_how_far_it_is)
{
  must_answer ("set zram0 disksize 1M", "ok\n");
  make_holes ();
  must_answer (_i ? "run zram0 compact 1" : "set zram0 compact 1", "ok\n");
  ck_assert_int_eq (told.times > 0, _i);
  ck_assert_uint_eq (told.done, _i ? 8 : 0);
  ck_assert_uint_eq (told.total, _i ? 8 : 0);
}

START_TEST (disks_are_added_and_removed)
{
  must_answer ("hot_add", " zram1\nok\n");
  must_answer ("hot_add name=bob disksize=1M", " bob\nok\n");
  must_answer ("get zram1 disksize", " 0\nok\n");
  must_answer ("get bob disksize", " 1048576\nok\n");
  must_answer ("list", " zram0 zram0\n zram1 zram1\n bob bob\nok\n");
  must_answer ("hot_remove zram0", "ok\n");
  must_answer ("hot_remove zram1", "ok\n");
  must_answer ("hot_add", " zram0\nok\n");
  must_answer ("hot_add  name=both disksize=1M "
               "recomp_algorithm=\"algo=zstd priority=2\" ",
               " both\nok\n");
  must_answer ("set both recompress priority=2",
               " tried 0 gained 0 saved 0\nok\n");
  must_answer ("hot_remove both", "ok\n");
  must_answer ("list", " bob bob\n zram0 zram0\nok\n");
}

/* The rows that can be read or told, and what for. */
START_TEST (the_attributes_are_those_of_the_table)
{
  char *const answer = ask_bytes ("attributes", strlen ("attributes"));
  char *rest = answer, *line;
  char want[256];

  for (size_t i = 0; i < attr_count; i++) {
    if (!attr_is_readable (&attrs[i]) && !attr_can_be_told (&attrs[i]))
      continue;
    snprintf (want, sizeof want, " %s %s%s %s", attrs[i].name,
              attr_is_readable (&attrs[i]) ? "r" : "",
              attr_can_be_told (&attrs[i]) ? "w" : "", attrs[i].help);
    line = strsep (&rest, "\n");
    ck_assert_str_eq (line, want);
  }
  ck_assert_str_eq (rest, "ok\n");
  free (answer);
}

static const struct {
  const char *request;
  const char *code;
} bad[] = {
    {"", "EINVAL"},
    {"get zram0 disksize now", "EINVAL"},
    {"get zram0 disksize ", "EINVAL"},
    {" ", "EINVAL"},
    {" list", "EINVAL"},
    {"list ", "EINVAL"},
    {"list zram0", "EINVAL"},
    {"attributes x", "EINVAL"},
    {"lists", "EINVAL"},
    {"LIST", "EINVAL"},
    {"get", "EINVAL"},
    {"get ", "EINVAL"},
    {"get zram0", "EINVAL"},
    {"get zram0 ", "ENOENT"},
    {"get zram1 disksize", "ENODEV"},
    {"get  zram0 disksize", "ENODEV"},
    {"get zram0  disksize", "ENOENT"},
    {"get zram0 nothing", "ENOENT"},
    {"get zram0 mem_limit", "EACCES"},
    {"get zram0 block_state", "EINVAL"},
    {"set", "EINVAL"},
    {"set zram0", "EINVAL"},
    {"set zram0 disksize", "EINVAL"},
    {"set zram0 disksize ", "EINVAL"},
    {"set zram0 disksize  1M", "EINVAL"},
    {"set zram0 disksize 1M ", "EINVAL"},
    {"set zram0 disksize 1M 2", "EINVAL"},
    {"set zram0 mm_stat 0", "EACCES"},
    {"set zram0 nothing 1", "ENOENT"},
    {"set zram0 compact 1", "EINVAL"},
    {"run", "EINVAL"},
    {"run zram0 disksize", "EINVAL"},
    {"run zram0 mm_stat 0", "EACCES"},
    {"run zram0 nothing 1", "ENOENT"},
    {"run zram1 compact 1", "ENODEV"},
    {"run zram0 compact 1", "EINVAL"},
    {"hot_add ", "EINVAL"},
    {"hot_add disksize", "EINVAL"},
    {"hot_add disksize=0", "EINVAL"},
    {"hot_add disksize=1M  mem_limit=", "EINVAL"},
    {"hot_add disksize=1M recomp_algorithm=algo=zstd priority=1", "EINVAL"},
    {"hot_add recomp_algorithm=\"algo=zstd priority=4\"", "EINVAL"},
    {"hot_add disksize=1M disksize=2M", "EINVAL"},
    {"hot_add swap=on", "EINVAL"},
    {"hot_add num_devices=2", "EINVAL"},
    {"hot_add reset=1", "EINVAL"},
    {"hot_add mem_min=1M", "EINVAL"},
    {"hot_add name=", "EINVAL"},
    {"hot_add name=a/b", "EINVAL"},
    {"hot_add name=zram0", "EEXIST"},
    {"hot_add name=a name=b", "EINVAL"},
    {"hot_remove", "EINVAL"},
    {"hot_remove ", "ENODEV"},
    {"hot_remove zram1", "ENODEV"},
    {"hot_remove zram0 now", "EINVAL"},
    {"get zram0 disksize\t", "EINVAL"},
    {"get zram0 disksize\r", "EINVAL"},
    {"\033[2J", "EINVAL"},
    {"\xff\xfe", "EINVAL"},
};

#define NR_BAD ((int) (sizeof bad / sizeof bad[0]))

START_TEST (what_is_wrong_gets_one_line)
{
  char *const answer = ask_bytes (bad[_i].request, strlen (bad[_i].request));

  must_be_error (answer, bad[_i].code);
  free (answer);
  must_answer ("get zram0 initstate", " 0\nok\n");
}

START_TEST (bytes_of_zero_are_no_text)
{
  char *const answer = ask_bytes ("list\0x", 6);

  must_be_error (answer, "EINVAL");
  free (answer);
}

/* However long: the answer stays a line. */
START_TEST (long_words_are_answered_in_short)
{
  static const char *const starts[] = {"",
                                       "get ",
                                       "get zram0 ",
                                       "set zram0 disksize ",
                                       "hot_add name=",
                                       "hot_add disksize=",
                                       "hot_remove "};
  char request[4096];

  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
    memset (request, 'x', sizeof request - 1);
    memcpy (request, starts[i], strlen (starts[i]));
    char *const answer = ask_bytes (request, sizeof request - 1);

    ck_assert_str_eq (strchr (answer, '\n'), "\n");
    ck_assert_uint_lt (strlen (answer), 400);
    free (answer);
  }
}

START_TEST (a_refusal_is_such_an_answer)
{
  char *answer = NULL;
  size_t size;
  FILE *const reply = open_memstream (&answer, &size);

  ctlrequest_refuse (E2BIG, "it is too long", reply);
  fclose (reply);
  ck_assert_str_eq (answer, "error E2BIG it is too long\n");
  free (answer);
}

int
main (void)
{
  Suite *suite = suite_create ("ctlrequest");
  TCase *tc = suite_case (suite, "requests");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, the_disks_are_listed);
  tcase_add_test (tc, what_is_set_can_be_got);
  tcase_add_test (tc, disks_are_added_and_removed);
  tcase_add_test (tc, to_run_is_to_set);
  tcase_add_loop_test (tc, a_run_says_how_far_it_is, 0, 2);
  tcase_add_test (tc, the_attributes_are_those_of_the_table);
  tcase_add_loop_test (tc, what_is_wrong_gets_one_line, 0, NR_BAD);
  tcase_add_test (tc, bytes_of_zero_are_no_text);
  tcase_add_test (tc, long_words_are_answered_in_short);
  tcase_add_test (tc, a_refusal_is_such_an_answer);
  return suite_run (suite);
}
