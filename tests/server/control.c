/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "server.h"

#define PATIENCE 120 /* seconds */

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

struct awaited {
  const char *socket, *request, *wanted;
};

static int
is_answered (void *arg)
{
  const struct awaited *const awaited = arg;
  char answer[64];

  control_ask (awaited->socket, awaited->request, answer, sizeof answer);
  return strcmp (answer, awaited->wanted) == 0;
}

void
control_await (const char *socket, const char *request, const char *wanted)
{
  struct awaited awaited = {socket, request, wanted};

  wait_until (is_answered, &awaited, wanted);
}

int
control_connect (const char *path)
{
  const struct timeval patience = {.tv_sec = PATIENCE};
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  CHECK (fd != -1);
  CHECK (strlen (path) < sizeof addr.sun_path);
  memcpy (addr.sun_path, path, strlen (path) + 1);
  CHECK (setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ==
         0);
  if (connect (fd, (const struct sockaddr *) &addr, sizeof addr) != 0)
    fail ("%s: %s", path, strerror (errno));
  return fd;
}

/* One line of an answer; true: it was the last. */
static bool
take_line (const char *line, struct control_answer *answer)
{
  const size_t len = strcspn (line, "\n");

  if (line[0] == ' ') {
    if (!answer->text[0])
      snprintf (answer->text, sizeof answer->text, "%.*s", (int) len - 1,
                line + 1);
    return false;
  }
  if (strcmp (line, "ok\n") == 0)
    return true;
  if (strncmp (line, "progress ", 9) == 0)
    return false;
  if (sscanf (line, "error %15s %511[^\n]", answer->error, answer->text) != 2)
    fail ("this is no line of an answer: %s", line);
  return true;
}

void
control_say (const char *socket, const char *line,
             struct control_answer *answer)
{
  const int fd = control_connect (socket);
  FILE *fp = fdopen (fd, "r");
  char reply[4096];

  CHECK (fp != NULL);
  *answer = (struct control_answer){.error = ""};
  CHECK (send (fd, line, strlen (line), MSG_NOSIGNAL) ==
         (ssize_t) strlen (line));
  do
    if (!fgets (reply, sizeof reply, fp))
      fail ("no answer to: %s", line);
  while (!take_line (reply, answer));
  fclose (fp);
}
