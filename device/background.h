/* SPDX-License-Identifier: BSD-3-Clause */
/* The device's background thread: compaction when it pays, and the refilling of
 * the pool's reserve.
 *
 * It runs at ordinary priority: it takes slot and shard locks, if only to copy
 * a page or to unlink a block, and a thread of low priority that is kept from
 * running while it holds one would hold up the I/O that it should not disturb.
 */
#ifndef ZRAM_BACKGROUND_H
#define ZRAM_BACKGROUND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct zs_pool;

struct background {
  struct zs_pool *pool;
  unsigned compact_threshold; /* percent of the pool in holes; 0: never */
  pthread_t thread;
  bool running;
  _Atomic bool stop;     /* what a long run looks at */
  _Atomic uint32_t wake; /* futex: 1: look now */
};

/* Start the thread for POOL, which outlives it.  After the server has forked.
 * -EAGAIN. */
extern int background_start (struct background *background,
                             struct zs_pool *pool, unsigned compact_threshold);

/* End it, a run of compaction between two objects.  Harmless if it was never
 * started. */
extern void background_stop (struct background *background);

/* Much was freed: look now.  From any thread; costs one atomic if it has been
 * told already. */
extern void background_wake (struct background *background);

#endif /* ZRAM_BACKGROUND_H */
