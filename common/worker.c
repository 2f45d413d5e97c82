/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <sched.h>
#include <signal.h>

#include "futex.h"
#include "worker.h"

static void *
run (void *arg)
{
  struct worker *const worker = arg;
  const struct sched_param none = {0};

  if (worker->ordinary)
    pthread_setschedparam (pthread_self (), SCHED_OTHER, &none);
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

int
worker_start (struct worker *worker)
{
  sigset_t all, before;
  int r;

  worker->stop = false;
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  r = pthread_create (&worker->thread, NULL, run, worker);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
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
