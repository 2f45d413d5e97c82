/* SPDX-License-Identifier: BSD-3-Clause */
/* A file that is replaced as a whole: who reads it sees the old one or the new
 * one, never a part.
 */
#ifndef ZRAM_REPLACEFILE_H
#define ZRAM_REPLACEFILE_H

#include <stdio.h>

struct replacefile {
  const char *path;
  char *temporary; /* PATH.XXXXXX, which is written meanwhile */
  FILE *fp;        /* to be written to */
};

/* Begin with an empty file beside PATH, which outlives FILE; it has a name of
 * its own.  -1: errno says why, and nothing is to be ended. */
extern int replacefile_begin (struct replacefile *file, const char *path);

/* Put it in the place of PATH.  -1: errno says why; PATH is what it was, and
 * what has been written is gone.  FILE is free again in any case. */
extern int replacefile_end (struct replacefile *file);

#endif /* ZRAM_REPLACEFILE_H */
