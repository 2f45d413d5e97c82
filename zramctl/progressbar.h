/* SPDX-License-Identifier: BSD-3-Clause */
/* A line on a terminal that says how far something is, redrawn in place.  When
 * that ends, be it that somebody interrupts the program, it is wiped off: it is
 * no part of what the program prints.  There is one at a time.
 *
 * It needs of a terminal that it knows the carriage return, and no more: the
 * cursor waits at the line's beginning.
 */
#ifndef ZRAM_PROGRESSBAR_H
#define ZRAM_PROGRESSBAR_H

#include <stdbool.h>
#include <stdint.h>

/* The longest; on a narrower terminal it is shorter. */
#define PROGRESSBAR_COLUMNS 79

/* Make such a line of WHAT, of which DONE of TOTAL is done, in at most COLUMNS
 * columns.  WHAT is ASCII. */
extern void
progressbar_print (char line[PROGRESSBAR_COLUMNS + 1], unsigned columns,
                   const char *what, uint64_t done, uint64_t total);

/* Show on FD how far WHAT is, which stays until the end, if that takes longer
 * than DELAY milliseconds.  False: FD is no terminal, and nothing is shown. */
extern bool progressbar_begin (int fd, const char *what, unsigned delay);

/* DONE of TOTAL is done.  ARG is nobody's: as ctlclient.h has it. */
extern void progressbar_update (void *arg, uint64_t done, uint64_t total);

/* Harmless if none has begun. */
extern void progressbar_end (void);

#endif /* ZRAM_PROGRESSBAR_H */
