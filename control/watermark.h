/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's mark below which nobody gets memory without waiting.
 *
 * Where less than a zone's "min" is free, who asks for memory has to free some
 * first, which may mean to wait for swap; only threads of a real-time class may
 * have half of it without.  Zones of low addresses keep more of what they have
 * from those who could do with higher ones ("protection").
 */
#ifndef ZRAM_WATERMARK_H
#define ZRAM_WATERMARK_H

#include <stdint.h>

/* The bytes that are free in all when the zones have their "min" left and no
 * more, but for what is protected from us.  To be asked when memory is not
 * short: what of a zone is free then, and protected, stays so.  0: /proc does
 * not say. */
extern uint64_t watermark_bytes (void);

/* The same in pages, by what is in /proc/zoneinfo. */
extern uint64_t watermark_pages (const char *zoneinfo);

#endif /* ZRAM_WATERMARK_H */
