/* SPDX-License-Identifier: BSD-3-Clause */
/* The terminal as a screen: it is as it was, whichever way the program ends,
 * also by a signal, and while it is stopped.
 */
#ifndef ZRAM_TERMINAL_H
#define ZRAM_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "screen.h"

/* Make a screen of standard output, and take keys from standard input if that
 * is a terminal, too.  False: standard output is no terminal, or one that can
 * do no more than print (TERM=dumb, or none). */
extern bool terminal_begin (void);

extern void terminal_size (unsigned *width, unsigned *height);

/* Show SCREEN, in place of what was shown. */
extern void terminal_show (const struct screen *screen);

enum terminal_event {
  TERMINAL_TIME,    /* it is DEADLINE */
  TERMINAL_CHANGED, /* the size is another one, or all has to be shown anew */
  TERMINAL_QUIT     /* 'q' has been pressed */
};

/* Wait for something to happen; DEADLINE: in milliseconds, of clock_ms. */
extern enum terminal_event terminal_wait (uint64_t deadline);

/* As it was before terminal_begin; harmless without. */
extern void terminal_end (void);

#endif /* ZRAM_TERMINAL_H */
