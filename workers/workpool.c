/* SPDX-License-Identifier: BSD-3-Clause */
/* Two lanes, which share nothing:
 *
 *   submit --> [ queue: oldest ... newest ] --> thread, thread, ...
 *                  |
 *                cancel takes an item out that has not begun
 *
 * Invariants:
 *   - an item is in a queue, or with the one thread that has taken it out, or
 *     its submitter's;
 *   - a lane's queue is empty when its threads have ended.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "compiler.h"
#include "thread.h"
#include "workpool.h"

/* For each thread so many items may be queued. */
#define BOUND_PER_THREAD 16U

struct lane {
  _Alignas(ZRAM_CACHE_LINE) pthread_mutex_t lock; /* held for a few
                                                   * instructions */
  pthread_cond_t submitted;                       /* ... or it is to stop */
  struct work *oldest, *newest;
  unsigned queued;
  bool running; /* items are taken in */
  unsigned started;
  pthread_t *threads;
};

struct workpool {
  unsigned nr_threads; /* of each lane */
  struct lane lanes[WORK_LANES];
};

static const struct {
  const char *name;
  enum thread_class class;
} kinds[WORK_LANES] = {
    [WORK_IO] = {"zram-io", THREAD_SERVES},
    [WORK_BACKGROUND] = {"zram-background", THREAD_IDLE},
};

/* do_: the caller holds the lane's lock. */

static void
do_append (struct lane *lane, struct work *work)
{
  work->next = NULL;
  work->prev = lane->newest;
  if (lane->newest)
    lane->newest->next = work;
  else
    lane->oldest = work;
  lane->newest = work;
  work->queued = true;
  lane->queued++;
}

static void
do_unlink (struct lane *lane, struct work *work)
{
  if (work->prev)
    work->prev->next = work->next;
  else
    lane->oldest = work->next;
  if (work->next)
    work->next->prev = work->prev;
  else
    lane->newest = work->prev;
  work->queued = false;
  lane->queued--;
}

/* The oldest item, which may have to come first; NULL: the lane has stopped. */
static struct work *
next_work (struct lane *lane)
{
  struct work *work;

  pthread_mutex_lock (&lane->lock);
  while (!lane->oldest && lane->running)
    pthread_cond_wait (&lane->submitted, &lane->lock);
  work = lane->oldest;
  if (work)
    do_unlink (lane, work);
  pthread_mutex_unlock (&lane->lock);
  return work;
}

static void
work_until_stopped (struct lane *lane)
{
  struct work *work;

  while ((work = next_work (lane)))
    work->fn (work);
}

static void *
run_io (void *arg)
{
  pthread_setname_np (pthread_self (), kinds[WORK_IO].name);
  work_until_stopped (arg);
  return NULL;
}

static void *
run_background (void *arg)
{
  thread_give_way ();
  pthread_setname_np (pthread_self (), kinds[WORK_BACKGROUND].name);
  work_until_stopped (arg);
  return NULL;
}

static void *(*const runs[WORK_LANES]) (void *arg) = {
    [WORK_IO] = run_io, [WORK_BACKGROUND] = run_background};

int
workpool_create (struct workpool **poolp, unsigned nr_threads)
{
  struct workpool *pool;

  if (nr_threads == 0 || nr_threads > WORKPOOL_MAX_THREADS)
    return -EINVAL;
  pool = aligned_alloc (ZRAM_CACHE_LINE, sizeof *pool);
  if (!pool)
    return -ENOMEM;
  *pool = (struct workpool){.nr_threads = nr_threads};
  for (unsigned i = 0; i < WORK_LANES; i++) {
    pthread_mutex_init (&pool->lanes[i].lock, NULL);
    pthread_cond_init (&pool->lanes[i].submitted, NULL);
    pool->lanes[i].threads = calloc (nr_threads, sizeof (pthread_t));
    if (!pool->lanes[i].threads) {
      workpool_destroy (pool);
      return -ENOMEM;
    }
  }
  *poolp = pool;
  return 0;
}

static int
start_lane (struct workpool *pool, enum work_lane which)
{
  struct lane *const lane = &pool->lanes[which];
  int r = 0;

  pthread_mutex_lock (&lane->lock);
  lane->running = true;
  pthread_mutex_unlock (&lane->lock);
  while (r == 0 && lane->started < pool->nr_threads) {
    r = thread_start (&lane->threads[lane->started], kinds[which].class,
                      runs[which], lane);
    lane->started += r == 0;
  }
  return r;
}

int
workpool_start (struct workpool *pool)
{
  int r = 0;

  for (enum work_lane i = 0; r == 0 && i < WORK_LANES; i++)
    r = start_lane (pool, i);
  if (r < 0)
    workpool_stop (pool);
  return r;
}

static void
stop_lane (struct lane *lane)
{
  pthread_mutex_lock (&lane->lock);
  lane->running = false;
  pthread_cond_broadcast (&lane->submitted);
  pthread_mutex_unlock (&lane->lock);
  while (lane->started > 0)
    pthread_join (lane->threads[--lane->started], NULL);
}

void
workpool_stop (struct workpool *pool)
{
  for (unsigned i = 0; pool && i < WORK_LANES; i++)
    stop_lane (&pool->lanes[i]);
}

void
workpool_destroy (struct workpool *pool)
{
  workpool_stop (pool);
  for (unsigned i = 0; pool && i < WORK_LANES; i++) {
    pthread_cond_destroy (&pool->lanes[i].submitted);
    pthread_mutex_destroy (&pool->lanes[i].lock);
    free (pool->lanes[i].threads);
  }
  free (pool);
}

unsigned
workpool_threads (const struct workpool *pool)
{
  return pool ? pool->nr_threads : 0;
}

unsigned
workpool_bound (const struct workpool *pool)
{
  return pool->nr_threads * BOUND_PER_THREAD;
}

bool
workpool_submit (struct workpool *pool, enum work_lane lane, struct work *work)
{
  struct lane *const l = pool ? &pool->lanes[lane] : NULL;
  bool taken;

  if (!l)
    return false;
  pthread_mutex_lock (&l->lock);
  taken = l->running && l->queued < workpool_bound (pool);
  if (taken)
    do_append (l, work);
  pthread_mutex_unlock (&l->lock);
  if (taken)
    pthread_cond_signal (&l->submitted);
  return taken;
}

bool
workpool_cancel (struct workpool *pool, enum work_lane lane, struct work *work)
{
  struct lane *const l = pool ? &pool->lanes[lane] : NULL;
  bool queued;

  if (!l)
    return false;
  pthread_mutex_lock (&l->lock);
  queued = work->queued;
  if (queued)
    do_unlink (l, work);
  pthread_mutex_unlock (&l->lock);
  return queued;
}
