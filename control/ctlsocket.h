/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: ctlrequest's lines over a Unix socket, many clients at
 * once.
 *
 *     clients ---- a thread each: reads a line, answers it -----.
 *        ^                                                       |
 *        | accepts, watches those that are being answered         v
 *     the listening thread  <---- wake: one is busy, one has gone
 *
 * A client that says nothing may stay as long as there are places; for want of
 * one, that which has been silent longest goes, if that is some seconds.  Who
 * does not finish his line, or does not take his answer, or a part of a long
 * one, in so many goes, too.
 * Who hangs up while his request is under way ends it, and those that would
 * have come after it.
 *
 * The threads are of ordinary priority, even if those that serve are not.
 * There is one such socket for each process.
 */
#ifndef ZRAM_CTLSOCKET_H
#define ZRAM_CTLSOCKET_H

#include <stddef.h>

struct diskset;

/* So many clients have a place at once; others wait for one. */
#define CTLSOCKET_CLIENTS 64

/* The longest request, in bytes, with its newline. */
#define CTLSOCKET_LINE 4096

/* In seconds: for the rest of a line, for taking a part of an answer, and until
 * a silent client may have to go. */
#define CTLSOCKET_PATIENCE 10

/* Make the socket PATH, for its owner only.  One that a dead server has left is
 * replaced.  -1, and MESSAGE of SIZE bytes says why: a server answers there, or
 * it is something else, or it cannot be made.  Before the process forks, and
 * gives its privileges away. */
extern int ctlsocket_bind (const char *path, char *message, size_t size);

/* Begin to answer, about the disks of SET.  After the fork.  Harmless without a
 * socket. 0 or a negative errno. */
extern int ctlsocket_start (struct diskset *set);

/* Hang up on everybody, end what is under way, and take the socket away if it
 * is still ours.  Harmless without one. */
extern void ctlsocket_stop (void);

#endif /* ZRAM_CTLSOCKET_H */
