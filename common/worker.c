/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "futex.h"
#include "worker.h"

static void *
run (void *arg)
{
  struct worker *const worker = arg;

  pthread_setname_np (pthread_self (), worker->name);
  while (!worker->stop) {
    /* Cleared before anything is looked at, so that no wake-up is missed. */
    worker->wake = 0;
    worker->look (worker->arg);
    if (!worker->stop)
      futex_wait_ms (&worker->wake, 0, worker->interval);
  }
  return NULL;
}

/* Its scheduling class is the process's first thread's, whoever starts it;
 * ORDINARY: unless that is a real-time one. */
static void
choose_class (pthread_attr_t *attr, bool ordinary)
{
  struct sched_param param = {0};
  int policy = sched_getscheduler (getpid ());

  if (ordinary && (policy == SCHED_RR || policy == SCHED_FIFO))
    policy = SCHED_OTHER;
  else
    sched_getparam (getpid (), &param);
  pthread_attr_setinheritsched (attr, PTHREAD_EXPLICIT_SCHED);
  pthread_attr_setschedpolicy (attr, policy);
  pthread_attr_setschedparam (attr, &param);
}

int
worker_start (struct worker *worker)
{
  sigset_t all, before;
  pthread_attr_t attr;
  int r;

  worker->stop = false;
  pthread_attr_init (&attr);
  choose_class (&attr, worker->ordinary);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  r = pthread_create (&worker->thread, &attr, run, worker);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  pthread_attr_destroy (&attr);
  worker->running = r == 0;
  return -r;
}

void
worker_stop (struct worker *worker)
{
  if (!worker->running)
    return;
  worker->stop = true;
  worker_wake (worker);
  pthread_join (worker->thread, NULL);
  worker->running = false;
}

void
worker_wake (struct worker *worker)
{
  if (atomic_exchange (&worker->wake, 1) == 0)
    futex_wake_all (&worker->wake);
}
