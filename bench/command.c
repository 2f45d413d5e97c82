/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>

#include "command.h"
#include "util.h"

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
