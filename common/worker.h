/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread that looks whether there is work: at intervals, and at once when it
 * is woken.  It takes no signals: those are for nbdkit.
 */
#ifndef ZRAM_WORKER_H
#define ZRAM_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct worker {
  const char *name;  /* of the thread, at most 15 characters */
  unsigned interval; /* milliseconds between two looks; a look may set it */
  bool ordinary;     /* not of a real-time class, even if the process is */
  void (*look) (void *arg);
  void *arg;

  /* The worker's own. */
  pthread_t thread;
  bool running;
  _Atomic bool stop;     /* a long look heeds it, and returns */
  _Atomic uint32_t wake; /* futex: 1: look now */
};

/* Start the thread of WORKER, whose first fields are set and whose others are
 * zero or were left by worker_stop.  After the server has forked: a fork leaves
 * threads behind.  -EAGAIN; -EPERM: the first thread is of a real-time class,
 * and the caller, who is not, may not start such a one. */
extern int worker_start (struct worker *worker);

/* End it, and wait for its last look.  Harmless if it was never started. */
extern void worker_stop (struct worker *worker);

/* There may be work.  From any thread; costs one atomic if the worker has been
 * told already. */
extern void worker_wake (struct worker *worker);

#endif /* ZRAM_WORKER_H */
