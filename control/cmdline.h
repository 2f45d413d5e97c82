/* SPDX-License-Identifier: BSD-3-Clause */
/* What nbdkit's command line says that it does not tell its plugins.
 * cmdline.c says how that is known, and what if it is wrong.
 */
#ifndef ZRAM_CMDLINE_H
#define ZRAM_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

/* Threads that nbdkit has for a connection unless told otherwise. */
#define CMDLINE_DEFAULT_THREADS 16U

struct cmdline {
  bool swap;        /* --swap is given */
  unsigned threads; /* -t, or the default: for each connection, at least 1 */
};

/* Read a command line as /proc/PID/cmdline has it: LEN bytes at ARGS, a NUL
 * byte after each argument, the first of which is the program.  What no NUL
 * byte follows is left out. */
extern void
cmdline_parse (struct cmdline *cmdline, const char *args, size_t len);

/* This process's: as if nothing were given if it cannot be read. */
extern void cmdline_read (struct cmdline *cmdline);

#endif /* ZRAM_CMDLINE_H */
