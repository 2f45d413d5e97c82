/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "thread.h"

static void
choose_class (pthread_attr_t *attr, enum thread_class class)
{
  struct sched_param param = {0};
  int policy = sched_getscheduler (getpid ());

  if (class != THREAD_SERVES && (policy == SCHED_RR || policy == SCHED_FIFO))
    policy = SCHED_OTHER;
  else
    sched_getparam (getpid (), &param);
  pthread_attr_setinheritsched (attr, PTHREAD_EXPLICIT_SCHED);
  pthread_attr_setschedpolicy (attr, policy);
  pthread_attr_setschedparam (attr, &param);
}

int
thread_start (pthread_t *thread, enum thread_class class,
              void *(*fn) (void *arg), void *arg)
{
  sigset_t all, before;
  pthread_attr_t attr;
  int r;

  pthread_attr_init (&attr);
  choose_class (&attr, class);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  r = pthread_create (thread, &attr, fn, arg);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  pthread_attr_destroy (&attr);
  return -r;
}

void
thread_give_way (void)
{
  const struct sched_param param = {0};

  sched_setscheduler (0, SCHED_IDLE, &param);
}
