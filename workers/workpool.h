/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker pool: threads that do what others hand to them.
 *
 * There are two lanes, each with its queue and as many threads as the pool was
 * made with.  WORK_IO is for pieces of requests that somebody waits for: its
 * threads are of the class of those that serve.  WORK_BACKGROUND is for work
 * that has time: its threads run when nobody else wants to (SCHED_IDLE), so the
 * kernel puts the first lane before the second, also where work of the second
 * has begun: nothing that takes milliseconds is ever in front of a read.
 *
 * An item is the submitter's memory, often his stack, and nothing is allocated
 * for it.  A queue is bounded: whoever finds it full does his work himself, or
 * waits for some that he has submitted.
 *
 * Work may sleep.  It must not submit and then wait for what it has submitted,
 * for all threads could come to do that.
 */
#ifndef ZRAM_WORKPOOL_H
#define ZRAM_WORKPOOL_H

#include <stdbool.h>
#include <stddef.h>

#define WORKPOOL_MAX_THREADS 1024U

enum work_lane {
  WORK_IO,
  WORK_BACKGROUND,
  WORK_LANES
};

struct workpool;

/* An item; the submitter puts it into what its function needs. */
struct work {
  void (*fn) (struct work *work); /* WORK may be gone when it has returned */

  /* The pool's, as long as it is queued; zero at first. */
  struct work *next, *prev;
  bool queued;
};

/* The TYPE whose member "work" is the item at W. */
#define WORK_OWNER(w, type) \
  ((type *) (void *) ((char *) (w) -offsetof (type, work)))

/* A pool of NR_THREADS, 1 to WORKPOOL_MAX_THREADS, for each lane, which are not
 * started yet.  -ENOMEM; -EINVAL: not that many. */
extern int workpool_create (struct workpool **pool, unsigned nr_threads);

/* Start the threads: after the server has forked.  0 too if they run; -EAGAIN,
 * -EPERM as for thread_start, and none runs. */
extern int workpool_start (struct workpool *pool);

/* Take no more, do what is queued, and end the threads.  From then on nothing
 * can be submitted, until it is started again.  POOL may be NULL; harmless if
 * it does not run. */
extern void workpool_stop (struct workpool *pool);

/* Stop it first, if it runs.  Nobody may use it any more.  POOL may be NULL. */
extern void workpool_destroy (struct workpool *pool);

/* Threads of each lane; 0 for NULL. */
extern unsigned workpool_threads (const struct workpool *pool);

/* How many items of a lane may wait for a thread. */
extern unsigned workpool_bound (const struct workpool *pool);

/* Hand WORK to a lane, whose threads take what was submitted first.  False: the
 * lane's queue is full, or the pool does not run; WORK is still the caller's.
 * POOL may be NULL, which never runs. */
extern bool
workpool_submit (struct workpool *pool, enum work_lane lane, struct work *work);

/* Take WORK, which was submitted to that lane and whose function has perhaps
 * not returned, out of the queue.  True: it had not begun, and will not; false:
 * it has begun, or was not submitted.  POOL may be NULL. */
extern bool
workpool_cancel (struct workpool *pool, enum work_lane lane, struct work *work);

#endif /* ZRAM_WORKPOOL_H */
