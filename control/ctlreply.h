/* SPDX-License-Identifier: BSD-3-Clause */
/* An answer on its way to a client: a stream over his connection, so that no
 * answer is kept in memory as a whole, and lines can reach him before it is
 * complete.
 *
 * Printing waits for a client who is slow, and once he has been too slow fails
 * at once.  So who prints holds no lock that others wait for.
 */
#ifndef ZRAM_CTLREPLY_H
#define ZRAM_CTLREPLY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ctlreply {
  FILE *fp; /* what is printed here is sent */

  /* Its own. */
  int fd;
  uint64_t patience;
  uint64_t deadline; /* 0: nothing has been sent yet */
  bool failed;       /* the client has gone, or has not taken it in time */
  char buffer[4096];
};

/* Begin an answer to the client at the socket FD, which stays the caller's.  He
 * has PATIENCE milliseconds, from the first bytes that are sent to the last.
 * -1: there is no memory. */
extern int ctlreply_open (struct ctlreply *reply, int fd, uint64_t patience);

/* Send what is left.  Whether the client has taken all of it. */
extern bool ctlreply_close (struct ctlreply *reply);

#endif /* ZRAM_CTLREPLY_H */
