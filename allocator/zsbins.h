/* SPDX-License-Identifier: BSD-3-Clause */
/* Bins: the free blocks of a pool by length, one bin for each.
 *
 * A zspage has 8192 granules, so there are so few lengths that every one can
 * have a list of its own.  A bit says which lists have anything in them, and
 * a bit over 64 of those which words have: the best fit is found by looking at
 * two words, whatever the pool holds.  Under the shard lock.
 */
#ifndef ZRAM_ZSBINS_H
#define ZRAM_ZSBINS_H

#include <stdint.h>

#include "zsblock.h"

#define ZS_BINS       (ZSPAGE_GRANULES + 1)
#define ZS_BIN_WORDS  ((ZS_BINS + 63) / 64)
#define ZS_BIN_GROUPS ((ZS_BIN_WORDS + 63) / 64)

struct zs_bins {
  uint64_t groups[ZS_BIN_GROUPS];
  uint64_t words[ZS_BIN_WORDS];
  zs_ref heads[ZS_BINS];
};

/* Put the free block REF of LEN granules, at least ZS_MIN_BLOCK, into its bin;
 * BASE is where the pool's zspages begin. */
extern void
zs_bins_insert (struct zs_bins *bins, void *base, zs_ref ref, uint32_t len);

/* Take it out again. */
extern void
zs_bins_remove (struct zs_bins *bins, void *base, zs_ref ref, uint32_t len);

/* The length of the shortest free block of at least LEN granules, whose bin
 * then has a head; 0 if there is none. */
extern uint32_t zs_bins_best_fit (const struct zs_bins *bins, uint32_t len);

#endif /* ZRAM_ZSBINS_H */
