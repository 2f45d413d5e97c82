/* SPDX-License-Identifier: BSD-3-Clause */
/* The attribute "faults", of builds that have faults.h only.
 *
 *   POINT fail|short|late|off [ms=MS] [count=N] [after=N] [percent=N] [seed=N]
 *
 * POINT may be a pattern, as for names of files.  What a server is to have from
 * its first moment on stands in NBDKIT_ZRAM_FAULTS in its environment; a
 * semicolon separates two of them.  What can be read is a line for each point:
 * its name, the faults that it can have, how often it was come by, and how
 * often it had one.  NBDKIT_ZRAM_FAULTS_AT_EXIT names a file to which the
 * server appends that when it ends.
 */
#ifndef ZRAM_ATTRFAULTS_H
#define ZRAM_ATTRFAULTS_H

#include <stdio.h>

#include "attrparse.h"

struct disk;
struct run;

/* The row's set and show; all disks have the same points. */
extern int faults_set_words (struct disk *disk, const char *value,
                             const struct run *run, struct attr_error *error);
extern void faults_show (const struct disk *disk, FILE *fp);

#endif /* ZRAM_ATTRFAULTS_H */
