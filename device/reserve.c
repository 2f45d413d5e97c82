/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <time.h>
#include <sys/sysinfo.h>

#include "clock.h"
#include "lockdep.h"
#include "reserve.h"
#include "zsmalloc.h"

/* How long writes wait for an empty reserve, in milliseconds: the kernel
 * reports a task as hung after two minutes, and a page that cannot be swapped
 * out for so long is better kept. */
#define PATIENCE_MS 5000U

/* What frees memory does not tell us, so we look again after so long. */
#define LOOK_MS 5U

/* The pool wakes the thread when it takes from the reserve; what could not be
 * had then is tried again after so long. */
#define REFILL_MS 500U

/* ... and the mark below which none may be taken is as old as this at most. */
#define MARK_MS 500U

#define SHARE    128
#define SMALLEST (UINT64_C (4) << 20)
#define LARGEST  (UINT64_C (64) << 20)

uint64_t
reserve_for (uint64_t disksize)
{
  const uint64_t share = disksize / SHARE;

  if (share < SMALLEST)
    return SMALLEST;
  return share < LARGEST ? share : LARGEST;
}

static void
wait_a_moment (void)
{
  const struct timespec moment = {.tv_nsec = LOOK_MS * 1000000L};

  nanosleep (&moment, NULL);
}

static void
look_up_mark (struct reserve *reserve)
{
  const uint64_t now = clock_ms ();

  if (!reserve->keep_free ||
      (reserve->marked > 0 && now - reserve->marked < MARK_MS))
    return;
  reserve->mark = reserve->keep_free ();
  reserve->marked = now;
}

/* By a system call that takes no memory itself. */
static bool
memory_is_short (struct reserve *reserve)
{
  struct sysinfo info;

  look_up_mark (reserve);
  return sysinfo (&info) == 0 &&
         (uint64_t) info.freeram * info.mem_unit < reserve->mark;
}

static void
refill (void *arg)
{
  struct reserve *const reserve = arg;
  int r = 0;

  while (r >= 0 && !reserve->worker.stop &&
         !zs_pool_reserve_full (reserve->pool)) {
    if (memory_is_short (reserve))
      wait_a_moment ();
    else
      r = zs_pool_refill (reserve->pool);
  }
}

int
reserve_start (struct reserve *reserve, struct zs_pool *pool)
{
  int r;

  if (reserve->bytes == 0)
    return 0;
  zs_pool_set_reserve (pool, reserve->bytes);
  do
    r = zs_pool_refill (pool);
  while (r > 0);
  /* Of a small disk all addresses may be in it: nothing more is to be had. */
  if (r < 0 && r != -ENOSPC)
    return r;
  reserve->pool = pool;
  reserve->worker.name = RESERVE_THREAD;
  reserve->worker.interval = REFILL_MS;
  reserve->worker.look = refill;
  reserve->worker.arg = reserve;
  zs_pool_set_wake (pool, &reserve->worker.wake);
  return worker_start (&reserve->worker);
}

void
reserve_stop (struct reserve *reserve)
{
  worker_stop (&reserve->worker);
}

/* A place among those that may wait. */
static bool
take_place (struct reserve *reserve)
{
  unsigned n = reserve->waiters;

  while (n < reserve->max_waiters)
    if (atomic_compare_exchange_weak (&reserve->waiters, &n, n + 1))
      return true;
  return false;
}

static void
leave_place (struct reserve *reserve, struct patience *patience)
{
  atomic_fetch_sub (&reserve->waiters, 1);
  patience->deadline = 0;
}

/* Whether there is still hope of a refill.  The first that finds the reserve
 * empty says until when: if each write waited as long, reads that come after
 * them would have to as well.  It is another time that it is empty when
 * something has been taken from it since, whoever put it there: a refill, or
 * those who freed it.  Of several at once, all say about the same. */
static bool
refill_may_come (struct reserve *reserve, uint64_t now)
{
  const uint64_t taken = zs_pool_reserve_taken (reserve->pool);

  if (reserve->taken != taken) {
    reserve->deadline = now + PATIENCE_MS;
    reserve->taken = taken;
  }
  return now < reserve->deadline;
}

/* Its own deadline is for one that others always get ahead of. */
static bool
may_wait (struct reserve *reserve, struct patience *patience)
{
  const uint64_t now = clock_ms ();

  if (patience->deadline == 0) {
    if (!take_place (reserve))
      return false;
    patience->deadline = now + PATIENCE_MS;
  }
  if (refill_may_come (reserve, now) && now < patience->deadline)
    return true;
  leave_place (reserve, patience);
  return false;
}

bool
reserve_wait (struct reserve *reserve, struct patience *patience, int *result)
{
  lockdep_may_sleep ();
  if (*result != -EAGAIN) {
    leave_place (reserve, patience);
    return false;
  }
  if (may_wait (reserve, patience)) {
    wait_a_moment ();
    return true;
  }
  atomic_fetch_add (&reserve->refused, 1);
  *result = -ENOSPC;
  return false;
}
