/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/wait.h>

#include "command.h"
#include "procfs.h"
#include "strace.h"
#include "util.h"

static pid_t strace;
static char report[MEMORY_FILE_PATH]; /* what it writes */
static int report_fd;

static bool
is_traced (pid_t tid)
{
  return proc_pid_number (tid, "status", "TracerPid") != 0;
}

/* Until it has all threads; false if it ends instead. */
static bool
wait_for_strace (pid_t pid)
{
  const struct timespec tick = {.tv_nsec = 10000000};

  while (!for_threads (pid, is_traced)) {
    if (waitpid (strace, NULL, WNOHANG) != 0)
      return false;
    nanosleep (&tick, NULL);
  }
  return true;
}

/* Without a word: that it may not is said by who asks. */
static bool
start_strace (pid_t pid)
{
  char name[] = "strace", flags[] = "-qfcUcalls,name", to[] = "-o";
  char text[16], of[] = "-p";
  char *const args[] = {name, flags, of, text, to, report, NULL};
  posix_spawn_file_actions_t silent;
  int r = posix_spawn_file_actions_init (&silent);

  snprintf (text, sizeof text, "%d", (int) pid);
  if (r == 0)
    r = posix_spawn_file_actions_addopen (&silent, STDERR_FILENO, "/dev/null",
                                          O_WRONLY, 0);
  if (r == 0)
    r = posix_spawnp (&strace, name, &silent, NULL, args, environ);
  posix_spawn_file_actions_destroy (&silent);
  return r == 0;
}

bool
strace_begin (pid_t pid)
{
  report_fd = memory_file (report);
  if (start_strace (pid) && wait_for_strace (pid))
    return true;
  close (report_fd);
  return false;
}

/* Its last line is the sum. */
uint64_t
strace_end (void)
{
  uint64_t sum = 0;
  char line[256];
  FILE *fp;

  kill (strace, SIGINT);
  waitpid (strace, NULL, 0);
  fp = fopen (report, "re");
  while (fp != NULL && fgets (line, sizeof line, fp) != NULL)
    if (strstr (line, "total") != NULL)
      sum = strtoull (line, NULL, 10);
  if (fp != NULL)
    fclose (fp);
  close (report_fd);
  return sum;
}
