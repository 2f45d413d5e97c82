/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports of any length: what a pipe takes at once is whole, and of more than
 * that whole lines; and the statsfile of a start that has failed.  (What is
 * reported, and when, the server's tests look at.)
 */
#include <config.h>

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "attr.h"
#include "disk.h"
#include "diskset.h"
#include "report.h"
#include "unit.h"

static struct disk disk = {.name = "zram0"};
static size_t value_len; /* of the second attribute */
static char dir[32], path[64], other[64];

/* What a report is of, in place of control's own. */

static void
show_value (const struct disk *shown, FILE *fp)
{
  (void) shown;
  for (size_t i = 0; i < value_len; i++)
    fputc ('x', fp);
  fputc ('\n', fp);
}

static void
show_number (const struct disk *shown, FILE *fp)
{
  (void) shown;
  fputs ("12\n", fp);
}

const struct attr attrs[] = {
    {.name = "first", .columns = "number", .show = show_number},
    {.name = "second", .columns = "value", .show = show_value},
    {.name = "last", .columns = "number", .show = show_number},
};
const size_t attr_count = sizeof attrs / sizeof *attrs;

int
attr_get (struct disk *asked, const char *name, FILE *fp,
          struct attr_error *error)
{
  (void) error;
  for (size_t i = 0; i < attr_count; i++)
    if (strcmp (attrs[i].name, name) == 0)
      attrs[i].show (asked, fp);
  return 0;
}

struct disk *
diskset_next (struct diskset *set, struct disk *before)
{
  (void) set;
  return before ? NULL : &disk;
}

void
diskset_put (struct diskset *set, struct disk *put)
{
  (void) set;
  (void) put;
}

void
nbdkit_error (const char *format, ...)
{
  va_list args;

  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
  fputc ('\n', stderr);
}

/* The lines of which so many bytes there are. */
#define HEAD         "disk: zram0\nfirst: number\nfirst: 12\nsecond: value\n"
#define AROUND_VALUE "second: \n"
#define TAIL         "last: number\nlast: 12\n"
#define LEN(lines)   (sizeof (lines) - 1)

static void
setup (void)
{
  snprintf (dir, sizeof dir, "/tmp/test-report-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (path, sizeof path, "%s/file", dir);
  snprintf (other, sizeof other, "%s/other", dir);
}

static void
teardown (void)
{
  unlink (path);
  unlink (other);
  ck_assert_int_eq (rmdir (dir), 0);
}

/* With a value of LEN bytes there are LINES, and no others, in each of two
 * reports. */
static void
must_report (size_t len, const char *lines)
{
  static char text[4 * PIPE_BUF];
  const size_t expected = strlen (lines);
  FILE *fp;

  value_len = len;
  ck_assert_int_eq (report_prepare (path), 0);
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq (report_start (NULL), 0);
    report_stop ();
  }
  report_unload ();
  fp = fopen (path, "r");
  ck_assert_ptr_nonnull (fp);
  ck_assert_uint_eq (fread (text, 1, sizeof text, fp), 2 * expected);
  fclose (fp);
  unlink (path);
  ck_assert (memcmp (text, lines, expected) == 0);
  ck_assert (memcmp (text + expected, lines, expected) == 0);
}

/* Those lines, with a value of LEN bytes between them. */
static const char *
with_value (size_t len, const char *tail)
{
  static char lines[2 * PIPE_BUF];
  char value[PIPE_BUF + 1];

  memset (value, 'x', len);
  value[len] = '\0';
  snprintf (lines, sizeof lines, HEAD "second: %s\n%s", value, tail);
  return lines;
}

START_TEST (what_has_room_is_whole)
{
  const size_t most = PIPE_BUF - LEN (HEAD AROUND_VALUE TAIL);

  must_report (10, with_value (10, TAIL));
  must_report (most - 1, with_value (most - 1, TAIL));
  must_report (most, with_value (most, TAIL));
}

START_TEST (of_more_than_that_lines_are_left_out)
{
  const size_t most = PIPE_BUF - LEN (HEAD AROUND_VALUE);

  must_report (most - LEN (TAIL) + 1,
               with_value (most - LEN (TAIL) + 1, "last: number\n"));
  must_report (most - 1, with_value (most - 1, ""));
  must_report (most, with_value (most, ""));
  must_report (most + 1, HEAD);
  must_report (10000, HEAD);
}

/* A start that fails when the statsfile has been opened. */
static void
fail_to_start (void (*meanwhile) (void))
{
  ck_assert_int_eq (report_prepare (path), 0);
  meanwhile ();
  report_undo ();
  report_unload ();
}

static void
do_nothing (void)
{
}

static void
make_other (void)
{
  FILE *const fp = fopen (other, "wxe");

  ck_assert_ptr_nonnull (fp);
  ck_assert_int_eq (fclose (fp), 0);
}

static void
put_other_in_its_place (void)
{
  make_other ();
  ck_assert_int_eq (rename (other, path), 0);
}

/* That leads to it, but is not it. */
static void
put_link_in_its_place (void)
{
  ck_assert_int_eq (rename (path, other), 0);
  ck_assert_int_eq (symlink (other, path), 0);
}

static void
move_away (void)
{
  ck_assert_int_eq (rename (path, other), 0);
}

/* Is there something of that name? */
static bool
is_there (const char *name)
{
  struct stat statbuf;

  return lstat (name, &statbuf) == 0;
}

static const struct {
  void (*before) (void);
  void (*meanwhile) (void);
  bool stays, other_stays;
} undone[] = {
    {do_nothing, do_nothing, false, false},
    {put_other_in_its_place, do_nothing, true, false},
    {do_nothing, put_other_in_its_place, true, false},
    {do_nothing, put_link_in_its_place, true, true},
    {do_nothing, move_away, false, true},
    {do_nothing, make_other, false, true},
};

#define NR_UNDONE ((int) (sizeof undone / sizeof undone[0]))

START_TEST (only_the_file_that_was_made_goes)
{
  undone[_i].before ();
  fail_to_start (undone[_i].meanwhile);
  ck_assert_int_eq (is_there (path), undone[_i].stays);
  ck_assert_int_eq (is_there (other), undone[_i].other_stays);
}

int
main (void)
{
  Suite *const suite = suite_create ("report");
  TCase *const tc = suite_case (suite, "report");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, what_has_room_is_whole);
  tcase_add_test (tc, of_more_than_that_lines_are_left_out);
  tcase_add_loop_test (tc, only_the_file_that_was_made_goes, 0, NR_UNDONE);
  return suite_run (suite);
}
