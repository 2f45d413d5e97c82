/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <string.h>
#include <sys/wait.h>

#include "control.h"
#include "server.h"

int
control_try (const char *socket, const char *request, char *answer, size_t size)
{
  char command[512];
  int status;
  FILE *fp;

  snprintf (command, sizeof command, "%s -s %s %s", ZRAMCTL_PROG, socket,
            request);
  fp = popen (command, "r");
  CHECK (fp != NULL);
  if (!fgets (answer, (int) size, fp))
    answer[0] = '\0';
  answer[strcspn (answer, "\n")] = '\0';
  status = pclose (fp);
  CHECK (WIFEXITED (status));
  return WEXITSTATUS (status);
}

void
control_ask (const char *socket, const char *request, char *answer, size_t size)
{
  if (control_try (socket, request, answer, size) != 0 || !answer[0])
    fail ("no answer to: %s", request);
}
