/* SPDX-License-Identifier: BSD-3-Clause */
/* The lock of those who make servers of swap and end them: who has it keeps it,
 * and who does not get it is left with nothing.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/time.h>

#include "servers.h"
#include "swapdisk.h"
#include "unit.h"

static char dir[40], file[60];

static void
setup (void)
{
  snprintf (dir, sizeof dir, "/tmp/test-swapdisk-XXXXXX");
  must (mkdtemp (dir));
  snprintf (file, sizeof file, "%s/.swap.lock", dir);
  must (setenv (SERVERS_RUNDIR_VARIABLE, dir, 1) == 0);
}

static void
teardown (void)
{
  unlink (file);
  rmdir (dir);
}

/* Another's, of the file of the lock. */
static int
open_file (void)
{
  const int fd = open (file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  must (fd >= 0);
  return fd;
}

START_TEST (who_has_it_keeps_it)
{
  const unsigned before = open_descriptors ();

  int other;

  ck_assert_int_eq (swap_disk_lock (), 0);
  ck_assert_uint_eq (open_descriptors (), before + 1);
  other = open_file ();
  ck_assert_int_eq (flock (other, LOCK_EX | LOCK_NB), -1);
  ck_assert_int_eq (errno, EWOULDBLOCK);
  close (other);
}

START_TEST (without_a_directory_there_is_none)
{
  const unsigned before = open_descriptors ();

  rmdir (dir);
  ck_assert_int_eq (swap_disk_lock (), -1);
  ck_assert_uint_eq (open_descriptors (), before);
}

static void
interrupt (int signal)
{
  (void) signal;
}

/* As somebody does who no longer wants to wait. */
START_TEST (who_is_interrupted_leaves_no_descriptor)
{
  const struct sigaction action = {.sa_handler = interrupt};
  const struct itimerval often = {{.tv_usec = 10000}, {.tv_usec = 10000}};
  const int other = open_file ();
  const unsigned before = open_descriptors ();

  ck_assert_int_eq (flock (other, LOCK_EX), 0);
  sigaction (SIGALRM, &action, NULL);
  setitimer (ITIMER_REAL, &often, NULL);
  ck_assert_int_eq (swap_disk_lock (), -1);
  setitimer (ITIMER_REAL, &(struct itimerval){.it_value = {0}}, NULL);
  ck_assert_uint_eq (open_descriptors (), before);
  close (other);
  ck_assert_int_eq (swap_disk_lock (), 0);
}

int
main (void)
{
  Suite *const suite = suite_create ("swapdisk");
  TCase *const tcase = suite_case (suite, "the lock");

  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, who_has_it_keeps_it);
  tcase_add_test (tcase, without_a_directory_there_is_none);
  tcase_add_test (tcase, who_is_interrupted_leaves_no_descriptor);
  return suite_run (suite);
}
