/* SPDX-License-Identifier: BSD-3-Clause */
/* Filling segments: objects are put one behind the other, and what has come
 * together is written in one piece, while the next is put together.
 *
 *   segment   | batch, written | batch, being written | batch, being filled | |
 *             from 0                                                      to
 * the segment's end
 *
 * A batch ends with its segment, or where the user cannot wait for more; the
 * next one goes on in the same segment, at the next block.  What is between two
 * objects, or behind the last, is zeros.
 *
 * One thread at a time uses a log.  Errors are negative errno.
 */
#ifndef ZRAM_SEGLOG_H
#define ZRAM_SEGLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "packed.h"

struct segments;
struct store;

/* What its user does.  All are called by the thread that called into the log.
 */
struct seglog_user {
  void *arg;

  /* The object with that HEADER is at WHERE now, and taken to be alive; false:
   * nobody wants it any more.  WHERE 0: it could not be written. */
  bool (*settle) (void *arg, const struct packed *header, uint64_t where);

  /* BYTES are about to be written; less than 0: so many were not, or in vain.
   */
  void (*charge) (void *arg, int64_t bytes);

  /* A write has failed with ERROR. */
  void (*failed) (void *arg, int error);

  /* Is a server that is away not to be waited for any more?  Asked several
   * times a second while something is. */
  bool (*gives_up) (void *arg);
};

struct seglog;

/* A log with room for NR_BATCHES, 1 or more, of which all but the one that is
 * filled may be in flight.  It is CLEANING if it may use the spare segments.
 * -ENOMEM. */
extern int
seglog_create (struct seglog **log, struct store *store,
               struct segments *segments, unsigned nr_batches, bool cleaning);

/* Nothing is in flight.  LOG may be NULL. */
extern void seglog_destroy (struct seglog *log);

/* NR_BATCHES. */
extern unsigned seglog_batches (const struct seglog *log);

/* Put memory behind its batches, and keep it there.  -ENOMEM. */
extern int seglog_populate (struct seglog *log);

/* Say who uses it from now on, when nothing is in flight. */
extern void seglog_set_user (struct seglog *log, struct seglog_user user);

/* Bytes that are yet to be charged if an object of LEN is put next. */
extern uint64_t seglog_cost (struct seglog *log, uint32_t len);

/* Put an object.  Older batches may be settled meanwhile, and waited for if
 * there is no room for another.  -ENOSPC: there is no free segment; the object
 * is not in the log. */
extern int seglog_put (struct seglog *log, uint32_t owner, uint16_t tag,
                       const void *object, uint32_t len);

/* Write what was put, wait for all of it, and settle it. */
extern void seglog_flush (struct seglog *log);

#endif /* ZRAM_SEGLOG_H */
