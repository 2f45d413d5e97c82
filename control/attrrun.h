/* SPDX-License-Identifier: BSD-3-Clause */
/* Attributes that are runs over what is stored: compact, idle, recompress.
 *
 * The sets of the table's rows; see struct attr.  They have no lock: reads,
 * writes and other attributes go on.
 */
#ifndef ZRAM_ATTRRUN_H
#define ZRAM_ATTRRUN_H

#include "attrparse.h"

struct disk;
struct run;

extern int compact_set (struct disk *disk, const char *value,
                        const struct run *run, struct attr_error *error);
extern int idle_set (struct disk *disk, const char *value,
                     const struct run *run, struct attr_error *error);
extern int recompress_set (struct disk *disk, const char *value,
                           const struct run *run, struct attr_error *error);

#endif /* ZRAM_ATTRRUN_H */
