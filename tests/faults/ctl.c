/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"
#include "server.h"

#define PATIENCE 60 /* seconds */

static int
connect_to (const char *path)
{
  const struct timeval patience = {.tv_sec = PATIENCE};
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  CHECK (fd >= 0 && strlen (path) < sizeof addr.sun_path);
  memcpy (addr.sun_path, path, strlen (path) + 1);
  CHECK (setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ==
         0);
  if (connect (fd, (const struct sockaddr *) &addr, sizeof addr) == 0)
    return fd;
  close (fd);
  return -1;
}

/* The last line of an answer, which says what has become of the request; NULL:
 * it has not come. */
static char *
last_line (char *text, size_t len)
{
  char *const before = len > 1 ? memrchr (text, '\n', len - 1) : NULL;
  char *const line = before ? before + 1 : text;

  if (len == 0 || text[len - 1] != '\n' || *line == ' ')
    return NULL;
  return strcmp (line, "ok\n") == 0 || strncmp (line, "error ", 6) == 0 ? line
                                                                        : NULL;
}

/* Until the answer is whole; its last line. */
static char *
receive (int fd, const char *request, char *text, size_t size)
{
  char *line;
  size_t len = 0;

  do {
    const ssize_t n = recv (fd, text + len, size - 1 - len, 0);

    if (n < 0 && errno == EAGAIN)
      fail ("no answer for %d seconds: %s", PATIENCE, request);
    if (n <= 0)
      return NULL;
    len += (size_t) n;
    CHECK (len < size - 1);
    text[len] = '\0';
    line = last_line (text, len);
  } while (!line);
  return line;
}

static enum ctl
judge (const char *request, char *text, char *line)
{
  if (!line)
    return CTL_GONE;
  if (*line == 'o') {
    *line = '\0';
    return CTL_OK;
  }
  if (strlen (line) < 20)
    fail ("%s: no clear error: %s", request, line);
  memmove (text, line, strlen (line) + 1);
  return CTL_REFUSED;
}

enum ctl
ctl_ask (const char *path, const char *request, char *text, size_t size)
{
  const int fd = connect_to (path);
  char line[512], *last = NULL;
  int len;

  text[0] = '\0';
  if (fd < 0)
    return CTL_GONE;
  len = snprintf (line, sizeof line, "%s\n", request);
  CHECK (len < (int) sizeof line);
  if (send (fd, line, (size_t) len, MSG_NOSIGNAL) == len)
    last = receive (fd, request, text, size);
  close (fd);
  return judge (request, text, last);
}
