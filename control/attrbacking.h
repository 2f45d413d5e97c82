/* SPDX-License-Identifier: BSD-3-Clause */
/* The backing store: what it is, what may go there, and sending it there.
 *
 * The stores, sets and shows of the table's rows; see struct attr.  Limits and
 * how pages leave stay as they were told when the disk is reset, as in zram;
 * the store does not.
 */
#ifndef ZRAM_ATTRBACKING_H
#define ZRAM_ATTRBACKING_H

#include <stdio.h>

#include "attrparse.h"

struct attr_config;
struct disk;
struct run;

extern int backing_dev_store (struct attr_config *config, const char *value,
                              struct attr_error *error);
extern int backing_dev_set (struct disk *disk, const char *value,
                            const struct run *run, struct attr_error *error);
extern void backing_dev_show (const struct disk *disk, FILE *fp);
extern int backing_size_store (struct attr_config *config, const char *value,
                               struct attr_error *error);
extern int
backing_overwrite_store (struct attr_config *config, const char *value,
                         struct attr_error *error);
extern void backing_engine_show (const struct disk *disk, FILE *fp);
extern int backing_timeout_store (struct attr_config *config, const char *value,
                                  struct attr_error *error);
extern void backing_timeout_show (const struct disk *disk, FILE *fp);
extern int backing_waiters_store (struct attr_config *config, const char *value,
                                  struct attr_error *error);
extern void backing_waiters_show (const struct disk *disk, FILE *fp);

extern int
compressed_writeback_store (struct attr_config *config, const char *value,
                            struct attr_error *error);
extern void compressed_writeback_show (const struct disk *disk, FILE *fp);

extern int
writeback_batch_size_store (struct attr_config *config, const char *value,
                            struct attr_error *error);
extern int
writeback_batch_size_set (struct disk *disk, const char *value,
                          const struct run *run, struct attr_error *error);
extern void writeback_batch_size_show (const struct disk *disk, FILE *fp);

extern int
writeback_limit_enable_store (struct attr_config *config, const char *value,
                              struct attr_error *error);
extern int
writeback_limit_enable_set (struct disk *disk, const char *value,
                            const struct run *run, struct attr_error *error);
extern void writeback_limit_enable_show (const struct disk *disk, FILE *fp);
extern int writeback_limit_store (struct attr_config *config, const char *value,
                                  struct attr_error *error);
extern int
writeback_limit_set (struct disk *disk, const char *value,
                     const struct run *run, struct attr_error *error);
extern void writeback_limit_show (const struct disk *disk, FILE *fp);

extern int writeback_set (struct disk *disk, const char *value,
                          const struct run *run, struct attr_error *error);
extern void bd_stat_show (const struct disk *disk, FILE *fp);
extern void backing_stat_show (const struct disk *disk, FILE *fp);

#endif /* ZRAM_ATTRBACKING_H */
