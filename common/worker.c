/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "futex.h"
#include "thread.h"
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

int
worker_start (struct worker *worker)
{
  int r;

  worker->stop = false;
  r = thread_start (&worker->thread,
                    worker->ordinary ? THREAD_ORDINARY : THREAD_SERVES, run,
                    worker);
  worker->running = r == 0;
  return r;
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
  futex_tell (&worker->wake);
}
