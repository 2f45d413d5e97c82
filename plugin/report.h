/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics for a person: at SIGUSR1, and at exit.
 *
 * The order of the calls follows nbdkit's: report_prepare before the fork,
 * report_start after it, report_stop when the server ends.  There is one of
 * these for each process, because there is one SIGUSR1.
 */
#ifndef ZRAM_REPORT_H
#define ZRAM_REPORT_H

struct diskset;

/* In .get_ready, where an error still reaches a person: open STATSFILE (NULL:
 * standard error, or syslog once nbdkit is in the background) and install the
 * handler.  -1 after nbdkit_error. */
extern int report_prepare (const char *statsfile);

/* In .after_fork: start the thread that writes of each disk of SET when the
 * signal has come. */
extern int report_start (struct diskset *set);

/* In .cleanup: write once more, and end the thread. */
extern void report_stop (void);

/* The start has failed: a statsfile that was not there before goes. */
extern void report_undo (void);

/* In .unload: this code is about to go, so from now on the signal is ignored;
 * its default action would kill. */
extern void report_unload (void);

#endif /* ZRAM_REPORT_H */
