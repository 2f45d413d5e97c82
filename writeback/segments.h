/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments: the places of a backing store, how much in each is alive, and which
 * are free.  What lies in them is no concern here, nor how it gets there.
 *
 * A segment is claimed, filled from its start to its end, and free again when
 * everything in it is dead and nobody has it pinned.  A place that a pin keeps
 * is never written again, so what was read from it is what its name says: a
 * slot that still names it has not changed.
 *
 * WHERE is a place in the store: bytes from its start, a multiple of 8, never
 * 0. Any number of threads may call these at once; no call waits for I/O.
 */
#ifndef ZRAM_SEGMENTS_H
#define ZRAM_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* What a segment's size is between: a power of two, see segments_size_for. */
#define SEGMENT_MIN (64U << 10)
#define SEGMENT_MAX (1U << 20)

/* So many are kept for cleaning: what it copies goes there, before it has freed
 * anything. */
#define SEGMENTS_SPARE 2U

struct segments;

/* Bytes of a segment of a store of STORE_SIZE bytes where writes of up to PIECE
 * pay: the power of two that is as many, but so few that the store has 1024
 * places, the mark's with them, and not below SEGMENT_MIN.  Where there are
 * fewer, those that are kept for cleaning, or are half full, are a part of it
 * that counts: a store of 40 MiB, 80 % full, wrote 3.13 bytes for
 * each of an object in segments of 256 KiB, and 2.85 in such of 64. */
extern uint32_t segments_size_for (uint64_t store_size, uint32_t piece);

/* The segments of a store, of the size for these.  DOMAIN names the device to
 * the lock checker.  -ENOMEM; -EINVAL: too small to be of use, or over 512 TiB.
 */
extern int segments_create (struct segments **segments, uint64_t store_size,
                            uint32_t piece, const void *domain);

/* Nothing may be pinned.  SEGMENTS may be NULL. */
extern void segments_destroy (struct segments *segments);

/* Bytes of each. */
extern uint32_t segments_size (const struct segments *segments);

/* Where segment NUMBER begins, and which one WHERE is in; none is 0. */
extern uint64_t
segments_start (const struct segments *segments, uint32_t number);
extern uint32_t segments_at (const struct segments *segments, uint64_t where);

/* Claim a free segment, which is the caller's, and pinned, until he unpins it.
 * The last SEGMENTS_SPARE are for who is CLEANING.  -ENOSPC. */
extern int
segments_claim (struct segments *segments, bool cleaning, uint32_t *number);

/* What checksums in the segment of WHERE, which is pinned, begin with: another
 * number each time that a segment is claimed. */
extern uint64_t segments_seed (const struct segments *segments, uint64_t where);

/* BYTES at WHERE, in a segment that the caller has pinned, are written: they
 * are alive from now on. */
extern void
segments_live (struct segments *segments, uint64_t where, uint32_t bytes);

/* BYTES at WHERE, which were alive, are dead. */
extern void
segments_dead (struct segments *segments, uint64_t where, uint32_t bytes);

/* Pin the segment of WHERE, where something is alive (the caller holds the slot
 * that names it) or that is pinned.  Once for each unpin. */
extern void segments_pin (struct segments *segments, uint64_t where);
extern void segments_unpin (struct segments *segments, uint64_t where);

/* The segment that it pays most to clean: little in it is alive, and what is
 * has been so for long.  It is pinned.  False: nothing would be gained.  TURN
 * is thread_share's: there may be millions to look at. */
extern bool
segments_victim (struct segments *segments, unsigned *turn, uint32_t *number);

/* The pinned segment NUMBER could not be cleaned, or not all of it: it is not
 * named again before it has been free, or the next segments_retry. */
extern void segments_spoiled (struct segments *segments, uint32_t number);

/* What could not be cleaned may be tried again. */
extern void segments_retry (struct segments *segments);

struct segments_stats {
  uint32_t total;
  uint32_t free;
  uint64_t live; /* bytes */
  uint64_t dead; /* bytes of segments that are not free which are not alive: a
                  * segment's end that nobody has filled, too */
};

extern void
segments_stats (struct segments *segments, struct segments_stats *stats);

#endif /* ZRAM_SEGMENTS_H */
