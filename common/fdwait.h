/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting for a file descriptor, with an end to it. */
#ifndef ZRAM_FDWAIT_H
#define ZRAM_FDWAIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

/* Whether FD came to EVENTS, or to its end, before DEADLINE, in milliseconds of
 * clock.h; 0: for ever.  Signals are not expected: the caller blocks them. */
static inline bool
fd_wait (int fd, short events, uint64_t deadline)
{
  struct pollfd pollfd = {.fd = fd, .events = events};
  const uint64_t now = clock_ms ();
  int timeout = -1;

  if (deadline > 0)
    timeout = deadline > now ? (int) (deadline - now) : 0;
  return poll (&pollfd, 1, timeout) > 0;
}

#endif /* ZRAM_FDWAIT_H */
