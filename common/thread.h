/* SPDX-License-Identifier: BSD-3-Clause */
/* Starting a thread of the server's own.  It takes no signals: those are for
 * nbdkit.
 */
#ifndef ZRAM_THREAD_H
#define ZRAM_THREAD_H

#include <pthread.h>
#include <sched.h>

/* Short beside what a request takes over NBD, and long beside the system call
 * that ends a turn. */
#define THREAD_TURN_NS 10000U

/* When it runs. */
enum thread_class {
  THREAD_SERVES,   /* like the process's first thread: those that serve */
  THREAD_ORDINARY, /* the same, unless that is of a real-time class */
  THREAD_IDLE      /* when nobody else wants to (SCHED_IDLE) */
};

/* Start FN (ARG), whose scheduling class does not depend on who calls this.
 * After the server has forked: a fork leaves threads behind.  -EAGAIN; -EPERM:
 * the first thread is of a real-time class, and the caller, who is not, may not
 * start such a one. */
extern int thread_start (pthread_t *thread, enum thread_class class,
                         void *(*fn) (void *arg), void *arg);

/* What a thread of THREAD_IDLE has to do first: pthreads know no such class
 * when they start one.  It fails nowhere: to give way is allowed to all. */
extern void thread_give_way (void);

/* A thread of THREAD_ORDINARY with work that takes long says here, again and
 * again, that it has worked for about NS more: whoever waits for its CPU gets
 * it, often enough.  *TURN is 0 at first, and this function's.
 *
 * The scheduler by itself may let him wait for milliseconds, as readers beside
 * a run of writeback did.  SCHED_IDLE did not help them more, and is no class
 * for who takes locks: he may not get to let them go. */
static inline void
thread_share (unsigned *turn, unsigned ns)
{
  *turn += ns;
  if (*turn >= THREAD_TURN_NS) {
    *turn = 0;
    sched_yield ();
  }
}

#endif /* ZRAM_THREAD_H */
