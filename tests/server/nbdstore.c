/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "nbdstore.h"
#include "server.h"

#define MAX_NAMES 8 /* three of them are ours */

static char dir[] = "/tmp/test-store-XXXXXX";
static char names[MAX_NAMES][64];
static unsigned nr_names;
static const char *file, *pidfile, *sock;
static pid_t store;

/* Whoever starts or kills it may be another thread than the one that ends the
 * program; never released then. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
remove_all (void)
{
  pthread_mutex_lock (&lock);
  if (store > 0) {
    kill (store, SIGKILL);
    waitpid (store, NULL, 0);
  }
  for (unsigned i = 0; i < nr_names; i++)
    unlink (names[i]);
  rmdir (dir);
}

const char *
nbdstore_path (const char *name)
{
  char *const path = names[nr_names++];

  CHECK (nr_names <= MAX_NAMES);
  CHECK (snprintf (path, sizeof names[0], "%s/%s", dir, name) <
         (int) sizeof names[0]);
  return path;
}

void
nbdstore_make (size_t size)
{
  int fd;

  CHECK (mkdtemp (dir) != NULL);
  file = nbdstore_path ("file");
  pidfile = nbdstore_path ("pid");
  sock = nbdstore_path ("store");
  CHECK (atexit (remove_all) == 0);
  fd = open (file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK (fd >= 0 && ftruncate (fd, (off_t) size) == 0);
  close (fd);
}

static int
store_serves (void *unused)
{
  (void) unused;
  return access (pidfile, F_OK) == 0;
}

void
nbdstore_start (void)
{
  pthread_mutex_lock (&lock);
  unlink (pidfile);
  unlink (sock);
  store = fork ();
  if (store == 0) {
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    execl (NBDKIT_PROG, NBDKIT_PROG, "-f", "-U", sock, "-P", pidfile, "file",
           file, (char *) NULL);
    _exit (127);
  }
  pthread_mutex_unlock (&lock);
  CHECK (store > 0);
  wait_until (store_serves, NULL, "the store serves");
}

void
nbdstore_kill (void)
{
  pthread_mutex_lock (&lock);
  if (store > 0) {
    kill (store, SIGKILL);
    waitpid (store, NULL, 0);
  }
  store = 0;
  pthread_mutex_unlock (&lock);
}

const char *
nbdstore_parameter (void)
{
  static char parameter[128];

  snprintf (parameter, sizeof parameter, "backing_dev=nbd+unix:///?socket=%s",
            sock);
  return parameter;
}
