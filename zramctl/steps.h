/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that are run one after the other, each shown on standard output
 * before, as one would type it to a shell.
 */
#ifndef ZRAM_STEPS_H
#define ZRAM_STEPS_H

#include <stdbool.h>

/* Words of a command, and a NULL. */
#define STEP(...) ((const char *const[]){__VA_ARGS__, NULL})

struct steps {
  bool dry;     /* they are only shown */
  bool undoing; /* that is gone through with, whoever interrupts */
};

/* From now on what interrupts (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE:
 * nobody reads what is shown), unless it is ignored, ends no more than the
 * command that is running, and steps_run fails: what has been done can be
 * undone. */
extern void steps_catch_signals (void);

/* 0; -1: there was an interruption, which has been complained of.  For after
 * the last of STEPS, and where one waits between them. */
extern int steps_go_on (const struct steps *steps);

/* Run WORDS, by the PATH, and wait.  0; -1: it failed, or it was interrupted,
 * which has been complained of. */
extern int steps_run (const struct steps *steps, const char *const words[]);

/* The same of what leaves somebody in the background: in a session of its own,
 * where no terminal's keys reach him. */
extern int
steps_run_apart (const struct steps *steps, const char *const words[]);

/* The same of what takes long: TICK (ARG) is called several times a second. */
extern int steps_run_long (const struct steps *steps, const char *const words[],
                           void (*tick) (void *arg), void *arg);

#endif /* ZRAM_STEPS_H */
