/* SPDX-License-Identifier: BSD-3-Clause */
/* A server that ThreadSanitizer watches, and that reports no race, may not have
 * looked for any: this one, as it ends, it has to report. */
#include <config.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile unsigned raced;

static void *
race_on_purpose (void *unused)
{
  (void) unused;
  raced++;
  return NULL;
}

/* Nothing of the server is left.  What is registered earlier is not called:
 * with the runtime preloaded, the destructor of one of nbdkit's libraries waits
 * for ever, for a lock of glibc's locales, as in control/attrfaults.c. */
static void
race_at_exit (int status, void *unused)
{
  pthread_t thread;

  (void) unused;
  if (pthread_create (&thread, NULL, race_on_purpose, NULL) == 0) {
    race_on_purpose (NULL);
    pthread_join (thread, NULL);
  }
  fflush (NULL);
  _exit (status);
}

__attribute__ ((constructor)) static void
prepare_race (void)
{
  on_exit (race_at_exit, NULL);
}
