/* SPDX-License-Identifier: BSD-3-Clause */
/* A device full of pages that compress to the sizes that real ones do, and what
 * the system says of its memory: for the suites that look at a device as a
 * whole.
 */
#ifndef ZRAM_FILLING_H
#define ZRAM_FILLING_H

#include <stdint.h>

#include "zram.h"

/* A device, and which of its pages should hold what. */
struct filling {
  struct zram *zram;
  uint64_t nr_pages;
  uint64_t seed;
  unsigned kept; /* of each hundred pages; the others have been discarded */
  unsigned threshold; /* the device's compact_threshold */
};

/* Fill a page so that lz4 makes of it what it makes of pages that programs left
 * in memory: one in thirty does not compress, the others spread from 40 bytes
 * to nearly a page, 1350 in the mean.  The same SEED makes the same bytes. */
extern void page_fill_real (void *page, uint64_t seed);

/* What such pages have in the mean when compressed, about. */
#define REAL_MEAN 1430

/* Make a device of NR_PAGES with that compact_threshold and fill all of it. */
extern void
filling_make (struct filling *filling, uint64_t nr_pages, unsigned threshold);

/* Discard all but KEPT of each hundred pages, at random, one page at a time. */
extern void filling_discard (struct filling *filling, unsigned kept);

/* Fail unless every page is what it should be. */
extern void filling_check (const struct filling *filling);

/* Write all pages once more, those that were discarded too. */
extern void filling_refill (struct filling *filling);

extern void filling_destroy (struct filling *filling);

/* Bytes of the system's memory that are in use, by whatever counter is nearest
 * to this process: its memory cgroup's, or else the whole machine's MemFree.
 * Other processes move it too.  NAME, if not NULL, is which. */
extern uint64_t system_used (const char **name);

/* Bytes of private mappings of this process that may be written, touched or
 * not: what vm.overcommit_memory=2 counts against its limit. */
extern uint64_t writable_bytes (void);

#endif /* ZRAM_FILLING_H */
