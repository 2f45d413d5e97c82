/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>

#include "ctlreply.h"
#include "fdwait.h"

/* Between two lines of progress, in milliseconds. */
#define PROGRESS_MS 250

/* Whether the client has taken all of it in time. */
static bool
send_all (int fd, const char *text, size_t len, uint64_t deadline)
{
  while (len > 0) {
    ssize_t n;

    if (!fd_wait (fd, POLLOUT, deadline))
      return false;
    n = send (fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0)
      return false;
    text += n;
    len -= (size_t) n;
  }
  return true;
}

/* For the stream, to which 0 is an error. */
static ssize_t
write_reply (void *cookie, const char *text, size_t len)
{
  struct ctlreply *const reply = cookie;

  if (!reply->failed)
    reply->failed =
        !send_all (reply->fd, text, len, clock_ms () + reply->patience);
  return reply->failed ? 0 : (ssize_t) len;
}

/* The socket takes so short a line whole or not at all; if it has room for none
 * there will be another one.  Half a line would garble the answer. */
static void
send_progress (void *arg, uint64_t done, uint64_t total)
{
  struct ctlreply *const reply = arg;
  const uint64_t now = clock_ms ();
  char line[64];
  ssize_t len, n;

  if (now < reply->next)
    return;
  reply->next = now + PROGRESS_MS;
  len = snprintf (line, sizeof line, "progress %" PRIu64 " %" PRIu64 "\n", done,
                  total);
  n = send (reply->fd, line, (size_t) len, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 ? errno == EPIPE || errno == ECONNRESET : n < len) {
    reply->failed = true;
    *reply->gone = true;
  }
}

int
ctlreply_open (struct ctlreply *reply, int fd, uint64_t patience,
               _Atomic bool *gone)
{
  const cookie_io_functions_t functions = {.write = write_reply};

  reply->run =
      (struct run){.stop = gone, .progress = send_progress, .arg = reply};
  reply->fd = fd;
  reply->patience = patience;
  reply->failed = false;
  reply->gone = gone;
  reply->next = 0;
  reply->fp = fopencookie (reply, "w", functions);
  if (!reply->fp)
    return -1;
  setvbuf (reply->fp, reply->buffer, _IOFBF, sizeof reply->buffer);
  return 0;
}

bool
ctlreply_close (struct ctlreply *reply)
{
  return fclose (reply->fp) == 0 && !reply->failed;
}
