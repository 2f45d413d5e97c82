/* SPDX-License-Identifier: BSD-3-Clause */
/* The device: a disk of pages, each compressed into RAM.
 *
 * An instance; there is no state outside it, and one process may have many.
 * Every call but create and destroy may be made by any number of threads at
 * once.  A page is never torn: whoever reads it sees it as it was before or
 * after each write that overlaps the read, however either is aligned.
 *
 * OFFSET and COUNT are bytes, need no alignment, and must lie within the
 * device: OFFSET + COUNT <= zram_disksize (the NBD server sees to it).
 * Errors are negative errno:
 *   -ENOSPC  mem_limit was reached; the content is the old one
 *   -ENOMEM  the system has no memory; the content is the old one
 *   -EIO     a stored page could not be restored
 * A request that fails may have done the pages before the one that failed.
 */
#ifndef ZRAM_H
#define ZRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "page.h"

/* The largest device, in bytes: 2^32 slots.  zram stopped there too until 7.3,
 * and every index below has been sized for it. */
#define ZRAM_MAX_DISKSIZE (UINT64_C (1) << (32 + ZRAM_PAGE_SHIFT))

/* The algorithm when none is named. */
#define ZRAM_DEFAULT_ALGORITHM "lz4"

struct zram;
struct zcomp_backend;

/* What a device is made of.  All-zero but for disksize will do. */
struct zram_config {
  uint64_t disksize;  /* bytes, 1 to ZRAM_MAX_DISKSIZE; rounded up to pages */
  uint64_t mem_limit; /* bytes that the pool may take; 0: no limit */
  const struct zcomp_backend *comp_algorithm; /* NULL: the default */
};

/* zram's mm_stat and io_stat, same names, same units. */
struct zram_stats {
  uint64_t orig_data_size;
  uint64_t compr_data_size;
  uint64_t mem_used_total;
  uint64_t mem_limit;
  uint64_t mem_used_max;
  uint64_t same_pages;
  uint64_t pages_compacted;
  uint64_t huge_pages;
  uint64_t huge_pages_since;
  uint64_t failed_reads;
  uint64_t failed_writes;
  uint64_t notify_free;
};

/* Make an empty device.  -EINVAL: disksize is 0 or over the maximum. */
extern int zram_create (struct zram **zram, const struct zram_config *config);

/* No call may be under way.  ZRAM may be NULL. */
extern void zram_destroy (struct zram *zram);

extern uint64_t zram_disksize (const struct zram *zram);
extern const char *zram_comp_algorithm (const struct zram *zram);

/* Fill all of BUF; never-written and discarded pages read as zeros. */
extern int
zram_read (struct zram *zram, void *buf, uint64_t count, uint64_t offset);
extern int zram_write (struct zram *zram, const void *buf, uint64_t count,
                       uint64_t offset);

/* Free the whole pages in the range; bytes of pages that lie only partly in it
 * keep their content.  Cannot fail.  NBD_CMD_TRIM; zram's discard. */
extern void zram_discard (struct zram *zram, uint64_t count, uint64_t offset);

/* Make the range read as zeros, to the byte (NBD_CMD_WRITE_ZEROES). */
extern int zram_zero (struct zram *zram, uint64_t count, uint64_t offset);

/* How many bytes from OFFSET, at most COUNT (which is not 0), are alike: all a
 * hole (never written, discarded, or zero-filled: *HOLE is true, and they read
 * as zeros) or all data.  Takes no lock. */
extern uint64_t
zram_extent (struct zram *zram, uint64_t count, uint64_t offset, bool *hole);

/* Takes no lock that I/O waits on; exact when there is no I/O. */
extern void zram_stats (const struct zram *zram, struct zram_stats *stats);

#endif /* ZRAM_H */
