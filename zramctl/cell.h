/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers as watch shows them; "-" is one that nobody knows. */
#ifndef ZRAM_CELL_H
#define ZRAM_CELL_H

#include "sample.h"

#define CELL 64

struct cell {
  char text[CELL];
};

extern struct cell cell_size (uint64_t bytes);

/* Of data to memory. */
extern struct cell cell_ratio (const struct sample *sample);

/* RATE divided by UNIT; what is negative is not known. */
extern struct cell cell_rate (double rate, double unit);

extern struct cell
cell_count (const struct sample *sample, enum sample_attribute attribute,
            unsigned column);

#endif /* ZRAM_CELL_H */
