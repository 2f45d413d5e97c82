/* SPDX-License-Identifier: BSD-3-Clause */
/* What the attributes show that are not set: each prints one line (debug_stat
 * two), statistics all 0 (but for what has been configured) without a device.
 * The caller holds the disk's lock for reading.
 */
#ifndef ZRAM_ATTRSHOW_H
#define ZRAM_ATTRSHOW_H

#include <stdio.h>

struct disk;

extern void mm_stat_show (const struct disk *disk, FILE *fp);
extern void io_stat_show (const struct disk *disk, FILE *fp);
extern void stat_show (const struct disk *disk, FILE *fp);
extern void size_stat_show (const struct disk *disk, FILE *fp);
extern void debug_stat_show (const struct disk *disk, FILE *fp);
extern void slot_stat_show (const struct disk *disk, FILE *fp);
/* The next lines of many: see attr.h's show_part. */
extern int block_state_show (const struct disk *disk, uint64_t *at, FILE *fp);

extern void frag_stat_show (const struct disk *disk, FILE *fp);
extern void swap_stat_show (const struct disk *disk, FILE *fp);
extern void streams_show (const struct disk *disk, FILE *fp);
extern void recomp_stat_show (const struct disk *disk, FILE *fp);
extern void stream_stat_show (const struct disk *disk, FILE *fp);
extern void workers_show (const struct disk *disk, FILE *fp);
extern void reserve_show (const struct disk *disk, FILE *fp);
extern void mem_min_show (const struct disk *disk, FILE *fp);
extern void mem_total_show (const struct disk *disk, FILE *fp);
extern void export_show (const struct disk *disk, FILE *fp);
extern void clients_show (const struct disk *disk, FILE *fp);

#endif /* ZRAM_ATTRSHOW_H */
