/* SPDX-License-Identifier: BSD-3-Clause */
/* A file that is replaced is the old one until it is the new one. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "replacefile.h"
#include "unit.h"

static char dir[32], path[64], temporary[72];

static void
setup (void)
{
  snprintf (dir, sizeof dir, "/tmp/test-replacefile-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (path, sizeof path, "%s/file", dir);
  snprintf (temporary, sizeof temporary, "%s.tmp", path);
}

static void
teardown (void)
{
  unlink (path);
  unlink (temporary);
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
  ck_assert_int_ne (access (temporary, F_OK), 0);
}

START_TEST (what_is_in_the_way_goes)
{
  char other[64];

  snprintf (other, sizeof other, "%s/other", dir);
  ck_assert_int_eq (symlink (other, temporary), 0);
  replace ("text");
  must_hold (path, "text");
  ck_assert_int_ne (access (other, F_OK), 0);
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
  ck_assert_int_ne (access (temporary, F_OK), 0);
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
  ck_assert_int_ne (access (temporary, F_OK), 0);
}

int
main (void)
{
  Suite *suite = suite_create ("replacefile");
  TCase *tc = suite_case (suite, "replacefile");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, it_is_replaced);
  tcase_add_test (tc, what_is_in_the_way_goes);
  tcase_add_test (tc, without_a_directory_there_is_none);
  tcase_add_test (tc, what_cannot_be_replaced_stays);
  tcase_add_test (tc, what_gets_lost_replaces_nothing);
  return suite_run (suite);
}
