/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of compaction share: pools of which it is known what can be
 * gained from them, pools with holes at random, and compaction with a look at
 * what it says of itself.
 */
#ifndef ZRAM_COMPACTING_H
#define ZRAM_COMPACTING_H

#include <stdint.h>

#include "slots.h"

/* Objects that fill a zspage to its last byte: tags are 8 bytes, or none. */
struct kind {
  uint32_t len;
  unsigned per_zspage;
};

#define NR_KINDS 2

extern const struct kind kinds[NR_KINDS];

/* N full zspages, one after the other. */
extern void
slots_make_full (struct slots *slots, unsigned n, const struct kind *kind);

/* Two zspages, the first with one free place, the second with one object: the
 * returned slot's.  So there is one zspage to be gained, by one move. */
extern unsigned
slots_make_nearly_one (struct slots *slots, const struct kind *kind);

/* Ten zspages, a quarter full. */
extern void
slots_make_quarter_full (struct slots *slots, const struct kind *kind);

/* Real sizes, and others. */
struct sizes {
  uint64_t (*draw_len) (uint64_t *random);
  unsigned count;    /* of objects */
  unsigned permille; /* how much the pool may be over what was asked for */
  unsigned percent;  /* how much may be moved, of the least */
};

#define NR_SIZES 3

extern const struct sizes all_sizes[NR_SIZES];

/* As many objects of these sizes as SIZES says, or fewer where each is slow. */
extern void slots_make_random (struct slots *slots, const struct sizes *sizes,
                               uint64_t *random);

/* Empty PERCENT of each hundred slots, at random. */
extern void
slots_drop_random (struct slots *slots, unsigned percent, uint64_t *random);

/* Compact: the pages that zs_compact says were gained, which must be what the
 * pool counts, and what it shrank by.  Nobody is calling. */
extern uint64_t slots_compact (struct slots *slots);

#endif /* ZRAM_COMPACTING_H */
