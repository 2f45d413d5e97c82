/* SPDX-License-Identifier: BSD-3-Clause */
/* Refilling the pool's reserve, and waiting for that.
 *
 * A device that serves swap to its own machine must not take memory from the
 * system on its I/O path: the system may be waiting for that very I/O.  Its
 * pool grows from a reserve only, which a thread refills that does nothing
 * else.  That thread has the priority of those that serve, since the machine
 * cannot free memory without it: in a guest with one CPU, one of ordinary
 * priority let the reserve fall by 2 to 6 MiB more before it had refilled it,
 * this one by 0.4.
 *
 * It takes no memory while the system has less than a mark free: it would wait
 * for somebody to free some, up to a second at a time, in which the reserve can
 * be used up; and it would take what those that serve need to send an answer
 * (the priority opens the same half of the kernel's "min" to both).  Both have
 * happened.  The mark may change: it is asked for again and again.
 *
 * When the reserve is empty writes wait for a while, and then fail, which the
 * kernel survives: it keeps the page and tries again later.
 *
 * A waiting write holds one of the server's threads, so only some may; those
 * that come on top fail at once, and reads get through.  So do all that come
 * when the while is over, until something could be refilled.
 */
#ifndef ZRAM_RESERVE_H
#define ZRAM_RESERVE_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "worker.h"

struct zs_pool;

/* How much of it, in bytes, a disk of DISKSIZE bytes needs that grows by
 * nothing else.  It has to last until the system has found more memory: what is
 * written meanwhile grows with the machine, and so, as a rule, does its swap.
 */
extern uint64_t reserve_for (uint64_t disksize);

/* The name of the thread that refills. */
#define RESERVE_THREAD "zram-reserve"

struct reserve {
  uint64_t bytes;               /* 0: there is none, and no thread */
  uint64_t (*keep_free) (void); /* see zram_config */
  uint64_t mark;                /* what it said... */
  uint64_t marked;              /* ... and when, in milliseconds */
  struct zs_pool *pool;
  struct worker worker;
  unsigned max_waiters;
  _Atomic unsigned waiters;
  _Atomic uint64_t deadline; /* until when to wait... */
  _Atomic uint64_t taken;    /* ... when so many were taken, and none is left */
  _Atomic uint64_t refused;  /* writes that failed because of it */
};

/* One write's patience: all zeros at first. */
struct patience {
  uint64_t deadline; /* 0: it has no place among those that may wait */
};

/* Fill a reserve for POOL, which outlives it, and start the thread that
 * refills it.  After the server has forked, and before the first object.
 * -EAGAIN: no thread; -ENOMEM: the system has less. */
extern int reserve_start (struct reserve *reserve, struct zs_pool *pool);

/* End it.  Harmless if it was never started. */
extern void reserve_stop (struct reserve *reserve);

/* What reserve_again does when there is, or was, something to wait for. */
extern bool
reserve_wait (struct reserve *reserve, struct patience *patience, int *result);

/* After each zs_malloc, or what calls it, which returned *RESULT: is it to be
 * tried again?  After -EAGAIN this waits a moment for the refill; when PATIENCE
 * is at its end, or too many wait, it is false and *RESULT is -ENOSPC.  To be
 * called until it is false.  The caller holds no slot, stream or pool lock. */
static inline bool
reserve_again (struct reserve *reserve, struct patience *patience, int *result)
{
  if (likely (*result != -EAGAIN && patience->deadline == 0))
    return false;
  return reserve_wait (reserve, patience, result);
}

#endif /* ZRAM_RESERVE_H */
