/* SPDX-License-Identifier: BSD-3-Clause */
/* Names that somebody else may have put where one is looked for. */
#ifndef ZRAM_PLANTED_H
#define ZRAM_PLANTED_H

#include <stdbool.h>

/* open (NAME, FLAGS) of what is there; a descriptor, or -1 and errno.  In a
 * directory like /tmp, where everybody may make names, only a file of this
 * process's user's or the directory's owner's that has no other name, and not
 * by a link.  *PLANTED: it is none, and errno is EPERM. */
extern int planted_open (const char *name, int flags, bool *planted);

/* The same, where what is not there is made (*MADE), for its owner alone. */
extern int
planted_make_or_open (const char *name, int flags, bool *made, bool *planted);

#endif /* ZRAM_PLANTED_H */
