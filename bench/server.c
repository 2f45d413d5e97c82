/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/wait.h>

#include "server.h"
#include "util.h"

#define MAX_ARGS 64

static char dir[256], sock[sizeof dir + 8], pid_file[sizeof dir + 8];
static pid_t server;

const char *
server_socket (void)
{
  return sock;
}

void
server_stop (void)
{
  if (server > 0) {
    kill (server, SIGKILL);
    waitpid (server, NULL, 0);
  }
  server = 0;
  if (dir[0] != '\0') {
    unlink (sock);
    unlink (pid_file);
    rmdir (dir);
  }
}

/* The socket is there before it listens; the PID file comes after that. */
static void
wait_for_server (void)
{
  const struct timespec tick = {.tv_nsec = 10000000};
  const double end = now () + 30;

  while (access (pid_file, F_OK) != 0) {
    if (waitpid (server, NULL, WNOHANG) != 0) {
      server = 0;
      fail ("nbdkit did not start");
    }
    if (now () > end)
      fail ("nbdkit does not listen after half a minute");
    nanosleep (&tick, NULL);
  }
}

void
server_start (char *const args[], const char *threads)
{
  const char *argv[MAX_ARGS] = {
      "nbdkit", "-f", "--exit-with-parent", "-U", sock, "-P", pid_file,
  };
  const char *tmp = getenv ("TMPDIR");
  size_t n = 7;

  if (threads != NULL) {
    argv[n++] = "-t";
    argv[n++] = threads;
  }
  while (*args != NULL && n < MAX_ARGS - 1)
    argv[n++] = *args++;
  snprintf (dir, sizeof dir, "%s/nbdbenchXXXXXX", tmp ? tmp : "/tmp");
  if (mkdtemp (dir) == NULL)
    fail ("%s: %s", dir, strerror (errno));
  snprintf (sock, sizeof sock, "%s/sock", dir);
  snprintf (pid_file, sizeof pid_file, "%s/pid", dir);

  server = fork ();
  if (server < 0)
    fail ("fork: %s", strerror (errno));
  if (server == 0) {
    execvp (argv[0], (char **) argv);
    perror (argv[0]);
    _exit (EXIT_FAILURE);
  }
  wait_for_server ();
}

/* If LINE is NAME's, the number there. */
static uint64_t
number_in (const char *line, const char *name)
{
  const size_t len = strlen (name);

  return strncmp (line, name, len) == 0 && line[len] == ':'
             ? strtoull (line + len + 1, NULL, 10)
             : 0;
}

/* The sum of what FILE of the server's has after two names. */
static uint64_t
proc_sum (const char *file, const char *name, const char *other)
{
  char path[64], line[256];
  uint64_t sum = 0;
  FILE *fp;

  snprintf (path, sizeof path, "/proc/%d/%s", (int) server, file);
  fp = fopen (path, "re");
  if (fp == NULL)
    fail ("%s: %s", path, strerror (errno));
  while (fgets (line, sizeof line, fp) != NULL)
    sum += number_in (line, name) + number_in (line, other);
  fclose (fp);
  return sum;
}

uint64_t
server_memory (void)
{
  return proc_sum ("smaps_rollup", "Pss_Anon", "Pss_Shmem") << 10;
}

uint64_t
server_cpu (void)
{
  clockid_t clock;
  struct timespec ts;

  if (clock_getcpuclockid (server, &clock) != 0 ||
      clock_gettime (clock, &ts) != 0)
    fail ("the server has gone");
  return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}
