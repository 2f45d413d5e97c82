/* SPDX-License-Identifier: BSD-3-Clause */
/* The numbers that a server gives of a disk, at one moment. */
#ifndef ZRAM_SAMPLE_H
#define ZRAM_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

struct ctlclient;

/* The attributes that they come from, in the order in which they are asked
 * for.  The first SAMPLE_TABLE are what the table of disks shows; a server must
 * have the first SAMPLE_NEEDED. */
enum sample_attribute {
  SAMPLE_DISKSIZE,
  SAMPLE_COMP_ALGORITHM,
  SAMPLE_MM_STAT,
  SAMPLE_NEEDED,
  SAMPLE_STREAMS = SAMPLE_NEEDED,
  SAMPLE_BD_STAT,
  SAMPLE_TABLE,
  SAMPLE_INITSTATE = SAMPLE_TABLE,
  SAMPLE_IO_STAT,
  SAMPLE_STAT,
  SAMPLE_SIZE_STAT,
  SAMPLE_RESERVE,
  SAMPLE_SWAP_STAT,
  SAMPLE_BACKING_STAT,
  SAMPLE_ATTRIBUTES
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

/* Of bd_stat, the last two in units of SAMPLE_PAGE; all 0 without a backing
 * store. */
enum {
  BD_COUNT,
  BD_READS,
  BD_WRITES,
  BD_COLUMNS
};

/* Of backing_stat, the first three in bytes. */
enum {
  BACKING_WRITTEN,
  BACKING_LIVE,
  BACKING_DEAD,
  BACKING_SEGMENTS,
  BACKING_FREE_SEGMENTS,
  BACKING_READ_ERRORS,
  BACKING_WRITE_ERRORS,
  BACKING_CHECKSUM_ERRORS,
  BACKING_COLUMNS
};

/* Of io_stat. */
enum {
  IO_FAILED_READS,
  IO_FAILED_WRITES,
  IO_INVALID_IO,
  IO_NOTIFY_FREE,
  IO_COLUMNS
};

/* Of stat, which is the block layer's, those that servers count; sectors have
 * 512 bytes. */
enum {
  STAT_READS = 0,
  STAT_READ_SECTORS = 2,
  STAT_WRITES = 4,
  STAT_WRITE_SECTORS = 6,
  STAT_DISCARDS = 11,
  STAT_DISCARD_SECTORS = 13,
  STAT_COLUMNS = 14
};

#define SAMPLE_SECTOR 512

/* Of size_stat: pages by the size that they are stored in.  Those in between
 * are compressed, to at most (i + 1) * SIZE_STEP bytes in the one after i. */
enum {
  SIZE_SAME,
  SIZE_COMPRESSED,
  SIZE_STEPS = 16,
  SIZE_STEP = 256,
  SIZE_HUGE = SIZE_COMPRESSED + SIZE_STEPS,
  SIZE_COLUMNS
};

/* Of swap_stat.  The last may be negative: -1 is UINT64_MAX. */
enum {
  SWAP_RESERVE_LEAST,
  SWAP_RESERVE_WAITING,
  SWAP_RESERVE_REFUSED,
  SWAP_THREADS,
  SWAP_IO_FLUSHERS,
  SWAP_REALTIME,
  SWAP_LOCKED,
  SWAP_OOM_SCORE_ADJ,
  SWAP_COLUMNS
};

/* As many as any has. */
#define SAMPLE_COLUMNS SIZE_COLUMNS

/* Bytes of a page of a disk, on every machine. */
#define SAMPLE_PAGE 4096

struct sample {
  uint64_t when;      /* clock_ms, when it was complete */
  char algorithm[64]; /* the one of comp_algorithm that is chosen */

  /* The columns of each attribute, and how many of them there are: what the
   * server has not got has none. */
  uint64_t columns[SAMPLE_ATTRIBUTES][SAMPLE_COLUMNS];
  unsigned n[SAMPLE_ATTRIBUTES];
};

/* Ask the server that CLIENT is connected to for the first N attributes of
 * DISK.  It may lack those that are not needed.  -1, and CLIENT's message says
 * why: one of them is not what it should be. */
extern int sample_read (struct sample *sample, struct ctlclient *client,
                        const char *disk, unsigned n);

static inline bool
sample_has (const struct sample *sample, enum sample_attribute attribute)
{
  return sample->n[attribute] > 0;
}

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
