/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "background.h"
#include "futex.h"
#include "zsmalloc.h"

/* Milliseconds between two looks. */
#define LOOK_MS 500U

/* Holes below this are not worth a run, whatever their share: 1 MiB. */
#define FEW_HOLES (UINT64_C (1) << 20)

/* A run that gained nothing is not made again for so many milliseconds, and
 * after each more in vain for twice as many, up to the most; unless there are
 * clearly more holes than there were. */
#define SHORTEST_PAUSE 1000U
#define LONGEST_PAUSE  64000U

struct vain {
  uint64_t until; /* when the pause ends, in milliseconds */
  unsigned pause; /* how long the next one will be */
  uint64_t holes; /* that there were */
};

static uint64_t
now_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

/* Bytes of holes, if that many pay. */
static uint64_t
holes_that_pay (const struct background *background)
{
  struct zs_pool_stats stats;

  zs_pool_stats (background->pool, &stats);

  const uint64_t holes = stats.used - stats.live;
  const bool pay = background->compact_threshold > 0 && holes > FEW_HOLES &&
                   holes > stats.used / 100 * background->compact_threshold;

  return pay ? holes : 0;
}

static void
compact_if_it_pays (struct background *background, struct vain *vain)
{
  const uint64_t holes = holes_that_pay (background);

  if (holes == 0 ||
      (now_ms () < vain->until && holes < vain->holes + FEW_HOLES))
    return;
  if (zs_compact (background->pool, &background->stop) > 0)
    *vain = (struct vain){.pause = SHORTEST_PAUSE};
  else {
    vain->until = now_ms () + vain->pause;
    vain->pause *= vain->pause < LONGEST_PAUSE ? 2 : 1;
    vain->holes = holes;
  }
}

/* No memory now: the next look tries again. */
static void
refill (struct background *background)
{
  while (!background->stop && zs_pool_refill (background->pool) > 0)
    ;
}

/* Signals are for nbdkit's own threads. */
static void *
run (void *arg)
{
  struct background *const background = arg;
  struct vain vain = {.pause = SHORTEST_PAUSE};
  sigset_t all;

  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, NULL);
  while (!background->stop) {
    /* Cleared before anything is looked at, so that no wake-up is missed. */
    background->wake = 0;
    refill (background);
    compact_if_it_pays (background, &vain);
    if (!background->stop)
      futex_wait_ms (&background->wake, 0, LOOK_MS);
  }
  return NULL;
}

int
background_start (struct background *background, struct zs_pool *pool,
                  unsigned compact_threshold)
{
  int r;

  background->pool = pool;
  background->compact_threshold = compact_threshold;
  background->stop = false;
  r = pthread_create (&background->thread, NULL, run, background);
  background->running = r == 0;
  return -r;
}

void
background_stop (struct background *background)
{
  if (!background->running)
    return;
  background->stop = true;
  background_wake (background);
  pthread_join (background->thread, NULL);
  background->running = false;
}

void
background_wake (struct background *background)
{
  if (atomic_exchange (&background->wake, 1) == 0)
    futex_wake_all (&background->wake);
}
