/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "clock.h"
#include "compiler.h"
#include "ctlclient.h"
#include "safetext.h"

/* Errors. */

static void
hang_up (struct ctlclient *client)
{
  if (client->fd >= 0)
    close (client->fd);
  client->fd = -1;
  client->code[0] = '\0';
}

/* The request is wrong, which leaves the server as it is. */
ZRAM_PRINTF (2, 3)
static int
fail (struct ctlclient *client, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  vsnprintf (client->message, sizeof client->message, format, args);
  va_end (args);
  return -1;
}

/* The server is wrong. */
#define give_up(client, ...) (hang_up (client), fail ((client), __VA_ARGS__))

int
ctlclient_garbled (struct ctlclient *client, const char *request)
{
  return give_up (client, "its answer to '%s' makes no sense", request);
}

static int
give_up_waiting (struct ctlclient *client)
{
  return give_up (client, "does not answer within %u seconds",
                  client->patience);
}

/* Connecting. */

/* When there are many before us, connect waits: it knows no other limit. */
static int
limit_connecting (int fd, unsigned seconds)
{
  const struct timeval limit = {.tv_sec = (time_t) seconds};

  return setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static int
make_connection (int fd, const struct sockaddr_un *address)
{
  int r;

  do
    r = connect (fd, (const struct sockaddr *) address, sizeof *address);
  while (r < 0 && errno == EINTR);
  return r;
}

/* CODE: connect's errno. */
static int
fail_connecting (struct ctlclient *client, int code)
{
  switch (code) {
  case EAGAIN:
    return give_up_waiting (client);
  case ECONNREFUSED:
    return give_up (client, "no server answers there: it has died");
  default:
    return give_up (client, "%s", strerrordesc_np (code));
  }
}

int
ctlclient_open (struct ctlclient *client, const char *path, unsigned patience)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  *client = (struct ctlclient) CTLCLIENT_CLOSED;
  client->patience = patience;
  if (strlen (path) >= sizeof address.sun_path)
    return fail (client, "is too long for a socket: at most %zu bytes",
                 sizeof address.sun_path - 1);
  memcpy (address.sun_path, path, strlen (path));
  client->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client->fd < 0)
    return fail_connecting (client, errno);
  if (limit_connecting (client->fd, patience) < 0 ||
      make_connection (client->fd, &address) < 0)
    return fail_connecting (client, errno);
  client->answer = malloc (CTLCLIENT_ANSWER + 1);
  return client->answer ? 0 : fail_connecting (client, ENOMEM);
}

void
ctlclient_close (struct ctlclient *client)
{
  hang_up (client);
  free (client->answer);
  client->answer = NULL;
}

/* Asking. */

/* Milliseconds, for poll; -1: no limit. */
static int
time_left (uint64_t deadline)
{
  const uint64_t now = clock_ms ();

  if (deadline == 0)
    return -1;
  return deadline > now ? (int) (deadline - now) : 0;
}

/* Until the server takes or gives (EVENTS) something. */
static int
wait_for (struct ctlclient *client, short events, uint64_t deadline)
{
  struct pollfd pollfd = {.fd = client->fd, .events = events};
  int n;

  do
    n = poll (&pollfd, 1, time_left (deadline));
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return give_up (client, "%s", strerrordesc_np (errno));
  return n > 0 ? 0 : give_up_waiting (client);
}

/* LEN: of the line as it was meant to be, without its newline. */
static int
check_line (struct ctlclient *client, const char *line, int len)
{
  if (len < 0 || len > CTLCLIENT_REQUEST)
    return fail (client, "a request cannot have more than %d bytes",
                 CTLCLIENT_REQUEST);
  for (const char *c = line; *c; c++)
    if (iscntrl ((unsigned char) *c))
      return fail (client, "a request cannot have control characters in it");
  return client->fd >= 0 ? 0 : fail (client, "it has been hung up on");
}

