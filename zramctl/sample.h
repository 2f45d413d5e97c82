/* SPDX-License-Identifier: BSD-3-Clause */
/* The numbers that a server gives of a disk, at one moment. */
#ifndef ZRAM_SAMPLE_H
#define ZRAM_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

struct ctlclient;

/* The attributes that they come from, in the order in which they are asked
 * for.  The first SAMPLE_NEEDED are what the table of disks shows. */
enum sample_attribute {
  SAMPLE_DISKSIZE,
  SAMPLE_COMP_ALGORITHM,
  SAMPLE_MM_STAT,
  SAMPLE_NEEDED,
  SAMPLE_ATTRIBUTES = SAMPLE_NEEDED
};

/* Columns of mm_stat, named as there. */
enum {
  MM_ORIG_DATA_SIZE,
  MM_COMPR_DATA_SIZE,
  MM_MEM_USED_TOTAL,
  MM_MEM_LIMIT,
  MM_MEM_USED_MAX,
  MM_SAME_PAGES,
  MM_PAGES_COMPACTED,
  MM_HUGE_PAGES,
  MM_HUGE_PAGES_SINCE,
  MM_COLUMNS
};

#define SAMPLE_COLUMNS MM_COLUMNS

struct sample {
  char algorithm[64]; /* the one of comp_algorithm that is chosen */

  /* The columns of each attribute, and how many of them there are: what the
   * server has not got has none. */
  uint64_t columns[SAMPLE_ATTRIBUTES][SAMPLE_COLUMNS];
  unsigned n[SAMPLE_ATTRIBUTES];
};

/* Ask the server that CLIENT is connected to for the first N attributes of
 * DISK.  -1, and CLIENT's message says why: one of them is not what it should
 * be. */
extern int sample_read (struct sample *sample, struct ctlclient *client,
                        const char *disk, unsigned n);

/* A column that every server has. */
static inline uint64_t
sample_mm (const struct sample *sample, unsigned column)
{
  return sample->columns[SAMPLE_MM_STAT][column];
}

static inline uint64_t
sample_disksize (const struct sample *sample)
{
  return sample->columns[SAMPLE_DISKSIZE][0];
}

/* What is stored, uncompressed, divided by the memory that it takes.  False:
 * it takes none. */
extern bool sample_ratio (const struct sample *sample, double *ratio);

#endif /* ZRAM_SAMPLE_H */
