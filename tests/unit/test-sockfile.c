/* SPDX-License-Identifier: BSD-3-Clause */
/* A socket's file: who may open it, what stands in its way, and that two
 * servers never have one name.
 */
#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sockfile.h"
#include "unit.h"

static char dir[64];
static char path[80];
static struct sockfile file;
static char message[256];
static unsigned descriptors; /* that were open before */

static void
setup (void)
{
  snprintf (dir, sizeof dir, "/tmp/test-sockfile-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (path, sizeof path, "%s/socket", dir);
  descriptors = open_descriptors ();
}

/* Whether a socket was made or not, none is left open. */
static void
teardown (void)
{
  ck_assert_uint_eq (open_descriptors (), descriptors);
  unlink (path);
  rmdir (dir);
}

static void
make (void)
{
  ck_assert_msg (sockfile_make (&file, path, 5, message, sizeof message) == 0,
                 "%s", message);
}

/* A socket of somebody else's, with that name. */
static int
bind_another (void)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  ck_assert_int_ge (fd, 0);
  memcpy (address.sun_path, path, sizeof path);
  ck_assert_int_eq (
      bind (fd, (const struct sockaddr *) &address, sizeof address), 0);
  return fd;
}

static void
must_refuse (const char *name, const char *why)
{
  ck_assert_int_eq (sockfile_make (&file, name, 5, message, sizeof message),
                    -1);
  ck_assert_msg (strstr (message, why) != NULL, "%s", message);
  ck_assert_int_eq (strncmp (message, name, strnlen (name, 40)), 0);
  ck_assert_int_eq (file.fd, -1);
}

START_TEST (it_is_its_owners_only)
{
  struct stat statbuf;

  umask (0);
  make ();
  ck_assert_int_eq (lstat (path, &statbuf), 0);
  ck_assert (S_ISSOCK (statbuf.st_mode));
  ck_assert_int_eq (statbuf.st_mode & 07777, 0600);
  sockfile_remove (&file);
  ck_assert_int_eq (lstat (path, &statbuf), -1);
  sockfile_remove (&file);
}

/* Bound by a process that has died. */
START_TEST (what_a_dead_server_left_is_replaced)
{
  struct sockfile other;

  close (bind_another ());
  make ();
  ck_assert_int_eq (sockfile_make (&other, path, 5, message, sizeof message),
                    -1);
  ck_assert_ptr_nonnull (strstr (message, "a server answers there"));
  sockfile_remove (&file);
}

START_TEST (a_living_server_keeps_its_socket)
{
  const int fd = bind_another ();

  ck_assert_int_eq (listen (fd, 1), 0);
  for (int i = 0; i < 3; i++) /* a full queue of newcomers, too */
    must_refuse (path, "a server answers there");
  sockfile_remove (&file);
  ck_assert_int_eq (access (path, F_OK), 0);
  close (fd);
}

START_TEST (what_is_no_socket_is_left_alone)
{
  struct stat statbuf;

  close (open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  must_refuse (path, "no socket");
  ck_assert_int_eq (lstat (path, &statbuf), 0);
  ck_assert (S_ISREG (statbuf.st_mode));
}

START_TEST (a_name_may_be_impossible)
{
  char name[200];

  memset (name, 'x', sizeof name - 1);
  name[0] = '/';
  name[sizeof name - 1] = '\0';
  must_refuse (name, "too long");
  must_refuse ("/nowhere/socket", "No such file");
  must_refuse (dir, "no socket");
}

/* Somebody else's by now. */
START_TEST (a_name_that_was_taken_is_left_alone)
{
  make ();
  unlink (path);
  close (open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  sockfile_remove (&file);
  ck_assert_int_eq (access (path, F_OK), 0);
}

/* Eight processes want one name, of which there is none or a stale one: only
 * one gets it, and keeps it until all have tried. */
#define SERVERS 8

static void
take_name (int go, int tried)
{
  char byte;
  const bool taken =
      read (go, &byte, 1) == 0 &&
      sockfile_make (&file, path, 5, message, sizeof message) == 0;

  if (write (tried, taken ? "y" : "n", 1) != 1)
    _exit (1);
  pause ();
}

/* How many of them say that they have it. */
static unsigned
count_takers (int tried)
{
  char answers[SERVERS];
  unsigned n = 0;

  for (unsigned i = 0; i < SERVERS; i++) {
    must (read (tried, &answers[i], 1) == 1);
    n += answers[i] == 'y';
  }
  return n;
}

static void
compete (void)
{
  pid_t pids[SERVERS];
  int go[2], tried[2];

  ck_assert_int_eq (pipe (go), 0);
  ck_assert_int_eq (pipe (tried), 0);
  for (int i = 0; i < SERVERS; i++) {
    pids[i] = fork ();
    if (pids[i] == 0) {
      close (go[1]);
      take_name (go[0], tried[1]);
    }
  }
  close (go[1]);
  ck_assert_uint_eq (count_takers (tried[0]), 1);
  for (int i = 0; i < SERVERS; i++) {
    kill (pids[i], SIGKILL);
    waitpid (pids[i], NULL, 0);
  }
  close (go[0]);
  close (tried[0]);
  close (tried[1]);
}

/* What the last winner leaves, the next ones find. */
START_TEST (of_many_only_one_gets_a_name)
{
  for (uint64_t i = 0; i < scaled (50); i++)
    compete ();
}

/* By somebody who keeps it. */
START_TEST (a_locked_directory_is_refused_in_the_end)
{
  const int lock = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  ck_assert_int_eq (flock (lock, LOCK_EX), 0);
  must_refuse (path, "locked its directory");
  ck_assert_int_eq (access (path, F_OK), -1);
  close (lock);
  make ();
  sockfile_remove (&file);
}

int
main (void)
{
  Suite *suite = suite_create ("sockfile");
  TCase *tc = suite_case (suite, "sockfile");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, it_is_its_owners_only);
  tcase_add_test (tc, what_a_dead_server_left_is_replaced);
  tcase_add_test (tc, a_living_server_keeps_its_socket);
  tcase_add_test (tc, what_is_no_socket_is_left_alone);
  tcase_add_test (tc, a_name_may_be_impossible);
  tcase_add_test (tc, a_name_that_was_taken_is_left_alone);
  tcase_add_test (tc, of_many_only_one_gets_a_name);
  tcase_add_test (tc, a_locked_directory_is_refused_in_the_end);
  return suite_run (suite);
}
