/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of the control socket: ctlrequest's lines, seen from the other side.
 *
 * It asks and waits.  A server is not trusted: what it says is bounded, and is
 * text that a terminal may have (safetext.h); one that says anything else, or
 * too much, or nothing, or goes away, is an error, and hung up on.
 */
#ifndef ZRAM_CTLCLIENT_H
#define ZRAM_CTLCLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

/* In bytes: the longest request, and the longest line of an answer, both
 * without the newline; the longest answer. */
#define CTLCLIENT_REQUEST 4095
#define CTLCLIENT_LINE    4095
#define CTLCLIENT_ANSWER  (1 << 20)

struct ctlclient {
  int fd;            /* -1: not connected, or no longer */
  unsigned patience; /* seconds for each answer; 0: no limit */
  char *answer;  /* its data: lines, a newline after each, then a NUL byte */
  size_t len;    /* of the answer */
  char code[32]; /* the name of the errno that the server has given, or
                  * empty: it was not the server that refused */
  char message[512]; /* what is wrong */

  /* Gets each line of an answer's data as it comes, and PATIENCE is for the
   * next part of it: it may be long.  NULL: it is kept in ANSWER. */
  void (*take) (void *arg, const char *line);
  void *take_arg;
  /* For "run": told how far it is.  NULL: what a server says of that is wrong.
   */
  void (*progress) (void *arg, uint64_t done, uint64_t total);
  void *progress_arg;
};

#define CTLCLIENT_CLOSED \
  {                      \
    .fd = -1             \
  }

/* Connect to the server at the Unix socket PATH.  It may take PATIENCE seconds
 * for that, and for each answer; 0: as long as it wants.  -1, and MESSAGE says
 * why: CLIENT is closed. */
extern int
ctlclient_open (struct ctlclient *client, const char *path, unsigned patience);

/* Ask what FORMAT makes, a line without its newline, and wait for the answer.
 * 0: "ok", and ANSWER has the data until the next call.  -1: CODE and MESSAGE
 * say what the server has against it; or, without a CODE, what is wrong with
 * the request (not text, too long), or with the server, which is then hung up
 * on. */
ZRAM_PRINTF (2, 3)
extern int ctlclient_ask (struct ctlclient *client, const char *format, ...);

/* The answer to REQUEST, a few words, is not what it should be: MESSAGE says
 * so, and the server is hung up on.  -1. */
extern int ctlclient_garbled (struct ctlclient *client, const char *request);

/* Harmless if it is closed. */
extern void ctlclient_close (struct ctlclient *client);

#endif /* ZRAM_CTLCLIENT_H */
