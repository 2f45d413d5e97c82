/* SPDX-License-Identifier: BSD-3-Clause */
/* A run: work of some time that somebody has asked for, who may want it to end,
 * and to know how far it is.
 */
#ifndef ZRAM_RUN_H
#define ZRAM_RUN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct run {
  const _Atomic bool *stop; /* set: the run is to end; NULL: it never is */
  const _Atomic bool *gone; /* likewise: what it works on is to go */

  /* Told that DONE of TOTAL is done, as often as there is something to tell,
   * which may be a thousand times a second.  It is called on the thread that
   * does the work, which holds no lock that others wait for, but who takes
   * away what it works on waits for it.  NULL: nobody wants to know. */
  void (*progress) (void *arg, uint64_t done, uint64_t total);
  void *arg;

  /* RUN_OUTCOME_SIZE bytes for a line about what has come of it; it stays as it
   * is if there is nothing to say.  NULL: nobody wants to know. */
  char *outcome;
};

#define RUN_OUTCOME_SIZE 128

/* Each of these takes NULL for a run that nobody follows. */

static inline bool
run_flag (const _Atomic bool *flag)
{
  return flag && atomic_load_explicit (flag, memory_order_relaxed);
}

static inline bool
run_stopped (const struct run *run)
{
  return run && (run_flag (run->stop) || run_flag (run->gone));
}

/* Of one run TOTAL stays the same, and DONE never gets less, or more than it.
 */
static inline void
run_progress (const struct run *run, uint64_t done, uint64_t total)
{
  if (run && run->progress)
    run->progress (run->arg, done, total);
}

static inline void
run_outcome (const struct run *run, const char *text)
{
  if (run && run->outcome)
    snprintf (run->outcome, RUN_OUTCOME_SIZE, "%s", text);
}

#endif /* ZRAM_RUN_H */
