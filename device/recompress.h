/* SPDX-License-Identifier: BSD-3-Clause */
/* Recompression's own, of a device that has a secondary algorithm:
 * zram_recompress in zram.h is what it does.
 */
#ifndef ZRAM_RECOMPRESS_H
#define ZRAM_RECOMPRESS_H

struct recompress;
struct workpool;

/* Room for the pages that a run has in hand, which the background lane of POOL
 * compresses; NULL: the run itself, one at a time.  -ENOMEM. */
extern int
recompress_create (struct recompress **recompress, struct workpool *pool);

/* Put memory behind it, so that no run takes any.  -ENOMEM. */
extern int recompress_populate (struct recompress *recompress);

/* No run may be under way.  RECOMPRESS may be NULL. */
extern void recompress_destroy (struct recompress *recompress);

#endif /* ZRAM_RECOMPRESS_H */
