/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes wrong, told to the person who runs the program. */
#ifndef ZRAM_COMPLAIN_H
#define ZRAM_COMPLAIN_H

#include "compiler.h"

/* "nbdkit-zramctl: " and the message, a line on the standard error.  What it
 * quotes may hold anything: see safetext.h. */
ZRAM_PRINTF (1, 2)
extern void complain (const char *format, ...);

/* The same, and where to find what can be given.  What main returns. */
ZRAM_PRINTF (1, 2)
extern int complain_usage (const char *format, ...);

/* Where to find it, alone.  What main returns. */
extern int complain_try_help (void);

/* There is none left: the end of the program. */
extern void complain_of_memory (void) __attribute__ ((noreturn));

/* MEMORY that was asked for, unless there was none. */
extern void *complain_unless (void *memory);

#endif /* ZRAM_COMPLAIN_H */