/* LINE is checked, and ends with a newline. */
static int
send_line (struct ctlclient *client, const char *line, uint64_t deadline)
{
  size_t len = strlen (line);

  while (len > 0) {
    ssize_t n;

    if (wait_for (client, POLLOUT, deadline) < 0)
      return -1;
    n = send (client->fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
      return give_up (client, "has hung up: %s", strerrordesc_np (errno));
    line += n;
    len -= (size_t) n;
  }
  return 0;
}

/* The answer. */

/* What a line of it does. */
enum {
  MORE = 1,
  DONE = 0,
  FAILED = -1
};

static int
take_data (struct ctlclient *client, const char *data, size_t len)
{
  if (client->take) {
    client->take (client->take_arg, data);
    return MORE;
  }
  if (len + 1 > CTLCLIENT_ANSWER - client->len)
    return give_up (client, "its answer has more than %d bytes",
                    CTLCLIENT_ANSWER);
  memcpy (client->answer + client->len, data, len);
  client->len += len;
  client->answer[client->len++] = '\n';
  client->answer[client->len] = '\0';
  return MORE;
}

/* What follows "error ". */
static int
take_error (struct ctlclient *client, char *text)
{
  char *rest = text;
  const char *const code = strsep (&rest, " ");

  if (*code == '\0' || !rest || strlen (code) >= sizeof client->code)
    return give_up (client, "it gives an error without a reason");
  snprintf (client->code, sizeof client->code, "%s", code);
  return fail (client, "%s", rest);
}

/* Read a decimal number and END, which comes after it, at *TEXT, which goes
 * behind it. */
static bool
read_number (const char **text, char end, uint64_t *number)
{
  char *rest;

  if (!isdigit ((unsigned char) **text))
    return false;
  errno = 0;
  *number = strtoull (*text, &rest, 10);
  if (errno == ERANGE || *rest != end)
    return false;
  *text = rest + 1;
  return true;
}

/* What follows "progress ". */
static int
take_progress (struct ctlclient *client, const char *text)
{
  uint64_t done, total;

  if (!read_number (&text, ' ', &done) || !read_number (&text, '\0', &total) ||
      done > total)
    return give_up (client, "what it says of its progress makes no sense");
  client->progress (client->progress_arg, done, total);
  return MORE;
}

static int
take_line (struct ctlclient *client, char *line, size_t len)
{
  safetext_clean (line, len);
  line[len] = '\0';
  if (line[0] == ' ')
    return take_data (client, line + 1, len - 1);
  if (strcmp (line, "ok") == 0)
    return DONE;
  if (strncmp (line, "error ", 6) == 0)
    return take_error (client, line + 6);
  if (client->progress && strncmp (line, "progress ", 9) == 0)
    return take_progress (client, line + 9);
  return give_up (client,
                  "is no control socket of nbdkit-zram: it says '%.64s'", line);
}

/* What has come of the answer, and has not been taken yet. */
struct input {
  char bytes[CTLCLIENT_LINE + 1];
  size_t len;
};

/* Take the whole lines. */
static int
take_lines (struct ctlclient *client, struct input *input)
{
  char *newline;

  while ((newline = memchr (input->bytes, '\n', input->len)) != NULL) {
    const size_t len = (size_t) (newline - input->bytes);
    const int r = take_line (client, input->bytes, len);

    input->len -= len + 1;
    if ((r == DONE || client->code[0]) && input->len > 0)
      return give_up (client, "it says more than it was asked");
    if (r != MORE)
      return r;
    memmove (input->bytes, newline + 1, input->len);
  }
  if (input->len == sizeof input->bytes)
    return give_up (client, "a line of its answer has more than %d bytes",
                    CTLCLIENT_LINE);
  return MORE;
}

static int
read_more (struct ctlclient *client, struct input *input, uint64_t deadline)
{
  ssize_t n;

  if (wait_for (client, POLLIN, deadline) < 0)
    return FAILED;
  n = recv (client->fd, input->bytes + input->len,
            sizeof input->bytes - input->len, 0);
  if (n <= 0)
    return give_up (client, "has hung up before it answered%s%s",
                    n < 0 ? ": " : "", n < 0 ? strerrordesc_np (errno) : "");
  input->len += (size_t) n;
  return MORE;
}

/* Until when the server has time; 0: no limit. */
static uint64_t
deadline_of (const struct ctlclient *client)
{
  return client->patience ? clock_ms () + client->patience * UINT64_C (1000)
                          : 0;
}

static int
read_answer (struct ctlclient *client, uint64_t deadline)
{
  struct input input = {.len = 0};
  int r;

  do {
    r = read_more (client, &input, deadline);
    if (r == MORE)
      r = take_lines (client, &input);
    if (client->take)
      deadline = deadline_of (client);
  } while (r == MORE);
  return r;
}

int
ctlclient_ask (struct ctlclient *client, const char *format, ...)
{
  const uint64_t deadline = deadline_of (client);
  char line[CTLCLIENT_REQUEST + 2];
  va_list args;
  int len;

  client->code[0] = '\0';
  va_start (args, format);
  len = vsnprintf (line, sizeof line, format, args);
  va_end (args);
  if (check_line (client, line, len) < 0)
    return -1;
  line[len++] = '\n';
  line[len] = '\0';
  client->len = 0;
  client->answer[0] = '\0';
  if (send_line (client, line, deadline) < 0)
    return -1;
  return read_answer (client, deadline);
}
