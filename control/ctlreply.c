/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <sys/socket.h>

#include "ctlreply.h"
#include "fdwait.h"

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

  if (reply->deadline == 0)
    reply->deadline = clock_ms () + reply->patience;
  if (!reply->failed)
    reply->failed = !send_all (reply->fd, text, len, reply->deadline);
  return reply->failed ? 0 : (ssize_t) len;
}

int
ctlreply_open (struct ctlreply *reply, int fd, uint64_t patience)
{
  const cookie_io_functions_t functions = {.write = write_reply};

  reply->fd = fd;
  reply->patience = patience;
  reply->deadline = 0;
  reply->failed = false;
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
