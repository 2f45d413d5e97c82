/* SPDX-License-Identifier: BSD-3-Clause */
/* An answer on its way to a client: a stream over his connection, so that no
 * answer is kept in memory as a whole, and lines can reach him before it is
 * complete.
 *
 * Printing waits for a client who is slow, and once he has been too slow fails
 * at once.  So who prints holds no lock that others wait for.
 *
 * A run does, and waits for nobody: how far it is, is told in a line that is
 * lost if it cannot be sent at once, a few times a second.
 */
#ifndef ZRAM_CTLREPLY_H
#define ZRAM_CTLREPLY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "run.h"

struct ctlreply {
  FILE *fp;       /* what is printed here is sent */
  struct run run; /* whose progress is; before anything is printed */

  /* Its own. */
  int fd;
  uint64_t patience;
  bool failed; /* the client has gone, or has not taken it in time */
  _Atomic bool *gone;
  uint64_t next; /* when progress may be told again */
  char buffer[4096];
};

/* Begin an answer to the client at the socket FD, which stays the caller's.  He
 * has PATIENCE milliseconds for each part of it that is sent.
 * *GONE ends a run, and is set if one finds that he has gone.  -1: there is no
 * memory. */
extern int ctlreply_open (struct ctlreply *reply, int fd, uint64_t patience,
                          _Atomic bool *gone);

/* Send what is left.  Whether the client has taken all of it. */
extern bool ctlreply_close (struct ctlreply *reply);

#endif /* ZRAM_CTLREPLY_H */
