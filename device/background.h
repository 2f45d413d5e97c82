/* SPDX-License-Identifier: BSD-3-Clause */
/* Giving memory back in the background: what was emptied, and what compaction
 * empties, when that pays.
 *
 * It runs at ordinary priority.  A lower one would be wrong: it takes slot and
 * shard locks, if only to copy a page or to unlink a block, and who is kept
 * from running while he holds one holds up the I/O.  So would a higher one,
 * where the threads that serve are of a real-time class: it would take their
 * turns.
 */
#ifndef ZRAM_BACKGROUND_H
#define ZRAM_BACKGROUND_H

#include <stdint.h>

#include "worker.h"

struct slot_table;
struct zs_pool;

/* A run that gained nothing is not made again for a while, unless there are
 * clearly more holes than there were. */
struct vain {
  uint64_t until; /* when the pause ends, in milliseconds */
  unsigned pause; /* how long the next one will be */
  uint64_t holes; /* that there were */
};

/* The name of its thread. */
#define BACKGROUND_THREAD "zram-background"

struct background {
  struct zs_pool *pool;
  struct slot_table *table;
  _Atomic unsigned compact_threshold; /* percent of the pool in holes; 0: never;
                                       * may change at any time */
  uint64_t live;        /* bytes in the pool when it was last looked at... */
  _Atomic uint64_t due; /* ... and when the next time is, in milliseconds; 0:
                         * now, since somebody asks */
  unsigned put_off;     /* looks in a row that found much being freed */
  struct vain vain;
  struct worker worker;
};

/* Start the thread for POOL and TABLE, which outlive it.  After the server has
 * forked; compact_threshold is set.  -EAGAIN. */
extern int background_start (struct background *background,
                             struct zs_pool *pool, struct slot_table *table);

/* End it, a run of compaction between two objects.  Harmless if it was never
 * started. */
extern void background_stop (struct background *background);

/* What was to be freed has been: look now.  From any thread. */
extern void background_wake (struct background *background);

#endif /* ZRAM_BACKGROUND_H */
