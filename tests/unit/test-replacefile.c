/* SPDX-License-Identifier: BSD-3-Clause */
/* A file that is replaced is the old one until it is the new one, and no other
 * file is touched: the directory is empty in the end. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "replacefile.h"
#include "unit.h"

static char dir[32], path[64];

static void
setup (void)
{
  snprintf (dir, sizeof dir, "/tmp/test-replacefile-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (path, sizeof path, "%s/file", dir);
}

static void
teardown (void)
{
  unlink (path);
  ck_assert_int_eq (rmdir (dir), 0);
}

static void
must_hold (const char *name, const char *want)
{
  char text[32] = "";
  FILE *const fp = fopen (name, "r");

  ck_assert_ptr_nonnull (fp);
  text[fread (text, 1, sizeof text - 1, fp)] = '\0';
  fclose (fp);
  ck_assert_str_eq (text, want);
}

static void
replace (const char *text)
{
  struct replacefile file;

  ck_assert_int_eq (replacefile_begin (&file, path), 0);
  fputs (text, file.fp);
  ck_assert_int_eq (replacefile_end (&file), 0);
}

START_TEST (it_is_replaced)
{
  struct replacefile file;
  struct stat statbuf;

  umask (022);
  replace ("old");
  must_hold (path, "old");
  ck_assert_int_eq (stat (path, &statbuf), 0);
  ck_assert_int_eq (statbuf.st_mode & 0777, 0644);

  ck_assert_int_eq (replacefile_begin (&file, path), 0);
  fputs ("new", file.fp);
  fflush (file.fp);
  must_hold (path, "old");
  ck_assert_int_eq (replacefile_end (&file), 0);
  must_hold (path, "new");
}

/* Whatever has a name like that of the temporary file. */
START_TEST (what_stands_beside_it_stays)
{
  static const char *const suffixes[] = {".tmp", ".XXXXXX", "~"};

  for (unsigned i = 0; i < 3; i++) {
    struct stat statbuf;
    char other[72];

    snprintf (other, sizeof other, "%s%s", path, suffixes[i]);
    ck_assert_int_eq (mkfifo (other, 0600), 0);
    replace ("text");
    must_hold (path, "text");
    ck_assert_int_eq (lstat (other, &statbuf), 0);
    ck_assert (S_ISFIFO (statbuf.st_mode));
    unlink (other);
  }
}

/* Two at once do not write to one file. */
START_TEST (two_have_files_of_their_own)
{
  struct replacefile one, two;

  ck_assert_int_eq (replacefile_begin (&one, path), 0);
  ck_assert_int_eq (replacefile_begin (&two, path), 0);
  fputs ("one", one.fp);
  fputs ("two", two.fp);
  ck_assert_int_eq (replacefile_end (&one), 0);
  must_hold (path, "one");
  ck_assert_int_eq (replacefile_end (&two), 0);
  must_hold (path, "two");
}

START_TEST (without_a_directory_there_is_none)
{
  struct replacefile file;

  ck_assert_int_eq (replacefile_begin (&file, "/nowhere/file"), -1);
  ck_assert_int_eq (errno, ENOENT);
}

START_TEST (what_cannot_be_replaced_stays)
{
  struct replacefile file;

  ck_assert_int_eq (mkdir (path, 0700), 0);
  ck_assert_int_eq (replacefile_begin (&file, path), 0);
  ck_assert_int_eq (replacefile_end (&file), -1);
  ck_assert_int_eq (errno, EISDIR);
  ck_assert_int_eq (rmdir (path), 0);
}

/* As when the disk is full: the old one stays. */
START_TEST (what_gets_lost_replaces_nothing)
{
  struct replacefile file;

  replace ("old");
  ck_assert_int_eq (replacefile_begin (&file, path), 0);
  file.fp = freopen ("/dev/full", "w", file.fp);
  ck_assert_ptr_nonnull (file.fp);
  fputs ("new", file.fp);
  ck_assert_int_eq (replacefile_end (&file), -1);
  ck_assert_int_eq (errno, ENOSPC);
  must_hold (path, "old");
}

int
main (void)
{
  Suite *suite = suite_create ("replacefile");
  TCase *tc = suite_case (suite, "replacefile");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, it_is_replaced);
  tcase_add_test (tc, what_stands_beside_it_stays);
  tcase_add_test (tc, two_have_files_of_their_own);
  tcase_add_test (tc, without_a_directory_there_is_none);
  tcase_add_test (tc, what_cannot_be_replaced_stays);
  tcase_add_test (tc, what_gets_lost_replaces_nothing);
  return suite_run (suite);
}
