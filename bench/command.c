/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "command.h"
#include "util.h"

int
memory_file (char path[MEMORY_FILE_PATH])
{
  const int fd = memfd_create ("report", MFD_CLOEXEC);

  if (fd < 0)
    fail ("memfd_create: %s", strerror (errno));
  snprintf (path, MEMORY_FILE_PATH, "/proc/%d/fd/%d", (int) getpid (), fd);
  return fd;
}

void
run_command (char *const command[])
{
  posix_spawn_file_actions_t to_stderr;
  int status, r = posix_spawn_file_actions_init (&to_stderr);
  pid_t pid;

  if (r == 0)
    r = posix_spawn_file_actions_adddup2 (&to_stderr, STDERR_FILENO,
                                          STDOUT_FILENO);
  if (r == 0)
    r = posix_spawnp (&pid, command[0], &to_stderr, NULL, command, environ);
  if (r != 0)
    fail ("%s: %s", command[0], strerror (r));
  posix_spawn_file_actions_destroy (&to_stderr);
  while ((r = waitpid (pid, &status, 0)) < 0 && errno == EINTR)
    ;
  if (r < 0 || status != 0)
    fail ("%s failed", command[0]);
}
