/* SPDX-License-Identifier: BSD-3-Clause */
/* How much memory must be free for us to take some without harm.
 *
 *      low   ---------   kswapd begins to free memory
 *      min   ---------   programs get nothing below it, and wait
 *      mark  - - - - -   we take nothing below it
 *      half  ---------   threads of a real-time class get nothing below it
 *      0     ---------   who frees memory gets all, as Linux's nbd does then
 *
 * At "min" programs would be there first, whenever anything is freed.  At the
 * half there would be nothing for answers, which need memory to be sent, nor
 * for what nbd may take of it.
 *
 * These are of each zone of the machine's memory.  One of low addresses keeps
 * more for those who can do with nothing else ("protection"): that is free,
 * too, and of no use to us.
 */
#ifndef ZRAM_WATERMARK_H
#define ZRAM_WATERMARK_H

#include <stdint.h>

/* Make ready for watermark_bytes, which takes no memory after it, where nbd may
 * take BUFFER bytes for what it sends.  -1: /proc does not say. */
extern int watermark_open (uint64_t buffer);

/* The mark: what is to be free in all, in bytes; changes with
 * vm.min_free_kbytes, which huge pages change, too.  0: it is not known.  Each
 * disk's reserve asks, from a thread of its own. */
extern uint64_t watermark_bytes (void);

/* What there is in /proc/zoneinfo. */
struct watermark_zones {
  uint64_t protected; /* pages that are free, but not for us */
  uint64_t min;       /* pages, of the other zones */
};
extern struct watermark_zones watermark_parse (const char *zoneinfo);

/* The mark, in bytes, of ZONES with pages of PAGE bytes, with that BUFFER. */
extern uint64_t watermark_of (const struct watermark_zones *zones,
                              uint64_t page, uint64_t buffer);

#endif /* ZRAM_WATERMARK_H */
