/* SPDX-License-Identifier: BSD-3-Clause */
/* The statistics, counted again slot by slot.
 *
 * Each page of I/O moves counters (stats.h), so that reading them costs nothing
 * that grows with the disk; a page that is counted wrongly once stays so.  A
 * debug build therefore counts again what is in each device at its end, in
 * every test, and aborts if that is something else.
 */
#ifndef ZRAM_RECOUNT_H
#define ZRAM_RECOUNT_H

#include "zram.h"

/* What there is of ZRAM, in whose slots nobody is any more, must be what the
 * counters say, or the process aborts. */
#if ZRAM_DEBUG
extern void recount_check (struct zram *zram);
#else
static inline void
recount_check (struct zram *zram)
{
  (void) zram;
}
#endif

#endif /* ZRAM_RECOUNT_H */
