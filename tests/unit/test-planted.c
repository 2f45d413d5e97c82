/* SPDX-License-Identifier: BSD-3-Clause */
/* What somebody else has put into a directory like /tmp is not opened: not his
 * file, nor ours by a link of his; elsewhere all is.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>

#include "planted.h"
#include "unit.h"

/* Who is neither root nor runs this. */
#define SOMEBODY 65534

static char dir[64];
static char path[80], target[80];

/* How often what is there goes once it is known to be. */
static unsigned goings;

extern int __real_open (const char *name, int flags, ...);
extern int __wrap_open (const char *name, int flags, mode_t mode);

int
__wrap_open (const char *name, int flags, mode_t mode)
{
  const int fd = __real_open (name, flags, mode);

  if (fd < 0 && errno == EEXIST && goings > 0) {
    goings--;
    ck_assert_int_eq (unlink (name), 0);
    errno = EEXIST;
  }
  return fd;
}

static void
make_file (const char *name)
{
  const int fd = open (name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

  ck_assert_int_ge (fd, 0);
  close (fd);
}

static void
setup (void)
{
  goings = 0;
  snprintf (dir, sizeof dir, "/tmp/test-planted-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (path, sizeof path, "%s/file", dir);
  snprintf (target, sizeof target, "%s/target", dir);
  make_file (target);
}

static void
teardown (void)
{
  unlink (path);
  unlink (target);
  rmdir (dir);
}

static void
make_it_everybodys (void)
{
  ck_assert_int_eq (chmod (dir, 01777), 0);
}

static bool
is_root (void)
{
  if (geteuid () == 0)
    return true;
  printf ("SKIP: only root can have files of others\n");
  fprintf (stderr, "SKIPPED: only root can have files of others\n");
  return false;
}

static void
must_open (const char *name)
{
  bool planted = true;
  const int fd = planted_open (name, O_RDWR | O_CLOEXEC, &planted);

  ck_assert_int_ge (fd, 0);
  ck_assert (!planted);
  close (fd);
}

static void
must_be_planted (const char *name)
{
  bool planted = false;

  ck_assert_int_eq (planted_open (name, O_RDWR | O_CLOEXEC, &planted), -1);
  ck_assert_int_eq (errno, EPERM);
  ck_assert (planted);
}

START_TEST (ones_own_file_is_opened)
{
  must_open (target);
  make_it_everybodys ();
  must_open (target);
}

START_TEST (what_is_not_there_is_not_planted)
{
  bool planted = true;

  make_it_everybodys ();
  ck_assert_int_eq (planted_open (path, O_RDWR | O_CLOEXEC, &planted), -1);
  ck_assert_int_eq (errno, ENOENT);
  ck_assert (!planted);
  ck_assert_int_eq (
      planted_open ("/nowhere/file", O_RDWR | O_CLOEXEC, &planted), -1);
  ck_assert_int_eq (errno, ENOENT);
}

START_TEST (a_link_is_followed_only_elsewhere)
{
  ck_assert_int_eq (symlink (target, path), 0);
  must_open (path);
  make_it_everybodys ();
  must_be_planted (path);
  unlink (target);
  must_be_planted (path);
}

START_TEST (so_is_a_second_name)
{
  ck_assert_int_eq (link (target, path), 0);
  must_open (path);
  make_it_everybodys ();
  must_be_planted (path);
  unlink (target);
  must_open (path);
}

START_TEST (somebody_elses_is_opened_only_elsewhere)
{
  if (!is_root ())
    return;
  ck_assert_int_eq (chown (target, SOMEBODY, SOMEBODY), 0);
  must_open (target);
  make_it_everybodys ();
  must_be_planted (target);
}

START_TEST (the_directorys_owner_is_trusted)
{
  if (!is_root ())
    return;
  ck_assert_int_eq (chown (dir, SOMEBODY, SOMEBODY), 0);
  ck_assert_int_eq (chown (target, SOMEBODY, SOMEBODY), 0);
  make_it_everybodys ();
  must_open (target);
}

static void
must_make_or_open (const char *name, bool make)
{
  struct stat statbuf;
  bool planted = true, made = !make;
  const int fd = planted_make_or_open (name, O_RDWR | O_APPEND | O_CLOEXEC,
                                       &made, &planted);

  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (made, make);
  ck_assert (!planted);
  ck_assert_int_eq (fstat (fd, &statbuf), 0);
  ck_assert_int_eq (statbuf.st_nlink, 1);
  close (fd);
}

START_TEST (what_is_not_there_is_made)
{
  struct stat statbuf;

  umask (0);
  must_make_or_open (path, true);
  ck_assert_int_eq (stat (path, &statbuf), 0);
  ck_assert_uint_eq (statbuf.st_mode & 07777, 0600);
  must_make_or_open (path, false);
}

START_TEST (what_goes_meanwhile_is_made_again)
{
  make_file (path);
  goings = 1;
  must_make_or_open (path, true);
  ck_assert_uint_eq (goings, 0);
}

START_TEST (nothing_is_made_where_a_link_leads)
{
  bool planted = true, made = true;

  unlink (target);
  ck_assert_int_eq (symlink (target, path), 0);
  ck_assert_int_eq (
      planted_make_or_open (path, O_RDWR | O_CLOEXEC, &made, &planted), -1);
  ck_assert_int_eq (errno, ENOENT);
  ck_assert (!made);
  ck_assert (!planted);
  ck_assert_int_eq (access (target, F_OK), -1);
}

int
main (void)
{
  Suite *suite = suite_create ("planted");
  TCase *tc = suite_case (suite, "planted");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, ones_own_file_is_opened);
  tcase_add_test (tc, what_is_not_there_is_not_planted);
  tcase_add_test (tc, a_link_is_followed_only_elsewhere);
  tcase_add_test (tc, so_is_a_second_name);
  tcase_add_test (tc, somebody_elses_is_opened_only_elsewhere);
  tcase_add_test (tc, the_directorys_owner_is_trusted);
  tcase_add_test (tc, what_is_not_there_is_made);
  tcase_add_test (tc, what_goes_meanwhile_is_made_again);
  tcase_add_test (tc, nothing_is_made_where_a_link_leads);
  return suite_run (suite);
}
