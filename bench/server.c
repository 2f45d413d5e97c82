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

#include "bench.h"
#include "procfs.h"
#include "server.h"
#include "util.h"

#define MAX_ARGS 64

static char dir[256], sock[sizeof dir + 8], pid_file[sizeof dir + 8];
static pid_t server;

pid_t
server_pid (void)
{
  return server;
}

const char *
server_socket (void)
{
  return sock;
}

/* (nbd_get_uri of libnbd 1.14 leaves a blank a blank, which no client takes.)
 */
const char *
server_uri (void)
{
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789/-._";
  static char uri[3 * sizeof sock + 32];
  int len = snprintf (uri, sizeof uri, "nbd+unix:///?socket=");

  for (const char *at = sock; *at != '\0'; at++)
    len +=
        snprintf (uri + len, sizeof uri - (size_t) len,
                  strchr (plain, *at) ? "%c" : "%%%02X", (unsigned char) *at);
  return uri;
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
server_start (char *const args[], unsigned threads)
{
  char number[16];
  const char *const program = getenv ("NBDKIT");
  const char *argv[MAX_ARGS] = {
      program ? program : "nbdkit",
      "-f",
      "--exit-with-parent",
      "-U",
      sock,
      "-P",
      pid_file,
      "-t",
      number,
  };
  const char *tmp = getenv ("TMPDIR");
  size_t n = 9;

  snprintf (number, sizeof number, "%u", threads);
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

static uint64_t
kib_of (const char *name)
{
  return proc_pid_number (server, "smaps_rollup", name);
}

uint64_t
server_memory (void)
{
  return (kib_of ("Pss_Anon") + kib_of ("Pss_Shmem")) << 10;
}

static uint64_t
server_cpu (void)
{
  clockid_t clock;
  struct timespec ts;

  if (clock_getcpuclockid (server, &clock) != 0 ||
      clock_gettime (clock, &ts) != 0)
    fail ("the server has gone");
  return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

static uint64_t switches;

static bool
add_switches (pid_t tid)
{
  switches += proc_pid_number (tid, "status", "voluntary_ctxt_switches") +
              proc_pid_number (tid, "status", "nonvoluntary_ctxt_switches");
  return true;
}

void
server_use (struct usage *usage)
{
  switches = 0;
  for_threads (server, add_switches);
  usage->switches = switches;
  usage->memory = server_memory ();
  usage->rss = kib_of ("Rss") << 10;
  usage->cpu = server_cpu ();
}
